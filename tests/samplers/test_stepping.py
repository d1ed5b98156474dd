"""What every sampler owes its caller: k-diffusion's signature, callback and types, the picture's own noise, one step."""

import inspect
import math

import pytest
import torch
from samplers.gaussian import OPTIONS, Gaussian, falling, quiet

from webui.samplers import get_sigmas
from webui.samplers.catalog import AUTOMATIC, BUILTIN_SAMPLERS, BUILTIN_SCHEDULES, get_sampler, get_schedule
from webui.samplers.noise import BrownianNoise, ImageNoise
from webui.samplers.planning import plan_levels, sampler_options
from webui.samplers.schedules import model_levels

ALL = pytest.mark.parametrize("sampler", BUILTIN_SAMPLERS, ids=lambda sampler: sampler.name)
NOISY = pytest.mark.parametrize("sampler", [one for one in BUILTIN_SAMPLERS if one.noise != "none"], ids=lambda sampler: sampler.name)


@ALL
def test_the_signature_is_k_diffusions(sampler):
    parameters = list(inspect.signature(sampler.function).parameters)
    assert parameters[:6] == ["model", "x", "sigmas", "extra_args", "callback", "disable"]
    assert ("noise_sampler" in parameters) == (sampler.noise != "none")


@ALL
def test_the_callback_gets_k_diffusions_dict(sampler):
    seen = []
    x = torch.ones(2, 4, 4, 4)
    sampler.function(Gaussian(), x * 14.6, get_sigmas("Karras", 6), callback=seen.append, disable=True)
    assert seen and all(set(state) >= {"i", "x", "sigma", "sigma_hat", "denoised"} for state in seen)
    assert [state["i"] for state in seen] == list(range(len(seen)))
    assert all(state["denoised"].shape == x.shape and float(state["sigma"]) > 0 for state in seen)


@ALL
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_types_are_kept(sampler, dtype):
    model = Gaussian()
    result = sampler.function(model, torch.ones(3, 4, 2, 2, dtype=dtype) * 14.6, get_sigmas("Karras", 5))
    assert result.dtype == dtype and result.shape == (3, 4, 2, 2) and bool(result.isfinite().all())
    assert all(sigma.shape == (3,) and sigma.dtype == dtype for sigma in model.asked)


@ALL
@pytest.mark.parametrize("steps", [1, 2])
def test_one_and_two_steps_work_with_every_schedule(sampler, steps):
    noise = torch.randn(1, 4, 4, 4, generator=torch.Generator().manual_seed(1))
    for schedule in BUILTIN_SCHEDULES:
        plan = plan_levels(sampler, schedule, steps, model_levels(), OPTIONS)
        model = Gaussian(1.0)
        result = sampler.function(model, plan.begin(noise), plan.sigmas, **sampler_options(sampler, OPTIONS), **plan.options)
        assert model.asked and bool(plan.finish(result).isfinite().all())


@NOISY
def test_the_same_noise_gives_the_same_picture_and_other_noise_another(sampler):
    def run(seed):
        options = {"noise_sampler": ImageNoise([seed], (4, 4, 4)).sampler()}
        if "s_churn" in sampler.options:
            options["s_churn"] = 10.0
        if "eta" in sampler.options:
            options["eta"] = 1.0
        sigmas = get_sigmas("Karras", 22)
        return sampler.function(Gaussian(1.0), torch.ones(1, 4, 4, 4) * 14.6, sigmas, **options)

    assert torch.equal(run(1), run(1))
    assert not torch.equal(run(1), run(2))


@pytest.mark.parametrize("sampler", [one for one in BUILTIN_SAMPLERS if one.name != "DPM adaptive"], ids=lambda sampler: sampler.name)
def test_a_picture_is_the_same_alone_and_in_a_batch(sampler):
    """DPM adaptive is left out: its step size follows the error of the whole batch."""

    def run(seeds):
        noise = ImageNoise(seeds, (4, 4, 4))
        sigmas = get_sigmas("Karras", 8)
        x = noise.next() * 14.6
        drawing = BrownianNoise(x, 0.0291, 14.615, seeds) if sampler.noise == "brownian" else noise.sampler()
        options = {} if sampler.noise == "none" else {"noise_sampler": drawing}
        return sampler.function(Gaussian(1.0), x, sigmas, **options)

    torch.testing.assert_close(run([7, 8, 9])[1], run([8])[0], rtol=1e-5, atol=1e-5)


@NOISY
def test_without_noise_of_its_own_a_sampler_draws_torchs(sampler):
    torch.manual_seed(3)
    result = sampler.function(Gaussian(1.0), torch.ones(1, 4, 4, 4) * 14.6, get_sigmas("Karras", 5))
    assert bool(result.isfinite().all())


@ALL
def test_levels_need_not_end_in_zero(sampler):
    model, x = Gaussian(), torch.ones(1, 1, 2, 2, dtype=torch.float64) * 14.6
    result = sampler.function(model, x, falling(30), **quiet(sampler))
    assert bool(result.isfinite().all())


def test_noise_levels_reach_the_noise_sampler_in_order():
    asked = []

    def drawing(sigma, sigma_next):
        asked.append((float(sigma), float(sigma_next)))
        return torch.zeros(1, 4, 2, 2)

    get_sampler("Euler a").function(Gaussian(), torch.ones(1, 4, 2, 2) * 10, torch.tensor([10.0, 5.0, 1.0, 0.0]), noise_sampler=drawing)
    assert asked == [(10.0, 5.0), (5.0, 1.0)]


def test_churn_stays_inside_its_range():
    def hats(**churn):
        seen = []
        sampler = get_sampler("Euler")
        sampler.function(Gaussian(), torch.ones(1, 4, 2, 2) * 10, torch.tensor([10.0, 5.0, 1.0, 0.0]), callback=seen.append, **churn)
        return [float(state["sigma_hat"]) / float(state["sigma"]) for state in seen]

    assert hats() == [1, 1, 1]
    assert hats(s_churn=0.3) == pytest.approx([1.1] * 3)
    assert hats(s_churn=0.3, s_tmin=2, s_tmax=7) == pytest.approx([1, 1.1, 1])
    assert hats(s_churn=100) == pytest.approx([math.sqrt(2)] * 3)


@pytest.mark.parametrize("name", ["Euler", "Heun", "DPM2"])
def test_churn_draws_at_every_step_also_outside_its_range(name):
    """k-diffusion does: so a step's noise does not depend on where the range begins."""
    drawn = []

    def drawing(sigma, sigma_next):
        drawn.append(float(sigma))
        return torch.zeros(1, 4, 2, 2)

    sigmas = torch.tensor([10.0, 5.0, 1.0, 0.0])
    get_sampler(name).function(Gaussian(), torch.ones(1, 4, 2, 2) * 10, sigmas, noise_sampler=drawing, s_churn=0.3, s_tmax=7.0)
    assert drawn == [10, 5, 1]


def test_unknown_solver_variants_are_refused():
    x, sigmas = torch.ones(1, 4, 2, 2), torch.tensor([10.0, 1.0, 0.0])
    for name, option in (("DPM++ 2M SDE", {"solver_type": "x"}), ("SEEDS-2", {"solver_type": "x"}), ("UniPC", {"variant": "x"})):
        with pytest.raises(ValueError, match="must be"):
            get_sampler(name).function(Gaussian(), x, sigmas, **option)


def test_automatic_is_the_samplers_own_schedule():
    for name, own in (("DPM++ 2M", "Karras"), ("DPM++ 3M SDE", "Exponential"), ("Euler", "Uniform")):
        sampler = get_sampler(name)
        automatic, named = (plan_levels(sampler, get_schedule(label), 9, model_levels(), OPTIONS) for label in (AUTOMATIC, own))
        assert torch.equal(automatic.sigmas, named.sigmas)
