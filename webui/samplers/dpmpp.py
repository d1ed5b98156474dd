"""DPM-Solver++ (Lu et al. 2022, arXiv:2211.01095): 2M, 2S ancestral, SDE. Time is t = -log sigma."""

import math

import torch
from torch import Tensor

from webui.samplers.stepping import Denoiser, Extra, NoiseSampler, SnrRun, StepCallback, ancestral_step, to_d


def exponential_step(x: Tensor, sigma: float, sigma_next: float, denoised: Tensor) -> Tensor:
    """Exact step of the ODE for a constant prediction: x decays by sigma_next / sigma, the prediction takes its place."""
    ratio = sigma_next / sigma
    return ratio * x + (1 - ratio) * denoised


@torch.no_grad()
def sample_dpmpp_2m(
    model: Denoiser,
    x: Tensor,
    sigmas: Tensor,
    extra_args: Extra = None,
    callback: StepCallback = None,
    disable: bool | None = None,
) -> Tensor:
    """DPM-Solver++(2M), Algorithm 2."""
    run = SnrRun(model, x, sigmas, extra_args, callback)
    x = run.start(x)
    last: tuple[Tensor, float] | None = None
    for i, (sigma, sigma_next) in enumerate(zip(run.levels, run.levels[1:], strict=False)):
        denoised = run.denoise(x, sigma)
        run.report(i, x, sigma, denoised)
        if last is None or sigma_next == 0:
            target = denoised
        else:
            h = math.log(sigma / sigma_next)
            weight = h / (2 * last[1])
            target = (1 + weight) * denoised - weight * last[0]
        x = exponential_step(x, sigma, sigma_next, target)
        last = denoised, math.log(sigma / sigma_next) if sigma_next > 0 else math.inf
    return run.end(x)


@torch.no_grad()
def sample_dpmpp_2s_ancestral(
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
    """DPM-Solver++(2S), Algorithm 1, with ancestral noise."""
    run = SnrRun(model, x, sigmas, extra_args, callback, noise_sampler)
    x = run.start(x)
    for i, (sigma, sigma_next) in enumerate(zip(run.levels, run.levels[1:], strict=False)):
        denoised = run.denoise(x, sigma)
        run.report(i, x, sigma, denoised)
        down, up = ancestral_step(sigma, sigma_next, eta)
        if down == 0:
            x = x + to_d(x, sigma, denoised) * (down - sigma)
        else:
            middle = math.sqrt(sigma * down)
            x_middle = exponential_step(x, sigma, middle, denoised)
            x = exponential_step(x, sigma, down, run.denoise(x_middle, middle))
        if sigma_next > 0:
            x = x + run.noise(x, sigma, sigma_next) * s_noise * up
    return run.end(x)


@torch.no_grad()
def sample_dpmpp_sde(
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
) -> Tensor:
    """DPM-Solver++ for the SDE, single step of second order; `r` is where in log sigma the second call lies."""
    run = SnrRun(model, x, sigmas, extra_args, callback, noise_sampler)
    x = run.start(x)
    starts, middles = _through_logs(run.levels, sigmas.dtype, r)
    for i, (sigma, sigma_next) in enumerate(zip(run.levels, run.levels[1:], strict=False)):
        denoised = run.denoise(x, sigma)
        run.report(i, x, sigma, denoised)
        if sigma_next == 0:
            x = x + to_d(x, sigma, denoised) * (sigma_next - sigma)
            continue
        between = sigma ** (1 - r) * sigma_next**r
        down, up = ancestral_step(sigma, between, eta)
        x_between = exponential_step(x, sigma, down, denoised) + run.noise(x, starts[i], middles[i]) * s_noise * up
        mixed = denoised + (run.denoise(x_between, between) - denoised) / (2 * r)
        down, up = ancestral_step(sigma, sigma_next, eta)
        x = exponential_step(x, sigma, down, mixed) + run.noise(x, starts[i], starts[i + 1]) * s_noise * up
    return run.end(x)


def _through_logs(levels: list[float], dtype: torch.dtype, r: float) -> tuple[list[float], list[float]]:
    """The levels, and those between two, to the digit that k-diffusion asks a Brownian path for: it goes through logarithms."""
    times = torch.tensor(levels, dtype=dtype).log()
    between = times[:-1] + (times[1:] - times[:-1]) * r
    return times.exp().tolist(), between.exp().tolist()
