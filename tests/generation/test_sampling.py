"""Where a pass takes its noise from."""

import pytest
import torch

from tests.whole_requests import resolved
from webui.generation.batching import Batch
from webui.generation.sampling import DenoiseInputs, fill_noise, image_noise, noise_option, second_stream, seed_torch
from webui.samplers.catalog import get_sampler, get_schedule
from webui.samplers.noise import generator

FIELDS = {"width": 64, "height": 64, "seed": 5}
BATCH = Batch(0, (0, 1), (5, 6), (9, 10))


@pytest.fixture
def model(engine):
    return engine.context.models.get("tiny", None, engine.plan)


def work(sampler="Euler a", **fields):
    return DenoiseInputs("sampling", resolved(**FIELDS | fields), get_sampler(sampler), get_schedule("Automatic"), None, (4, 8, 8))


def test_ddpm_draws_from_the_stream_that_forge_seeds_beside_the_pictures_own(model):
    """With the picture's own stream img2img by DDPM was another picture (12 dB to Forge's)."""
    ddpm = work("DDPM")
    second = second_stream(ddpm, BATCH, model)
    drawn = noise_option(ddpm, BATCH, None, image_noise(ddpm, BATCH, model), second, torch.zeros(2, 4, 8, 8))["noise_sampler"](2.0, 1.0)
    wanted = torch.stack([generator("cpu", (seed + 100_000) % 65_536).normal((4, 8, 8)) for seed in (5, 6)])
    assert torch.equal(drawn, wanted)


def test_ancestral_samplers_go_on_with_the_pictures_own_stream(model):
    ancestral = work()
    own = image_noise(ancestral, BATCH, model)
    own.next()
    drawn = noise_option(ancestral, BATCH, None, own, second_stream(ancestral, BATCH, model), torch.zeros(2, 4, 8, 8))["noise_sampler"](
        2.0, 1.0
    )
    streams = [generator("cpu", seed) for seed in (5, 6)]
    for stream in streams:
        stream.normal((4, 8, 8))
    assert torch.equal(drawn, torch.stack([stream.normal((4, 8, 8)) for stream in streams]))


def test_variation_does_not_change_the_noise_under_the_mask(model):
    """A1111's "latent noise" is the seed's alone."""
    varied = work(variation_strength=0.5, variation_seed=9, seed_resize_width=128, seed_resize_height=128)
    for plain, other in zip(fill_noise(work(), BATCH, model), fill_noise(varied, BATCH, model), strict=True):
        assert torch.equal(plain, other)


def test_torch_draws_as_after_its_own_seeding():
    torch.manual_seed(2**63 - 1)
    wanted = torch.rand(3)
    seed_torch(2**63 - 1, torch.device("cpu"))
    assert torch.equal(torch.rand(3), wanted)
