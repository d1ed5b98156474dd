"""SEEDS (Gonzalez et al. 2023, arXiv:2305.14267): exponential integrators for the SDE, two and three stages; Heun in the ODE's limit."""

import math

import torch
from torch import Tensor

from webui.samplers.stepping import Denoiser, Extra, NoiseSampler, SnrRun, StepCallback


def _decay(h: float, fraction: float, eta: float) -> float:
    """How much of x is left after the fraction of a step of length h in log sigma."""
    return math.exp(-fraction * h * (1 + eta))


def _share(h: float, eta: float, since: float, until: float) -> float:
    """Standard deviation, in units of the level reached, of noise added between `until` and `since` (fractions of the step) before it."""
    return math.sqrt(max(math.exp(-2 * until * h * eta) - math.exp(-2 * since * h * eta), 0.0))


@torch.no_grad()
def sample_seeds_2(
    model: Denoiser,
    x: Tensor,
    sigmas: Tensor,
    extra_args: Extra = None,
    callback: StepCallback = None,
    disable: bool | None = None,
    eta: float = 1.0,
    s_noise: float = 1.0,
    noise_sampler: NoiseSampler | None = None,
    r: float = 0.5,
    solver_type: str = "phi_1",
) -> Tensor:
    """SEEDS-2; `r` places the inner stage, `solver_type` is "phi_1" or "phi_2" (how the two predictions are weighted)."""
    if solver_type not in ("phi_1", "phi_2"):
        raise ValueError("solver_type must be 'phi_1' or 'phi_2'")
    run = SnrRun(model, x, sigmas, extra_args, callback, noise_sampler)
    x = run.start(x)
    noisy = eta > 0 and s_noise > 0
    for i, (sigma, sigma_next) in enumerate(zip(run.levels, run.levels[1:], strict=False)):
        denoised = run.denoise(x, sigma)
        run.report(i, x, sigma, denoised)
        if sigma_next == 0:
            x = denoised
            continue
        h = math.log(sigma / sigma_next)
        inner = sigma * math.exp(-r * h)
        left = _decay(h, r, eta)
        x_inner = left * x + (1 - left) * denoised
        early: Tensor | float = 0.0
        if noisy:
            early = run.noise(x, sigma, inner)
            x_inner = x_inner + inner * s_noise * _share(h, eta, r, 0) * early
        denoised_inner = run.denoise(x_inner, inner)
        left = _decay(h, 1, eta)
        second = (1 - left) / (2 * r) if solver_type == "phi_1" else (1 - (1 - left) / (h * (1 + eta))) / r
        x = left * x + (1 - left - second) * denoised + second * denoised_inner
        if noisy:
            late = run.noise(x, inner, sigma_next)
            x = x + sigma_next * s_noise * (_share(h, eta, 1, 1 - r) * early + _share(h, eta, 1 - r, 0) * late)
    return run.end(x)


def sample_exp_heun_2_x0(
    model: Denoiser,
    x: Tensor,
    sigmas: Tensor,
    extra_args: Extra = None,
    callback: StepCallback = None,
    disable: bool | None = None,
    solver_type: str = "phi_2",
) -> Tensor:
    """Exponential Heun in data prediction: SEEDS-2 without noise, its inner stage at the end of the step."""
    return sample_seeds_2(model, x, sigmas, extra_args, callback, disable, eta=0.0, s_noise=0.0, r=1.0, solver_type=solver_type)


def sample_exp_heun_2_x0_sde(
    model: Denoiser,
    x: Tensor,
    sigmas: Tensor,
    extra_args: Extra = None,
    callback: StepCallback = None,
    disable: bool | None = None,
    eta: float = 1.0,
    s_noise: float = 1.0,
    noise_sampler: NoiseSampler | None = None,
    solver_type: str = "phi_2",
) -> Tensor:
    """The same with noise."""
    return sample_seeds_2(model, x, sigmas, extra_args, callback, disable, eta, s_noise, noise_sampler, r=1.0, solver_type=solver_type)


@torch.no_grad()
def sample_seeds_3(
    model: Denoiser,
    x: Tensor,
    sigmas: Tensor,
    extra_args: Extra = None,
    callback: StepCallback = None,
    disable: bool | None = None,
    eta: float = 1.0,
    s_noise: float = 1.0,
    noise_sampler: NoiseSampler | None = None,
    r_1: float = 1 / 3,
    r_2: float = 2 / 3,
) -> Tensor:
    """SEEDS-3; `r_1` and `r_2` place the inner stages."""
    run = SnrRun(model, x, sigmas, extra_args, callback, noise_sampler)
    x = run.start(x)
    noisy = eta > 0 and s_noise > 0
    for i, (sigma, sigma_next) in enumerate(zip(run.levels, run.levels[1:], strict=False)):
        denoised = run.denoise(x, sigma)
        run.report(i, x, sigma, denoised)
        if sigma_next == 0:
            x = denoised
            continue
        h = math.log(sigma / sigma_next)
        stages = (r_1, r_2, 1.0)
        predictions, noises = [denoised], []
        for number, stage in enumerate(stages):
            here, there = (sigma * math.exp(-part * h) for part in ((0.0, *stages)[number], stage))
            stage_x = _stage(x, predictions, h, eta, stage, stages)
            if noisy:
                noises.append(run.noise(x, here, there))
                edges = (0.0, *stages)
                for index, noise in enumerate(noises):
                    stage_x = stage_x + there * s_noise * _share(h, eta, stage - edges[index], stage - edges[index + 1]) * noise
            if stage < 1:
                predictions.append(run.denoise(stage_x, there))
        x = stage_x
    return run.end(x)


def _stage(x: Tensor, predictions: list[Tensor], h: float, eta: float, stage: float, stages: tuple[float, ...]) -> Tensor:
    """Exponential step to one stage; from the second on it leans on the newest prediction."""
    left = _decay(h, stage, eta)
    result = left * x + (1 - left) * predictions[0]
    if len(predictions) > 1:
        before = stages[len(predictions) - 2]
        result = result + stage / before * (1 - (1 - left) / (stage * h * (1 + eta))) * (predictions[-1] - predictions[0])
    return result
