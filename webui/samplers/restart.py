"""Restart sampling (Xu et al. 2023, arXiv:2306.14878): Heun steps that go back up once or twice and come down again."""

import math

import torch
from torch import Tensor

from webui.samplers.heun import heun_step
from webui.samplers.stepping import Denoiser, Extra, NoiseSampler, Run, StepCallback

RESTART_LOW, RESTART_HIGH = 0.1, 2.0


def _karras(steps: int, low: float, high: float, rho: float = 7.0) -> list[float]:
    top, bottom = high ** (1 / rho), low ** (1 / rho)
    return [(top + (bottom - top) * i / max(steps - 1, 1)) ** rho for i in range(steps)]


def _nearest(levels: list[float], value: float) -> int:
    return min(range(len(levels)), key=lambda index: abs(levels[index] - value))


def plan(levels: list[float]) -> list[tuple[float, float]]:
    """The steps (from, to): below 20 steps none goes back; from 20 on one, from 36 on two restarts between 0.1 and 2."""
    steps = len(levels) - 1
    if steps < 20:
        return list(zip(levels, levels[1:], strict=False))
    length, times = (steps // 4, 2) if steps >= 36 else (9, 1)
    levels = [*_karras(steps - length * times, levels[-2], levels[0]), 0.0]
    low, high = _nearest(levels, RESTART_LOW), _nearest(levels, RESTART_HIGH)
    result = list(zip(levels, levels[1:], strict=False))
    if high >= low:
        return result
    back = _karras(length + 1, levels[low], levels[high])
    return result[:low] + list(zip(back, back[1:], strict=False)) * times + result[low:]


@torch.no_grad()
def sample_restart(
    model: Denoiser,
    x: Tensor,
    sigmas: Tensor,
    extra_args: Extra = None,
    callback: StepCallback = None,
    disable: bool | None = None,
    s_noise: float = 1.0,
    noise_sampler: NoiseSampler | None = None,
) -> Tensor:
    """Heun steps with restarts as `plan` lays them out."""
    run = Run(model, x, sigmas, extra_args, callback, noise_sampler)
    here: float | None = None
    for i, (sigma, sigma_next) in enumerate(plan(run.levels)):
        if here is not None and here < sigma:
            x = x + run.noise(x, here, sigma) * s_noise * math.sqrt(sigma**2 - here**2)
        denoised = run.denoise(x, sigma)
        run.report(i, x, sigma, denoised)
        x = heun_step(run, x, sigma, sigma_next, denoised)
        here = sigma_next
    return x
