"""Samplers on rectified flow: the exact end for Gaussian data, its spread where noise is added, and a refusal where there is no way."""

import math

import pytest
import torch
from samplers.gaussian import Gaussian, quiet

from webui.core.request import SamplerOptions
from webui.errors import RequestError
from webui.models.prediction import EpsPrediction, RectifiedFlow
from webui.samplers.catalog import BUILTIN_SAMPLERS, BUILTIN_SCHEDULES, check_process, get_sampler, get_schedule
from webui.samplers.planning import plan_levels
from webui.samplers.process import VARIANCE_EXPLODING
from webui.samplers.schedules import model_levels

FLOW = RectifiedFlow(shift=2.0)
EXTRA = {"prediction": FLOW}
FLOWING = [sampler for sampler in BUILTIN_SAMPLERS if "flow" in sampler.processes]
JUMPS = {"LCM", "DDPM", "ER SDE", "DPM adaptive"}
S, HIGH, LOW = 0.7, 0.98, 0.02


class FlowGaussian:
    """The exact denoiser of x = (1 - t) · picture + t · noise for pictures N(0, s²)."""

    def __init__(self, s: float = S):
        self.s = s

    def spread(self, t: float) -> float:
        return math.sqrt(((1 - t) * self.s) ** 2 + t**2)

    def __call__(self, x, sigma, **extra):
        assert not extra
        t = sigma.view(-1, *[1] * (x.ndim - 1))
        return x * (1 - t) * self.s**2 / (((1 - t) * self.s) ** 2 + t**2)


def levels(steps: int, high: float = HIGH, low: float = LOW) -> torch.Tensor:
    return torch.linspace(high, low, steps + 1, dtype=torch.float64)


def error(sampler, steps: int) -> float:
    model, x = FlowGaussian(), torch.ones(1, 1, 2, 2, dtype=torch.float64)
    result = sampler.function(model, x, levels(steps), extra_args=EXTRA, **quiet(sampler))
    return float((result - model.spread(LOW) / model.spread(HIGH)).abs().max())


@pytest.mark.parametrize("sampler", [each for each in FLOWING if each.name not in JUMPS], ids=lambda each: each.name)
def test_without_noise_a_sampler_finds_the_exact_end(sampler):
    coarse, fine = error(sampler, 50), error(sampler, 200)
    assert fine < 0.01
    assert math.log2(coarse / fine) / 2 > min(sampler.order, 2) - 0.35


def test_step_size_control_finds_it_too():
    sampler = get_sampler("DPM adaptive")
    model, x = FlowGaussian(), torch.ones(1, 1, 2, 2, dtype=torch.float64)
    result = sampler.function(model, x, levels(5), extra_args=EXTRA, eta=0.0, rtol=1e-3, atol=1e-4)
    assert float((result - model.spread(LOW) / model.spread(HIGH)).abs().max()) < 5e-3


NOISY = [each for each in FLOWING if each.noise != "none" and each.name not in {"Heun", "DPM2", "HeunPP2", "LCM"}]


@pytest.mark.parametrize("sampler", NOISY, ids=lambda each: each.name)
def test_noise_that_is_added_ends_in_pictures_of_the_datas_spread(sampler):
    """From pure noise at sigma 1 down to 0, as a picture is made."""
    options = {"eta": 1.0} if "eta" in sampler.options else {"s_churn": 8.0} if "s_churn" in sampler.options else {}
    options |= {"rtol": 0.005, "atol": 0.0008} if sampler.adaptive else {}
    generator = torch.Generator().manual_seed(3)

    def noise(sigma, sigma_next):
        assert 0 <= float(sigma_next) <= 1 and 0 <= float(sigma) <= 1
        return torch.randn(1, 1, 64, 64, generator=generator, dtype=torch.float64)

    sigmas = torch.cat([torch.linspace(1.0, 0.01, 80, dtype=torch.float64), torch.zeros(1, dtype=torch.float64)])
    start = torch.randn(1, 1, 64, 64, generator=generator, dtype=torch.float64)
    seen = []
    result = sampler.function(
        FlowGaussian(),
        start,
        sigmas,
        extra_args=EXTRA,
        noise_sampler=noise,
        callback=lambda told: seen.append(float(told["sigma"])),
        **options,
    )
    assert float(result.std()) == pytest.approx(S, rel=0.08)
    assert all(0 <= sigma <= 1 for sigma in seen)


@pytest.mark.parametrize("name", ["Euler", "DPM++ 2M", "DPM++ SDE", "Heun", "DEIS", "SEEDS-3"])
def test_float32_from_pure_noise_stays_near_float64(name):
    sampler, results = get_sampler(name), []
    for dtype in (torch.float32, torch.float64):
        sigmas = torch.cat([torch.linspace(1.0, 0.01, 30), torch.zeros(1)]).to(dtype)
        x = torch.linspace(-2, 2, 64).reshape(1, 1, 8, 8).to(dtype)
        options = {"noise_sampler": lambda sigma, sigma_next: torch.ones(1, 1, 8, 8)} if sampler.noise != "none" else {}
        results.append(sampler.function(FlowGaussian(), x, sigmas, extra_args=EXTRA, **options).double())
    assert float((results[0] - results[1]).abs().max()) < 1e-3


@pytest.mark.parametrize("sampler", BUILTIN_SAMPLERS, ids=lambda each: each.name)
def test_a_diffusion_models_prediction_changes_no_bit(sampler):
    sigmas = torch.cat([torch.logspace(1.16, -1.5, 24), torch.zeros(1)])
    results = []
    for extra in (None, {}, {"prediction": EpsPrediction(model_levels())}):
        options = {"noise_sampler": lambda sigma, sigma_next: torch.full((1, 1, 4, 4), 0.3)} if sampler.noise != "none" else {}
        model = Gaussian()
        x = torch.linspace(-20, 20, 16).reshape(1, 1, 4, 4)
        results.append(sampler.function(lambda x, sigma, model=model: model(x, sigma), x, sigmas, extra_args=extra, **options))
    assert torch.equal(results[0], results[1]) and torch.equal(results[0], results[2])


def test_half_log_snr_is_that_of_the_mixture():
    for sigma in (0.1, 0.5, 0.9):
        assert FLOW.half_log_snr(sigma) == pytest.approx(math.log((1 - sigma) / sigma))
        assert FLOW.sigma_of(FLOW.noise_to_signal(sigma)) == pytest.approx(sigma)
        assert VARIANCE_EXPLODING.half_log_snr(sigma) == pytest.approx(-math.log(sigma))
    assert FLOW.half_log_snr(0) == math.inf and math.isfinite(FLOW.half_log_snr(1.0))


@pytest.mark.parametrize(("sigma", "sigma_next", "eta"), [(0.9, 0.5, 1.0), (0.9, 0.5, 0.3), (1.0, 0.7, 1.0), (0.5, 0.1, 0.8)])
def test_an_ancestral_step_lands_on_the_level(sigma, sigma_next, eta):
    down, up, factor = FLOW.ancestral_step(sigma, sigma_next, eta)
    assert 0 <= down < sigma_next and factor * (1 - down) == pytest.approx(1 - sigma_next)
    assert (factor * down) ** 2 + up**2 == pytest.approx(sigma_next**2)
    raised, noise = FLOW.raise_level(sigma_next, sigma)
    assert raised * (1 - sigma_next) == pytest.approx(1 - sigma) and (raised * sigma_next) ** 2 + noise**2 == pytest.approx(sigma**2)


def test_noise_is_mixed_in_and_the_start_is_noise_alone():
    noise, latent = torch.full((1, 1, 2, 2), 2.0), torch.full((1, 1, 2, 2), 6.0)
    assert float(FLOW.add_noise(latent, noise, 0.25).mean()) == pytest.approx(0.75 * 6 + 0.25 * 2)
    assert float(VARIANCE_EXPLODING.add_noise(latent, noise, 3.0).mean()) == 12
    assert float(FLOW.finalize(FLOW.add_noise(latent, noise * 0, 0.25), 0.25).mean()) == pytest.approx(6)


def test_shift_moves_the_levels_towards_noise():
    assert FLOW.sigma_max == 1 and FLOW.table.sigmas[499] == pytest.approx(2 * 0.5 / 1.5)
    assert RectifiedFlow().table.sigmas[499] == pytest.approx(0.5)
    assert FLOW.timestep(torch.tensor([0.5])).tolist() == [500]
    with pytest.raises(ValueError, match="shift"):
        RectifiedFlow(shift=0)


@pytest.mark.parametrize("name", ["DDIM", "PLMS", "UniPC", "DDIM CFG++", "Restart", "TCD"])
def test_samplers_that_cannot_say_so_before_they_compute(name):
    with pytest.raises(RequestError, match="does not work with rectified flow") as refused:
        check_process(get_sampler(name), "flow", "toy")
    assert refused.value.field == "sampler" and "Euler" in refused.value.message
    check_process(get_sampler(name), "ve", "sd")


def test_published_levels_of_diffusion_are_refused_and_every_other_schedule_is_within_the_flow():
    with pytest.raises(RequestError, match="does not work"):
        check_process(get_schedule("Align Your Steps"), "flow", "toy")
    for schedule in (each for each in BUILTIN_SCHEDULES if "flow" in each.processes):
        plan = plan_levels(get_sampler("Euler"), schedule, 9, FLOW.table, SamplerOptions())
        assert float(plan.sigmas[0]) <= 1 and float(plan.sigmas[-1]) >= 0, schedule.name
