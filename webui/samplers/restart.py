"""Restart sampling (Xu et al. 2023, arXiv:2306.14878): Heun steps that go back up once or twice and come down again."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from webui.samplers.heun import heun_step
from webui.samplers.stepping import Denoiser, Extra, NoiseSampler, SamplerRun, StepCallback

RESTART_LOW, RESTART_HIGH = 0.1, 2.0
Restarts = Mapping[float, Sequence[Any]]
"""Lowest level of a restart to (levels on the way down again, how many times, highest level)."""


def _karras(steps: int, low: float, high: float, rho: float = 7.0) -> list[float]:
    top, bottom = high ** (1 / rho), low ** (1 / rho)
    return [(top + (bottom - top) * i / max(steps - 1, 1)) ** rho for i in range(steps)]


def _nearest(levels: list[float], value: float) -> int:
    return min(range(len(levels)), key=lambda index: abs(levels[index] - value))


def plan(levels: list[float], restarts: Restarts | None = None) -> list[tuple[float, float]]:
    """The steps (from, to): below 20 steps none goes back; from 20 on one, from 36 on two restarts between 0.1 and 2.

    `restarts` of one's own keep the levels as they are.
    """
    steps = len(levels) - 1
    if restarts is None and steps >= 20:
        length, times = (steps // 4, 2) if steps >= 36 else (9, 1)
        levels, restarts = [*_karras(steps - length * times, levels[-2], levels[0]), 0.0], {RESTART_LOW: (length + 1, times, RESTART_HIGH)}
    at = {_nearest(levels, low): restart for low, restart in (restarts or {}).items()}
    result = []
    for low in range(1, len(levels)):
        result.append((levels[low - 1], levels[low]))
        count, times, top = at.get(low, (0, 0, 0.0))
        high = _nearest(levels, top)
        if count and high < low:
            back = _karras(count, levels[low], levels[high])
            result += list(zip(back, back[1:], strict=False)) * times
    return result


@torch.no_grad()
def sample_restart(
    model: Denoiser,
    x: Tensor,
    sigmas: Tensor,
    extra_args: Extra = None,
    callback: StepCallback = None,
    disable: bool | None = None,
    s_noise: float = 1.0,
    restart_list: Restarts | None = None,
    noise_sampler: NoiseSampler | None = None,
) -> Tensor:
    """Heun steps with restarts as `plan` lays them out."""
    run = SamplerRun(model, x, sigmas, extra_args, callback, noise_sampler)
    here: float | None = None
    for i, (sigma, sigma_next) in enumerate(plan(run.levels, restart_list)):
        if here is not None and here < sigma:
            x = x + run.noise(x, here, sigma) * s_noise * math.sqrt(sigma**2 - here**2)
        denoised = run.denoise(x, sigma)
        run.report(i, x, sigma, denoised)
        x = heun_step(run, x, sigma, sigma_next, denoised)
        here = sigma_next
    return x
