"""Samplers of DDPM timesteps in sigma terms: DDIM and PLMS.

They are written for DDPM's variance-preserving x; here x is that divided by sqrt(alpha-bar), sigma = sqrt((1 - alpha-bar) / alpha-bar).
Their schedule, start noise and end scale follow their own rule: `webui.samplers.planning`.
"""

from collections import deque

import torch
from torch import Tensor

from webui.samplers.multistep import ADAMS, combine
from webui.samplers.stepping import Denoiser, Extra, NoiseSampler, SamplerRun, StepCallback, ancestral_step, to_d


@torch.no_grad()
def sample_ddim(
    model: Denoiser,
    x: Tensor,
    sigmas: Tensor,
    extra_args: Extra = None,
    callback: StepCallback = None,
    disable: bool | None = None,
    eta: float = 0.0,
    noise_sampler: NoiseSampler | None = None,
) -> Tensor:
    """DDIM (Song et al. 2020, equation 12): the noise prediction carries on, eta of the ancestral noise is added."""
    run = SamplerRun(model, x, sigmas, extra_args, callback, noise_sampler)
    for i, (sigma, sigma_next) in enumerate(zip(run.levels, run.levels[1:], strict=False)):
        denoised = run.denoise(x, sigma)
        run.report(i, x, sigma, denoised)
        down, up = ancestral_step(sigma, sigma_next, eta)
        x = denoised + to_d(x, sigma, denoised) * down
        if up:
            x = x + run.noise(x, sigma, sigma_next) * up
    return x


@torch.no_grad()
def sample_plms(
    model: Denoiser,
    x: Tensor,
    sigmas: Tensor,
    extra_args: Extra = None,
    callback: StepCallback = None,
    disable: bool | None = None,
) -> Tensor:
    """Pseudo linear multistep (Liu et al. 2022): DDIM steps along an Adams–Bashforth mean; the first step looks ahead once."""
    run = SamplerRun(model, x, sigmas, extra_args, callback)
    slopes: deque[Tensor] = deque(maxlen=4)
    for i, (sigma, sigma_next) in enumerate(zip(run.levels, run.levels[1:], strict=False)):
        denoised = run.denoise(x, sigma)
        run.report(i, x, sigma, denoised)
        slopes.append(to_d(x, sigma, denoised))
        if len(slopes) == 1 and sigma_next > 0:
            ahead = x + slopes[0] * (sigma_next - sigma)
            mean = (slopes[0] + to_d(ahead, sigma_next, run.denoise(ahead, sigma_next))) / 2
        else:
            mean = combine(ADAMS[len(slopes) - 1], slopes)
        x = x + mean * (sigma_next - sigma)
    return x
