"""Samplers that jump to the prediction and put noise back: LCM, TCD, and DDPM's own step."""

import math

import torch
from torch import Tensor

from webui.samplers.stepping import Denoiser, Extra, NoiseSampler, SamplerRun, SnrRun, StepCallback, to_d


@torch.no_grad()
def sample_lcm(
    model: Denoiser,
    x: Tensor,
    sigmas: Tensor,
    extra_args: Extra = None,
    callback: StepCallback = None,
    disable: bool | None = None,
    noise_sampler: NoiseSampler | None = None,
) -> Tensor:
    """Multistep consistency sampling (Luo et al. 2023, Algorithm 3)."""
    run = SnrRun(model, x, sigmas, extra_args, callback, noise_sampler)
    x = run.start(x)
    for i, (sigma, sigma_next) in enumerate(zip(run.levels, run.levels[1:], strict=False)):
        denoised = run.denoise(x, sigma)
        run.report(i, x, sigma, denoised)
        x = denoised if sigma_next == 0 else denoised + sigma_next * run.noise(x, sigma, sigma_next)
    return run.end(x)


@torch.no_grad()
def sample_tcd(
    model: Denoiser,
    x: Tensor,
    sigmas: Tensor,
    extra_args: Extra = None,
    callback: StepCallback = None,
    disable: bool | None = None,
    eta: float = 0.3,
    noise_sampler: NoiseSampler | None = None,
) -> Tensor:
    """Strategic stochastic sampling (Zheng et al. 2024, Algorithm 3): go to (1 - eta) of the next time, then back up with noise."""
    from webui.samplers.schedules import model_levels

    run = SamplerRun(model, x, sigmas, extra_args, callback, noise_sampler)
    table = run.process.table or model_levels()
    for i, (sigma, sigma_next) in enumerate(zip(run.levels, run.levels[1:], strict=False)):
        denoised = run.denoise(x, sigma)
        run.report(i, x, sigma, denoised)
        if sigma_next == 0:
            x = denoised
            continue
        below = min(float(table.sigma(math.floor((1 - eta) * float(table.time(sigma_next))))), sigma_next) if eta else sigma_next
        x = denoised + below * to_d(x, sigma, denoised)
        if sigma_next > below:
            x = x + math.sqrt(sigma_next**2 - below**2) * run.noise(x, sigma, sigma_next)
    return x


@torch.no_grad()
def sample_ddpm(
    model: Denoiser,
    x: Tensor,
    sigmas: Tensor,
    extra_args: Extra = None,
    callback: StepCallback = None,
    disable: bool | None = None,
    noise_sampler: NoiseSampler | None = None,
) -> Tensor:
    """DDPM's posterior mean and variance (Ho et al. 2020, equation 7) between any two noise levels, alpha-bar = 1 / (1 + sigma²)."""
    run = SnrRun(model, x, sigmas, extra_args, callback, noise_sampler)
    x = run.start(x)
    for i, (sigma, sigma_next) in enumerate(zip(run.levels, run.levels[1:], strict=False)):
        denoised = run.denoise(x, sigma)
        run.report(i, x, sigma, denoised)
        share = (sigma_next / sigma) ** 2
        x = denoised + share * (x - denoised)
        if sigma_next > 0:
            x = x + sigma_next * math.sqrt(1 - share) * run.noise(x, sigma, sigma_next)
    return run.end(x)
