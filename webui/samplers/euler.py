"""Euler's method, plain and ancestral."""

import math

import torch
from torch import Tensor

from webui.samplers.stepping import Denoiser, Extra, NoiseSampler, SamplerRun, StepCallback, churn, renoised, to_d


@torch.no_grad()
def sample_euler(
    model: Denoiser,
    x: Tensor,
    sigmas: Tensor,
    extra_args: Extra = None,
    callback: StepCallback = None,
    disable: bool | None = None,
    s_churn: float = 0.0,
    s_tmin: float = 0.0,
    s_tmax: float = math.inf,
    s_noise: float = 1.0,
    noise_sampler: NoiseSampler | None = None,
) -> Tensor:
    """Euler steps down the probability-flow ODE (Karras et al. 2022, Algorithm 2)."""
    run = SamplerRun(model, x, sigmas, extra_args, callback, noise_sampler)
    for i, (sigma, sigma_next) in enumerate(zip(run.levels, run.levels[1:], strict=False)):
        x, hat = churn(run, x, sigma, s_churn, s_tmin, s_tmax, s_noise)
        denoised = run.denoise(x, hat)
        run.report(i, x, sigma, denoised, hat)
        x = x + to_d(x, hat, denoised) * (sigma_next - hat)
    return x


@torch.no_grad()
def sample_euler_ancestral(
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
    """Euler steps that go lower than asked and add noise back (Song et al. 2020, DDIM with eta)."""
    run = SamplerRun(model, x, sigmas, extra_args, callback, noise_sampler)
    for i, (sigma, sigma_next) in enumerate(zip(run.levels, run.levels[1:], strict=False)):
        denoised = run.denoise(x, sigma)
        run.report(i, x, sigma, denoised)
        down, up, factor = run.process.ancestral_step(sigma, sigma_next, eta)
        x = denoised if down == 0 else x + to_d(x, sigma, denoised) * (down - sigma)
        if sigma_next > 0:
            x = renoised(run, x, sigma, sigma_next, up, factor, s_noise)
    return x
