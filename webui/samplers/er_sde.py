"""ER-SDE-Solver (Cui et al. 2023, arXiv:2309.06169): extended reverse-time SDE, up to third order."""

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from webui.samplers.stepping import Denoiser, Extra, NoiseSampler, SnrRun, StepCallback

POINTS = 200
Floats = npt.NDArray[np.float64]
Scaler = Callable[[Floats], Floats]


def default_scaler(level: Floats) -> Floats:
    """The paper's ER-SDE 5: level · (exp(level^0.3) + 10)."""
    return np.asarray(level * (np.exp(level**0.3) + 10.0))


@torch.no_grad()
def sample_er_sde(
    model: Denoiser,
    x: Tensor,
    sigmas: Tensor,
    extra_args: Extra = None,
    callback: StepCallback = None,
    disable: bool | None = None,
    s_noise: float = 1.0,
    noise_sampler: NoiseSampler | None = None,
    noise_scaler: Scaler | None = None,
    max_stage: int = 3,
) -> Tensor:
    """ER-SDE-Solver-3 with the integrals over the noise scale taken at 200 points, as the authors do."""
    run = SnrRun(model, x, sigmas, extra_args, callback, noise_sampler)
    x = run.start(x)
    scale = noise_scaler or default_scaler
    levels = run.levels
    last: Tensor | None = None
    last_slope: Tensor | None = None
    for i, (sigma, sigma_next) in enumerate(zip(levels, levels[1:], strict=False)):
        denoised = run.denoise(x, sigma)
        run.report(i, x, sigma, denoised)
        if sigma_next == 0:
            x = denoised
            continue
        end = float(scale(np.array(sigma_next)))
        ratio = end / float(scale(np.array(sigma)))
        first, second = _integrals(sigma, sigma_next, scale)
        x = ratio * x + (1 - ratio) * denoised
        if last is not None and max_stage >= 2:
            slope = (denoised - last) / (sigma - levels[i - 1])
            x = x + (sigma_next - sigma + first * end) * slope
            if last_slope is not None and max_stage >= 3:
                bend = (slope - last_slope) / ((sigma - levels[i - 2]) / 2)
                x = x + ((sigma_next - sigma) ** 2 / 2 + second * end) * bend
            last_slope = slope
        if s_noise > 0:
            x = x + run.noise(x, sigma, sigma_next) * s_noise * math.sqrt(max(sigma_next**2 - (sigma * ratio) ** 2, 0.0))
        last = denoised
    return run.end(x)


def _integrals(sigma: float, sigma_next: float, scale: Scaler) -> tuple[float, float]:
    """∫ 1/scale and ∫ (level − sigma)/scale over the step, by a sum over equal parts from its lower end."""
    width = (sigma - sigma_next) / POINTS
    points: Floats = sigma_next + np.arange(POINTS, dtype=np.float64) * width
    scaled = scale(points)
    return float(np.sum(1 / scaled) * width), float(np.sum((points - sigma) / scaled) * width)
