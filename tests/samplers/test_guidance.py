"""Classifier-free guidance, its composition, and the rules that leave it out."""

import pytest
import torch
from samplers.gaussian import HIGH, Gaussian, falling

from webui.core.request import GuidanceOptions
from webui.samplers import get_sampler
from webui.samplers.guidance import SkipRule, combine, combine_edit, rescale

UNCOND, ONE, TWO = (torch.full((1, 4, 2, 2), value) for value in (1.0, 2.0, 5.0))


def first(x):
    return float(x.flatten()[0])


@pytest.mark.parametrize(("scale", "expected"), [(0.0, 1.0), (1.0, 2.0), (7.0, 8.0)])
def test_guidance_goes_from_without_to_beyond(scale, expected):
    assert first(combine(UNCOND, [ONE], [1.0], scale)) == expected


def test_prompts_joined_by_and_add_up_by_weight():
    assert first(combine(UNCOND, [ONE, TWO], [1.0, -0.5], 2.0)) == 1 + 2 * (1 - 0.5 * 4)


def test_two_scales_for_edits():
    assert first(combine_edit(UNCOND, ONE, [TWO], [1.0], 3.0, 1.5)) == 1 + 1.5 + 9


def test_rescale_restores_the_contrast():
    cond, x, sigma = torch.randn(2, 4, 8, 8), torch.zeros(2, 4, 8, 8), torch.tensor([3.0, 1.0])
    guided = cond * 3
    torch.testing.assert_close(rescale(guided, cond, 1.0, x, sigma), cond, rtol=1e-4, atol=1e-5)
    assert rescale(guided, cond, 0.0, x, sigma) is guided
    torch.testing.assert_close(rescale(guided, cond, 0.5, x, sigma), cond * 2, rtol=1e-4, atol=1e-5)


def test_rescale_works_on_the_velocity_as_its_paper_does():
    cond, uncond, x = (torch.randn(1, 4, 8, 8, dtype=torch.float64) for _ in range(3))
    sigma = torch.tensor([2.0], dtype=torch.float64)

    def velocity(denoised):
        return (x / 5 - denoised) * 5**0.5 / 2

    guided = combine(uncond, [cond], [1.0], 7.0)
    result = velocity(rescale(guided, cond, 0.7, x, sigma))
    wanted = velocity(guided) * (0.7 * velocity(cond).std() / velocity(guided).std() + 0.3)
    torch.testing.assert_close(result, wanted)


def test_early_calls_go_without_the_negative_prompt():
    rule = SkipRule(GuidanceOptions(skip_early=0.3), 10)
    assert [call for call in range(10) if rule.skips(call, 5.0)] == [0, 1, 2, 3]
    assert not any(SkipRule(GuidanceOptions(), 10).skips(call, 0.1) for call in range(10))


def test_low_levels_go_without_it_every_other_time_or_always():
    every_other, always = (SkipRule(GuidanceOptions(min_sigma=2.0, min_sigma_all=flag), 10) for flag in (False, True))
    levels = [9.0, 8.0, 1.0, 1.0, 0.5, 0.5]
    assert [call for call, level in enumerate(levels) if every_other.skips(call, level)] == [3, 5]
    assert [call for call, level in enumerate(levels) if always.skips(call, level)] == [2, 3, 4, 5]


class Guided(Gaussian):
    """Keeps the promise of `needs_uncond`: the last call's unconditional prediction lies in `extra`."""

    def __init__(self, extra, shift):
        super().__init__()
        self.extra, self.shift = extra, shift

    def __call__(self, x, sigma):
        denoised = super().__call__(x, sigma)
        self.extra["uncond"] = denoised + self.shift
        return denoised


@pytest.mark.parametrize("name", ["Euler CFG++", "Euler a CFG++", "DPM++ 2M CFG++", "DDIM CFG++"])
def test_cfgpp_steps_along_the_unconditional_noise(name):
    sampler, plain = get_sampler(name), get_sampler(name.removesuffix(" CFG++"))
    knobs = {"eta": 0.0} if "eta" in sampler.options else {}
    x, sigmas = torch.full((1, 1, 2, 2), HIGH, dtype=torch.float64), falling(10)

    def run(which, shift):
        extra = {}
        return which.function(
            Guided(extra, shift), x, sigmas, extra_args=extra, **(knobs if which is sampler or "eta" in which.options else {})
        )

    torch.testing.assert_close(run(sampler, 0.0), run(plain, 0.0))
    assert not torch.allclose(run(sampler, 0.5), run(plain, 0.5))
    torch.testing.assert_close(sampler.function(Gaussian(), x, sigmas, **knobs), run(plain, 0.0))


def test_one_cfgpp_step_by_hand():
    extra = {}
    model, x = Guided(extra, 0.5), torch.full((1, 1, 1, 1), 4.0, dtype=torch.float64)
    result = get_sampler("Euler CFG++").function(model, x, torch.tensor([4.0, 1.0], dtype=torch.float64), extra_args=extra)
    denoised = float(Gaussian()(x, torch.tensor([4.0])))
    assert first(result) == pytest.approx(denoised + 1.0 * (4 - (denoised + 0.5)) / 4)
