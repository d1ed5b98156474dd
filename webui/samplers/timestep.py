"""Samplers of DDPM timesteps in sigma terms: DDIM, PLMS, UniPC.

They are written for the variance-preserving x of DDPM; here x is that divided by sqrt(alpha-bar), so sigma = sqrt((1 - alpha-bar) / alpha-bar).
Their schedule, start noise and end scale follow their own rule: `webui.samplers.planning`.
"""

import math
from collections import deque

import numpy as np
import torch
from torch import Tensor

from webui.samplers.multistep import _ADAMS, _combine
from webui.samplers.stepping import Denoiser, Extra, NoiseSampler, Run, StepCallback, ancestral_step, derivative


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
    run = Run(model, x, sigmas, extra_args, callback, noise_sampler)
    for i, (sigma, sigma_next) in enumerate(zip(run.levels, run.levels[1:], strict=False)):
        denoised = run.denoise(x, sigma)
        run.report(i, x, sigma, denoised)
        down, up = ancestral_step(sigma, sigma_next, eta)
        x = denoised + derivative(x, sigma, denoised) * down
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
    run = Run(model, x, sigmas, extra_args, callback)
    slopes: deque[Tensor] = deque(maxlen=4)
    for i, (sigma, sigma_next) in enumerate(zip(run.levels, run.levels[1:], strict=False)):
        denoised = run.denoise(x, sigma)
        run.report(i, x, sigma, denoised)
        slopes.append(derivative(x, sigma, denoised))
        if len(slopes) == 1 and sigma_next > 0:
            ahead = x + slopes[0] * (sigma_next - sigma)
            mean = (slopes[0] + derivative(ahead, sigma_next, run.denoise(ahead, sigma_next))) / 2
        else:
            mean = _combine(_ADAMS[len(slopes) - 1], slopes)
        x = x + mean * (sigma_next - sigma)
    return x


@torch.no_grad()
def sample_unipc(
    model: Denoiser,
    x: Tensor,
    sigmas: Tensor,
    extra_args: Extra = None,
    callback: StepCallback = None,
    disable: bool | None = None,
    variant: str = "bh1",
    order: int = 3,
    lower_order_final: bool = True,
) -> Tensor:
    """UniPC in data prediction (Zhao et al. 2023, Algorithm 5): predict, call once, correct with that call."""
    if variant not in ("bh1", "bh2"):
        raise ValueError("variant must be 'bh1' or 'bh2'")
    run = Run(model, x, sigmas, extra_args, callback)
    levels = [level if level > 0 else run.levels[-2] * 1e-3 for level in run.levels]
    steps = len(levels) - 1
    past: deque[tuple[float, Tensor]] = deque(maxlen=order)
    past.append((-math.log(levels[0]), run.denoise(x, levels[0])))
    for step in range(1, steps + 1):
        run.report(step - 1, x, levels[step - 1], past[-1][1])
        used = min(order, step, steps + 1 - step) if lower_order_final and step >= order else min(order, step)
        t_next = -math.log(levels[step])
        base, terms, scale, predict, correct = _unipc_terms(x, list(past)[-used:], t_next, variant)
        x = base - scale * _weighted(predict, terms)
        if step < steps:
            new = run.denoise(x, levels[step])
            x = base - scale * (_weighted(correct[:-1], terms) + correct[-1] * (new - past[-1][1]))
            past.append((t_next, new))
    return x


def _unipc_terms(
    x: Tensor, past: list[tuple[float, Tensor]], t_next: float, variant: str
) -> tuple[Tensor, list[Tensor], float, list[float], list[float]]:
    """(first-order step, differences, B(h), predictor weights, corrector weights) for one step to `t_next` = -log sigma."""
    t, newest = past[-1]
    h, used = t_next - t, len(past)
    ratios = [(time - t) / h for time, _ in reversed(past[:-1])]
    terms = [(value - newest) / ratio for (_, value), ratio in zip(reversed(past[:-1]), ratios, strict=True)]
    phi_1 = math.expm1(-h)
    scale = -h if variant == "bh1" else phi_1
    phi_k, factorial, right = phi_1 / -h - 1, 1, []
    for k in range(1, used + 1):
        right.append(phi_k * factorial / scale)
        factorial *= k + 1
        phi_k = phi_k / -h - 1 / factorial
    matrix = np.array([[ratio ** (k - 1) for ratio in (*ratios, 1.0)] for k in range(1, used + 1)])
    predict = [0.5] if used == 2 else np.linalg.solve(matrix[:-1, :-1], right[:-1]).tolist() if used > 2 else []
    correct = [0.5] if used == 1 else np.linalg.solve(matrix, right).tolist()
    return math.exp(-h) * x - phi_1 * newest, terms, scale, predict, correct


def _weighted(weights: list[float], terms: list[Tensor]) -> Tensor | float:
    return sum((weight * term for weight, term in zip(weights, terms, strict=True)), start=0.0)
