"""CFG++ (Chung et al. 2024, arXiv:2406.08070): step to the guided prediction along the unconditional noise.

These need `extra_args["uncond"]`: after each call the denoiser puts there the unconditional prediction of that call.
"""

import math

import torch
from torch import Tensor

from webui.samplers.stepping import Denoiser, Extra, NoiseSampler, SnrRun, StepCallback, ancestral_step, to_d


@torch.no_grad()
def sample_euler_cfg_pp(
    model: Denoiser,
    x: Tensor,
    sigmas: Tensor,
    extra_args: Extra = None,
    callback: StepCallback = None,
    disable: bool | None = None,
) -> Tensor:
    """Euler with CFG++ (Algorithm 2)."""
    return sample_euler_ancestral_cfg_pp(model, x, sigmas, extra_args, callback, disable, eta=0.0)


@torch.no_grad()
def sample_euler_ancestral_cfg_pp(
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
    """Ancestral Euler with CFG++."""
    run = SnrRun(model, x, sigmas, extra_args, callback, noise_sampler)
    x = run.start(x)
    for i, (sigma, sigma_next) in enumerate(zip(run.levels, run.levels[1:], strict=False)):
        denoised = run.denoise(x, sigma)
        run.report(i, x, sigma, denoised)
        down, up = ancestral_step(sigma, sigma_next, eta)
        x = denoised + to_d(x, sigma, run.uncond(denoised)) * down
        if up:
            x = x + run.noise(x, sigma, sigma_next) * s_noise * up
    return run.end(x)


@torch.no_grad()
def sample_dpmpp_2m_cfg_pp(
    model: Denoiser,
    x: Tensor,
    sigmas: Tensor,
    extra_args: Extra = None,
    callback: StepCallback = None,
    disable: bool | None = None,
) -> Tensor:
    """DPM++ 2M with CFG++: x is carried along the unconditional prediction, the guided one is the goal."""
    run = SnrRun(model, x, sigmas, extra_args, callback)
    x = run.start(x)
    last: tuple[Tensor, float] | None = None
    for i, (sigma, sigma_next) in enumerate(zip(run.levels, run.levels[1:], strict=False)):
        denoised = run.denoise(x, sigma)
        uncond = run.uncond(denoised)
        run.report(i, x, sigma, denoised)
        ratio = sigma_next / sigma
        goal = denoised + ratio * (x - uncond)
        if last is not None and sigma_next > 0:
            goal = goal + (1 - ratio) * math.log(sigma / sigma_next) / (2 * last[1]) * (denoised - last[0])
        x = goal
        last = uncond, math.log(sigma / sigma_next) if sigma_next > 0 else math.inf
    return run.end(x)


@torch.no_grad()
def sample_ddim_cfg_pp(
    model: Denoiser,
    x: Tensor,
    sigmas: Tensor,
    extra_args: Extra = None,
    callback: StepCallback = None,
    disable: bool | None = None,
    eta: float = 0.0,
    noise_sampler: NoiseSampler | None = None,
) -> Tensor:
    """DDIM with CFG++ (Algorithm 2), on DDIM's timesteps."""
    return sample_euler_ancestral_cfg_pp(model, x, sigmas, extra_args, callback, disable, eta=eta, noise_sampler=noise_sampler)
