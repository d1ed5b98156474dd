"""The second pass: sizes by A1111's rule, its own settings, every upscaler."""

import numpy as np
import pytest
import torch
from PIL import Image

from tests.whole_requests import resolved
from webui.core.request import HiresOptions
from webui.errors import RequestError
from webui.generation.hires import (
    Target,
    cut,
    second_request,
    target_size,
    upscale_latents,
)
from webui.images.upscaling import AT_ONCE, BUILTIN_UPSCALERS, LATENT_UPSCALERS, enlarge_to

NONE, LANCZOS, NEAREST = BUILTIN_UPSCALERS


@pytest.mark.parametrize(
    ("options", "target"),
    [
        ({"scale": 1.5}, Target(384, 288)),
        ({"width": 512}, Target(512, 384)),
        ({"height": 384}, Target(512, 384)),
        ({"width": 384, "height": 320}, Target(426, 320, 42, 0)),
        ({"width": 512, "height": 256}, Target(512, 384, 0, 128)),
    ],
)
def test_sizes(options, target):
    assert target_size(256, 192, HiresOptions(**options)) == target


def test_what_stands_over_is_cut_off_half_on_each_side():
    latents = torch.arange(6.0).reshape(1, 1, 1, 6)
    assert cut(latents, Target(48, 8, 24, 0)).flatten().tolist() == [1, 2, 3]  # three columns: one left, two right


def test_an_upscaler_is_not_asked_for_less_than_eight_pixels_more():
    image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8))
    assert enlarge_to(image, NEAREST, (68, 68), AT_ONCE) == image.resize((68, 68), Image.Resampling.LANCZOS)


@pytest.mark.parametrize("name", LATENT_UPSCALERS)
def test_latent_upscalers(name):
    assert upscale_latents(torch.randn(2, 4, 8, 8), Target(96, 128), name).shape == (2, 4, 16, 12)


@pytest.mark.parametrize("upscaler", BUILTIN_UPSCALERS, ids=lambda upscaler: upscaler.name)
def test_image_upscalers(upscaler):
    assert enlarge_to(Image.new("RGB", (64, 64)), upscaler, (96, 128), AT_ONCE).size == (96, 128)


def test_image_upscalers_pass_through_multiples_of_8():
    """A1111's upscalers do, so that 256 × 1.3 is enlarged to 332, brought to 328 and back to 332."""
    rows = np.random.default_rng(1).integers(0, 255, (64, 64, 3), np.uint8)
    image = Image.fromarray(rows)
    odd = (83, 83)
    by_steps = image.resize((83, 83), Image.Resampling.NEAREST).resize((80, 80), Image.Resampling.LANCZOS)
    assert np.array_equal(enlarge_to(image, NEAREST, odd, AT_ONCE), by_steps.resize((83, 83), Image.Resampling.LANCZOS))
    assert np.array_equal(enlarge_to(image, NONE, odd, AT_ONCE), image.resize((83, 83), Image.Resampling.LANCZOS))
    even = (96, 96)
    assert np.array_equal(enlarge_to(image, NEAREST, even, AT_ONCE), image.resize((96, 96), Image.Resampling.NEAREST))
    assert np.array_equal(enlarge_to(image, NEAREST, (64, 64), AT_ONCE), image)


@pytest.mark.parametrize("name", ["latent", "Latent (bicubic antialiased)", "Lanczos"])
def test_a_second_pass_makes_a_larger_picture(engine, name):
    picture = engine.make(prompt="fox", hires={"scale": 1.5, "upscaler": name, "strength": 0.6, "steps": 2})[0]
    assert picture.shape == (96, 96, 3)
    assert [step for phase, step, _ in engine.steps if phase == "hires"][-1] == 2
    again = engine.make(prompt="fox", hires={"scale": 1.5, "upscaler": name, "strength": 0.6, "steps": 2})[0]
    assert np.array_equal(picture, again)


def test_a_size_of_another_shape_is_covered_and_cut(engine):
    assert engine.make(hires={"width": 128, "height": 96, "strength": 0.5})[0].shape == (96, 128, 3)


def test_strength_zero_only_enlarges(engine):
    engine.make(hires={"scale": 2, "strength": 0})
    assert [phase for phase, *_ in engine.steps if phase == "hires"] == []


def test_its_own_settings_win():
    request = resolved(prompt="a", negative_prompt="b", steps=20, sampler="Euler", schedule="Karras", guidance=7)
    second = second_request(request, HiresOptions(steps=5, sampler="DDIM", guidance=1, prompt="c", strength=0.3))
    assert (second.steps, second.sampler, second.schedule, second.guidance) == (5, "DDIM", "Karras", 1)
    assert (second.prompt, second.negative_prompt, second.strength) == ("c", "b", 0.3)


def test_an_unknown_upscaler_is_refused_by_name(engine):
    with pytest.raises(RequestError, match="There are: Latent") as caught:
        engine.make(hires={"upscaler": "ESRGAN_4x"})
    assert caught.value.field == "hires.upscaler"


def test_its_prompt_changes_only_the_second_pass(engine):
    plain, other = (engine.make(prompt="fox", hires={"scale": 1.5, "strength": 0.7, "prompt": prompt})[0] for prompt in ("", "an owl"))
    assert not np.array_equal(plain, other)
