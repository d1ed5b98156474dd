"""What a request leaves to choose is chosen, and names that say more than a name are taken apart."""

from dataclasses import replace

import pytest
import torch
from pipelines import tiny
from safetensors.torch import save_file

from webui.core.protocol import Capabilities
from webui.core.request import parse_request
from webui.errors import RequestError
from webui.library import Library
from webui.resolve import World, resolve


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    models = tmp_path_factory.mktemp("models")
    tiny.write(models / "Stable-diffusion" / "tiny.safetensors")
    return World(Library((models,), models / "cache"), lambda name: models / name, Capabilities, dict)


def resolved(world, **fields):
    return resolve(parse_request(fields), world)


def test_nothing_is_left_to_choose(world):
    request = resolved(world)
    left = {
        name for name in ("checkpoint", "width", "height", "steps", "sampler", "schedule", "guidance") if getattr(request, name) is None
    }
    assert left == set() and request.seed >= 0 and request.variation_seed >= 0


def test_an_unknown_upscaler_is_refused_before_the_first_pass(world):
    known = replace(world, capabilities=lambda: Capabilities(upscalers=("Latent", "Lanczos")))
    with pytest.raises(RequestError, match="no upscaler named 'ESRGAN'. There are: Latent, Lanczos.") as caught:
        resolved(known, hires={"upscaler": "ESRGAN"})
    assert caught.value.field == "hires.upscaler"
    assert resolved(known, hires={"upscaler": "lanczos"}).hires.upscaler == "Lanczos"
    assert resolved(world, hires={"upscaler": "ESRGAN"}).hires.upscaler == "ESRGAN"


def test_a_family_that_is_not_loaded_yet_is_refused_by_name(world, tmp_path):
    save_file({"conditioner.embedders.1.model.ln_final.weight": torch.zeros(1)}, tmp_path / "big.safetensors")
    other = replace(world, library=Library((tmp_path,), tmp_path / "cache"), capabilities=lambda: Capabilities(families=("sd1",)))
    for checkpoint in ("big", None):
        with pytest.raises(RequestError, match="big.safetensors is SDXL: coming; this version loads SD 1.x.") as caught:
            resolved(other, checkpoint=checkpoint)
        assert caught.value.field == "checkpoint"
    unknown = replace(other, capabilities=Capabilities)
    assert resolved(unknown, checkpoint="big").checkpoint.startswith("big [")


def test_a_schedule_in_the_samplers_name(world):
    request = resolved(world, sampler="dpm++ 2m karras")
    assert (request.sampler, request.schedule) == ("DPM++ 2M", "Karras")


def test_an_option_in_the_samplers_name_gives_way_to_one_that_is_said(world):
    request = resolved(world, sampler="uni_pc_bh2", sampler_options={"unipc_order": 2})
    assert (request.sampler, request.sampler_options.unipc_variant, request.sampler_options.unipc_order) == ("UniPC", "bh2", 2)
    assert resolved(world, sampler="uni_pc_bh2", sampler_options={"unipc_variant": "bh1"}).sampler_options.unipc_variant == "bh1"
    assert resolved(world, sampler="res_multistep_ancestral").sampler_options.eta == 1.0


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"prompt": "BREAK " * 16_000}, "prompt"),
        ({"negative_prompt": "BREAK " * 16_000}, "negative_prompt"),
        ({"prompt": "a AND " * 10_000}, "prompt"),
        ({"hires": {"prompt": "BREAK " * 1000}}, "hires.prompt"),
        ({"hires": {"negative_prompt": "BREAK " * 1000}}, "hires.negative_prompt"),
    ],
)
def test_a_prompt_that_would_take_hours_is_refused_beside_its_field(world, fields, field):
    with pytest.raises(RequestError, match="This prompt is too large") as caught:
        resolved(world, **fields)
    assert caught.value.field == field


def test_long_prompts_and_many_alternations_go_through(world):
    assert resolved(world, prompt="a red cat, " * 2000, steps=1000).prompt
    assert resolved(world, prompt="[a|b]" * 20_000, steps=1000).prompt
