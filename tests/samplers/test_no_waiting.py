"""No step reads a number back from the device: on torch's `meta` device, which has no numbers, reading one is an error."""

import pytest
import torch

from webui.models.prediction import EpsPrediction, RectifiedFlow, VPrediction
from webui.samplers import get_sigmas
from webui.samplers.catalog import BUILTIN_SAMPLERS, get_sampler
from webui.samplers.denoiser import SigmaDenoiser
from webui.samplers.guidance import combine, rescale
from webui.samplers.schedules import model_levels

STEADY = [sampler for sampler in BUILTIN_SAMPLERS if sampler.name != "DPM adaptive"]


def on_meta(sampler, model):
    x = torch.zeros(2, 4, 8, 8, device="meta")
    return sampler.function(model, x, get_sigmas("Karras", 22), callback=lambda state: None)


@pytest.mark.parametrize("sampler", STEADY, ids=lambda sampler: sampler.name)
def test_a_sampler_waits_for_no_number(sampler):
    assert on_meta(sampler, lambda x, sigma: x * 0.5).device.type == "meta"


PREDICTIONS = [EpsPrediction(model_levels()), VPrediction(model_levels()), RectifiedFlow()]


@pytest.mark.parametrize("prediction", PREDICTIONS, ids=lambda prediction: prediction.name)
def test_denoiser_and_guidance_wait_for_no_number(prediction):
    network = SigmaDenoiser(lambda x, timesteps: x * timesteps.view(-1, 1, 1, 1), prediction)

    def model(x, sigma):
        cond, uncond = network(x, sigma), network(x, sigma)
        return rescale(combine(uncond, [cond], [1.0], 7.0), cond, 0.5, x, sigma, prediction.still)

    assert on_meta(get_sampler("DPM++ 2M"), model).device.type == "meta"


def test_only_step_size_control_must_look():
    with pytest.raises(RuntimeError, match="meta"):
        on_meta(get_sampler("DPM adaptive"), lambda x, sigma: x * 0.5)
