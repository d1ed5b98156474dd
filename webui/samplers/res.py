"""RES multistep (refined exponential solver) and gradient estimation."""

import math
from functools import partial

import torch
from torch import Tensor

from webui.samplers.dpmpp import exponential_step
from webui.samplers.stepping import Denoiser, Extra, NoiseSampler, SamplerRun, SnrRun, StepCallback, ancestral_step, to_d


@torch.no_grad()
def sample_res_multistep(
    model: Denoiser,
    x: Tensor,
    sigmas: Tensor,
    extra_args: Extra = None,
    callback: StepCallback = None,
    disable: bool | None = None,
    s_noise: float = 1.0,
    noise_sampler: NoiseSampler | None = None,
    eta: float = 0.0,
) -> Tensor:
    """Second-order exponential multistep with the order conditions of Zhang et al. 2023 (arXiv:2308.02157); `eta` adds ancestral noise."""
    run = SnrRun(model, x, sigmas, extra_args, callback, noise_sampler)
    x = run.start(x)
    last: tuple[Tensor, float, float] | None = None
    for i, (sigma, sigma_next) in enumerate(zip(run.levels, run.levels[1:], strict=False)):
        denoised = run.denoise(x, sigma)
        run.report(i, x, sigma, denoised)
        down, up = ancestral_step(sigma, sigma_next, eta)
        if down == 0 or last is None:
            x = exponential_step(x, sigma, down, denoised)
        else:
            before, sigma_before, down_before = last
            h = math.log(sigma / down)
            c_2 = math.log(down_before / sigma_before) / h
            phi_1 = -math.expm1(-h) / h
            b_2 = (phi_1 - 1) / -h / c_2
            x = math.exp(-h) * x + h * ((phi_1 - b_2) * denoised + b_2 * before)
        if up:
            x = x + run.noise(x, sigma, sigma_next) * s_noise * up
        last = denoised, sigma, down
    return run.end(x)


sample_res_multistep_ancestral = partial(sample_res_multistep, eta=1.0)
"""ComfyUI's `res_multistep_ancestral`."""


@torch.no_grad()
def sample_gradient_estimation(
    model: Denoiser,
    x: Tensor,
    sigmas: Tensor,
    extra_args: Extra = None,
    callback: StepCallback = None,
    disable: bool | None = None,
    ge_gamma: float = 2.0,
) -> Tensor:
    """Euler steps along a derivative pushed on by its own change (Permenter & Yuan 2023, Algorithm 2)."""
    run = SamplerRun(model, x, sigmas, extra_args, callback)
    last: Tensor | None = None
    for i, (sigma, sigma_next) in enumerate(zip(run.levels, run.levels[1:], strict=False)):
        denoised = run.denoise(x, sigma)
        run.report(i, x, sigma, denoised)
        slope = to_d(x, sigma, denoised)
        pushed = slope if last is None else ge_gamma * slope + (1 - ge_gamma) * last
        x = denoised if sigma_next == 0 else x + pushed * (sigma_next - sigma)
        last = slope
    return x
