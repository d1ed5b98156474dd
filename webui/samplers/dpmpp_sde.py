"""Multistep DPM-Solver++ for the SDE (arXiv:2211.01095): 2M SDE in its two variants, 3M SDE. Time is t = -log sigma."""

import math

import torch
from torch import Tensor

from webui.samplers.stepping import Denoiser, Extra, NoiseSampler, SamplerRun, SnrRun, StepCallback


def _added(run: SamplerRun, x: Tensor, sigma: float, sigma_next: float, eta_h: float, s_noise: float) -> Tensor:
    """Noise of the reverse SDE over the step, at the level it ends on."""
    return run.noise(x, sigma, sigma_next) * sigma_next * math.sqrt(-math.expm1(-2 * eta_h)) * s_noise


@torch.no_grad()
def sample_dpmpp_2m_sde(
    model: Denoiser,
    x: Tensor,
    sigmas: Tensor,
    extra_args: Extra = None,
    callback: StepCallback = None,
    disable: bool | None = None,
    eta: float = 1.0,
    s_noise: float = 1.0,
    noise_sampler: NoiseSampler | None = None,
    solver_type: str = "midpoint",
) -> Tensor:
    """SDE-DPM-Solver++(2M); `solver_type` is "midpoint" or "heun"."""
    if solver_type not in ("midpoint", "heun"):
        raise ValueError("solver_type must be 'midpoint' or 'heun'")
    run = SnrRun(model, x, sigmas, extra_args, callback, noise_sampler)
    x = run.start(x)
    last: tuple[Tensor, float] | None = None
    for i, (sigma, sigma_next) in enumerate(zip(run.levels, run.levels[1:], strict=False)):
        denoised = run.denoise(x, sigma)
        run.report(i, x, sigma, denoised)
        if sigma_next == 0:
            x = denoised
            continue
        h = math.log(sigma / sigma_next)
        total = h * (1 + eta)
        gain = -math.expm1(-total)
        x = math.exp(-total) * x + gain * denoised
        if last is not None:
            weight = 0.5 * gain if solver_type == "midpoint" else 1 - gain / total
            x = x + weight * h / last[1] * (denoised - last[0])
        if eta:
            x = x + _added(run, x, sigma, sigma_next, eta * h, s_noise)
        last = denoised, h
    return run.end(x)


def sample_dpmpp_2m_sde_heun(
    model: Denoiser,
    x: Tensor,
    sigmas: Tensor,
    extra_args: Extra = None,
    callback: StepCallback = None,
    disable: bool | None = None,
    eta: float = 1.0,
    s_noise: float = 1.0,
    noise_sampler: NoiseSampler | None = None,
    solver_type: str = "heun",
) -> Tensor:
    """SDE-DPM-Solver++(2M), the Heun variant."""
    return sample_dpmpp_2m_sde(model, x, sigmas, extra_args, callback, disable, eta, s_noise, noise_sampler, solver_type)


@torch.no_grad()
def sample_dpmpp_3m_sde(
    model: Denoiser,
    x: Tensor,
    sigmas: Tensor,
    extra_args: Extra = None,
    callback: StepCallback = None,
    disable: bool | None = None,
    eta: float = 1.0,
    s_noise: float = 1.0,
    noise_sampler: NoiseSampler | None = None,
) -> Tensor:
    """SDE-DPM-Solver++(3M)."""
    run = SnrRun(model, x, sigmas, extra_args, callback, noise_sampler)
    x = run.start(x)
    past: list[tuple[Tensor, float]] = []
    for i, (sigma, sigma_next) in enumerate(zip(run.levels, run.levels[1:], strict=False)):
        denoised = run.denoise(x, sigma)
        run.report(i, x, sigma, denoised)
        if sigma_next == 0:
            x = denoised
            continue
        h = math.log(sigma / sigma_next)
        total = h * (1 + eta)
        x = math.exp(-total) * x - math.expm1(-total) * denoised + _corrections(denoised, past, h, total)
        if eta:
            x = x + _added(run, x, sigma, sigma_next, eta * h, s_noise)
        past = [(denoised, h), *past[:1]]
    return run.end(x)


def _corrections(denoised: Tensor, past: list[tuple[Tensor, float]], h: float, total: float) -> Tensor | float:
    """Second- and third-order terms from the predictions of the last steps, newest first."""
    if not past:
        return 0.0
    phi_2 = math.expm1(-total) / total + 1
    r_0 = past[0][1] / h
    slope_0 = (denoised - past[0][0]) / r_0
    if len(past) == 1:
        return phi_2 * slope_0
    r_1 = past[1][1] / h
    slope_1 = (past[0][0] - past[1][0]) / r_1
    first = slope_0 + (slope_0 - slope_1) * r_0 / (r_0 + r_1)
    second = (slope_0 - slope_1) / (r_0 + r_1)
    return phi_2 * first - (phi_2 / total - 0.5) * second
