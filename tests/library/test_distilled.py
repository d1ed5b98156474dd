"""Names that tell of few steps bring their own defaults; other names, and a file that tells its own, do not."""

import json

import pytest
from library.test_scan import SD1, write

from webui.library import Library
from webui.library.distilled import advised
from webui.samplers.catalog import find_sampler, find_schedule


@pytest.mark.parametrize(
    ("name", "steps", "guidance", "sampler"),
    [
        ("sdxl_lightning_8step", 8, 1.0, "Euler"),
        ("RealVisXL_V4.0_Lightning", 4, 1.0, "Euler"),
        ("Hyper-SDXL-1step", 1, 1.0, "Euler"),
        ("Hyper-SD15-8steps", 8, 1.0, "Euler"),
        ("dreamshaper-8-lcm", 6, 1.5, "LCM"),
        ("sd_xl_turbo_1.0_fp16", 4, 1.0, "Euler a"),
        ("sd-turbo", 4, 1.0, "Euler a"),
        ("DreamShaperXL_TurboDPMSDE", 8, 2.0, "DPM++ SDE"),
    ],
)
def test_a_distilled_model_is_made_with_few_steps(name, steps, guidance, sampler):
    values = advised(name)
    assert (values["steps"], values["guidance"], values["sampler"]) == (steps, guidance, sampler)
    assert find_sampler(values["sampler"]) and find_schedule(values["schedule"])


@pytest.mark.parametrize("name", ["hyperrealism_v3", "dreamshaper_8", "v1-5-pruned", "my_20steps", "helcmet"])
def test_other_names_say_nothing(name):
    assert advised(name) == {}


def test_the_library_lists_them_with_it_and_the_makers_own_word_counts_more(tmp_path):
    place = tmp_path / "Stable-diffusion"
    write(place / "x_lightning_4step.safetensors", SD1)
    write(place / "y_lightning.safetensors", SD1, {"darkroom.native": json.dumps({"steps": 30})})
    write(place / "plain.safetensors", SD1)
    found = {model.name: (model.native.steps, model.native.guidance) for model in Library([tmp_path]).models("checkpoint")}
    assert found == {"x_lightning_4step": (4, 1.0), "y_lightning": (30, 1.0), "plain": (20, 7.0)}
