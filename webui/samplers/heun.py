"""Second-order single-step methods: Heun, DPM2, DPM2 a, and Heun++."""

import math

import torch
from torch import Tensor

from webui.samplers.stepping import Denoiser, Extra, NoiseSampler, SamplerRun, StepCallback, churn, renoised, to_d


def heun_step(run: SamplerRun, x: Tensor, sigma: float, sigma_next: float, denoised: Tensor) -> Tensor:
    """One Heun step; the step to zero is Euler's."""
    d = to_d(x, sigma, denoised)
    euler = x + d * (sigma_next - sigma)
    if sigma_next == 0:
        return euler
    d_next = to_d(euler, sigma_next, run.denoise(euler, sigma_next))
    return x + (d + d_next) / 2 * (sigma_next - sigma)


@torch.no_grad()
def sample_heun(
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
    """Heun's method with optional churn (Karras et al. 2022, Algorithm 2)."""
    run = SamplerRun(model, x, sigmas, extra_args, callback, noise_sampler)
    for i, (sigma, sigma_next) in enumerate(zip(run.levels, run.levels[1:], strict=False)):
        x, hat = churn(run, x, sigma, s_churn, s_tmin, s_tmax, s_noise)
        denoised = run.denoise(x, hat)
        run.report(i, x, sigma, denoised, hat)
        x = heun_step(run, x, hat, sigma_next, denoised)
    return x


def _midpoint_step(run: SamplerRun, x: Tensor, sigma: float, target: float, denoised: Tensor) -> Tensor:
    """Through the middle in log sigma; the step to zero is Euler's."""
    d = to_d(x, sigma, denoised)
    if target == 0:
        return x + d * (target - sigma)
    middle = math.sqrt(sigma * target)
    x_middle = x + d * (middle - sigma)
    return x + to_d(x_middle, middle, run.denoise(x_middle, middle)) * (target - sigma)


@torch.no_grad()
def sample_dpm_2(
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
    """DPM-Solver-2 with optional churn (Lu et al. 2022)."""
    run = SamplerRun(model, x, sigmas, extra_args, callback, noise_sampler)
    for i, (sigma, sigma_next) in enumerate(zip(run.levels, run.levels[1:], strict=False)):
        x, hat = churn(run, x, sigma, s_churn, s_tmin, s_tmax, s_noise)
        denoised = run.denoise(x, hat)
        run.report(i, x, sigma, denoised, hat)
        x = _midpoint_step(run, x, hat, sigma_next, denoised)
    return x


@torch.no_grad()
def sample_dpm_2_ancestral(
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
    """DPM-Solver-2 with ancestral noise."""
    run = SamplerRun(model, x, sigmas, extra_args, callback, noise_sampler)
    for i, (sigma, sigma_next) in enumerate(zip(run.levels, run.levels[1:], strict=False)):
        denoised = run.denoise(x, sigma)
        run.report(i, x, sigma, denoised)
        down, up, factor = run.process.ancestral_step(sigma, sigma_next, eta)
        x = _midpoint_step(run, x, sigma, down, denoised)
        if down > 0:
            x = renoised(run, x, sigma, sigma_next, up, factor, s_noise)
    return x


@torch.no_grad()
def sample_heunpp2(
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
    """Heun++: derivatives at this level and the next two, weighted by their share of the highest level; fewer near the end."""
    run = SamplerRun(model, x, sigmas, extra_args, callback, noise_sampler)
    levels, top = run.levels, run.levels[0]
    for i, sigma in enumerate(levels[:-1]):
        x, hat = churn(run, x, sigma, s_churn, s_tmin, s_tmax, s_noise)
        denoised = run.denoise(x, hat)
        run.report(i, x, sigma, denoised, hat)
        slopes, position = [to_d(x, hat, denoised)], x
        ahead = [level for level in levels[i + 1 : i + 3] if level != levels[-1]]
        for here, there in zip([hat, *ahead], ahead, strict=False):
            position = position + slopes[-1] * (there - here)
            slopes.append(to_d(position, there, run.denoise(position, there)))
        weights = [level / (len(slopes) * top) for level in ahead]
        mean = slopes[0] * (1 - sum(weights))
        for weight, slope in zip(weights, slopes[1:], strict=True):
            mean = mean + weight * slope
        x = x + mean * (levels[i + 1] - hat)
    return x
