"""Linear multistep methods: LMS, IPNDM, IPNDM_V, DEIS. One model call a step, derivatives of earlier steps reused."""

import math
from collections import deque

import torch
from torch import Tensor

from webui.samplers.polynomials import integral, lagrange, value
from webui.samplers.stepping import Denoiser, Extra, SamplerRun, SnrRun, StepCallback, to_d

ADAMS = ((1.0,), (3 / 2, -1 / 2), (23 / 12, -16 / 12, 5 / 12), (55 / 24, -59 / 24, 37 / 24, -9 / 24))
"""Adams–Bashforth coefficients for equal steps, newest first."""


def combine(weights: list[float] | tuple[float, ...], slopes: "deque[Tensor]") -> Tensor:
    """Weights apply from the newest derivative on."""
    total = weights[0] * slopes[-1]
    for k, weight in enumerate(weights[1:], start=2):
        total = total + weight * slopes[-k]
    return total


@torch.no_grad()
def sample_lms(
    model: Denoiser,
    x: Tensor,
    sigmas: Tensor,
    extra_args: Extra = None,
    callback: StepCallback = None,
    disable: bool | None = None,
    order: int = 4,
) -> Tensor:
    """Adams–Bashforth with exact coefficients for unequal steps in sigma."""
    run = SamplerRun(model, x, sigmas, extra_args, callback)
    slopes: deque[Tensor] = deque(maxlen=order)
    for i, (sigma, sigma_next) in enumerate(zip(run.levels, run.levels[1:], strict=False)):
        denoised = run.denoise(x, sigma)
        run.report(i, x, sigma, denoised)
        slopes.append(to_d(x, sigma, denoised))
        x = x + combine(_exact_weights([run.levels[i - k] for k in range(len(slopes))], sigma_next), slopes)
    return x


def _exact_weights(points: list[float], sigma_next: float) -> list[float]:
    """Integrals over sigma of the polynomials through the last derivatives, newest first.

    Measured from the newest point, so that little is lost in differences of powers.
    """
    near = [point - points[0] for point in points]
    return [integral(lagrange(near, j), 0.0, sigma_next - points[0]) for j in range(len(near))]


@torch.no_grad()
def sample_ipndm(
    model: Denoiser,
    x: Tensor,
    sigmas: Tensor,
    extra_args: Extra = None,
    callback: StepCallback = None,
    disable: bool | None = None,
    max_order: int = 4,
    exact_end: bool = True,
) -> Tensor:
    """Adams–Bashforth as if all steps were equal (Liu et al. 2022; iPNDM starts with lower orders).

    `exact_end`: a step to zero noise ends at the prediction; without it, it is a step like any other.
    """
    run = SamplerRun(model, x, sigmas, extra_args, callback)
    slopes: deque[Tensor] = deque(maxlen=max_order)
    for i, (sigma, sigma_next) in enumerate(zip(run.levels, run.levels[1:], strict=False)):
        denoised = run.denoise(x, sigma)
        run.report(i, x, sigma, denoised)
        slopes.append(to_d(x, sigma, denoised))
        ends = exact_end and sigma_next == 0
        x = denoised if ends else x + (sigma_next - sigma) * combine(ADAMS[len(slopes) - 1], slopes)
    return x


def _variable_weights(steps: list[float]) -> list[float]:
    """iPNDM's weights for steps of unequal length; `steps` are lengths, the coming step first, then the last ones."""
    h, *past = steps
    if not past:
        return [1.0]
    a = past[0]
    weights = [1 + h / a / 2, -h / a / 2]
    if len(past) >= 2:
        b = past[1]
        third = (1 - h * h / (3 * a * (a + b))) / 2
        weights = [weights[0] + third, weights[1] - (1 + a / b) * third, third * a / b]
    if len(past) >= 3:
        c, ratio = past[2], a * (a + b) / (b * (b + past[2]))
        scale = h * (h + a) * (h + a + b) / (a * (a + b) * (a + b + c))
        fourth = ((1 - h / (3 * (h + a))) / 2 + (1 - h / (2 * (h + a))) * h / (6 * (h + a + b))) * scale
        more = [fourth, -(1 + a / b + ratio) * fourth, (a / b + ratio * (1 + b / c)) * fourth]
        weights = [weight + extra for weight, extra in zip(weights, more, strict=True)] + [-fourth * ratio * a / b]
    return weights


@torch.no_grad()
def sample_ipndm_v(
    model: Denoiser,
    x: Tensor,
    sigmas: Tensor,
    extra_args: Extra = None,
    callback: StepCallback = None,
    disable: bool | None = None,
    max_order: int = 4,
    exact_end: bool = True,
) -> Tensor:
    """iPNDM with weights for steps of unequal length; `exact_end` as there."""
    run = SamplerRun(model, x, sigmas, extra_args, callback)
    levels = run.levels
    slopes: deque[Tensor] = deque(maxlen=max_order)
    for i, (sigma, sigma_next) in enumerate(zip(levels, levels[1:], strict=False)):
        denoised = run.denoise(x, sigma)
        run.report(i, x, sigma, denoised)
        slopes.append(to_d(x, sigma, denoised))
        lengths = [levels[i + 1 - k] - levels[i - k] for k in range(len(slopes))]
        ends = exact_end and sigma_next == 0
        x = denoised if ends else x + (sigma_next - sigma) * combine(_variable_weights(lengths), slopes)
    return x


_VP_EPSILON, _VP_MIN, _VP_MAX, _POINTS = 1e-3, 0.002, 80.0, 10_000
_BETA_D = 2 * (math.log(_VP_MIN**2 + 1) / _VP_EPSILON - math.log(_VP_MAX**2 + 1)) / (_VP_EPSILON - 1)
_BETA_MIN = math.log(_VP_MAX**2 + 1) - 0.5 * _BETA_D
_NODES = (
    (-0.9602898564975363, 0.10122853629037626),
    (-0.7966664774136267, 0.22238103445337448),
    (-0.5255324099163290, 0.31370664587788729),
    (-0.1834346424956498, 0.36268378337836198),
)
"""Gauss–Legendre of 8 points; the other half mirrors it."""


def _vp_time(sigma: float) -> float:
    """Time of the variance-preserving process with this noise level (Karras et al. 2022, table 1)."""
    return (math.sqrt(_BETA_MIN**2 + 2 * _BETA_D * math.log(sigma**2 + 1)) - _BETA_MIN) / _BETA_D


def _vp_rate(time: float) -> float:
    """d sigma / d time of that process, over its alpha: what tAB-DEIS integrates."""
    alpha = math.exp(-0.5 * _BETA_D * time**2 - _BETA_MIN * time)
    return 0.5 * (_BETA_D * time + _BETA_MIN) / math.sqrt(alpha * (1 - alpha))


def _deis_weights(levels: list[float], sigma_next: float) -> list[float]:
    """tAB-DEIS: integrals over sigma of the polynomials through the last derivatives in VP time, newest first.

    The authors add up 10,000 points with both ends among them, each with a ten-thousandth of the step; that sum is the integral
    and a little: (N - 1)/N of it, and 1/N of the ends' mean. So it is here, for the same numbers.
    """
    times, end = [_vp_time(level) for level in levels], _vp_time(sigma_next)
    half, middle, start = (end - times[0]) / 2, (end + times[0]) / 2, times[0]
    nodes = [(middle + sign * node * half, weight * half) for node, weight in _NODES for sign in (1, -1)]
    weighted = [(time, weight * _vp_rate(time) * (_POINTS - 1) / _POINTS) for time, weight in nodes]
    weighted += [(time, half * _vp_rate(time) / _POINTS) for time in (start, end)]
    bases = [lagrange(times, j) for j in range(len(times))]
    return [math.fsum(weight * value(basis, time) for time, weight in weighted) for basis in bases]


@torch.no_grad()
def sample_deis(
    model: Denoiser,
    x: Tensor,
    sigmas: Tensor,
    extra_args: Extra = None,
    callback: StepCallback = None,
    disable: bool | None = None,
    max_order: int = 3,
    deis_mode: str = "tab",
) -> Tensor:
    """DEIS, the Adams–Bashforth variant in VP time, "tab", or in sigma, "rhoab" (Zhang & Chen 2022)."""
    if deis_mode not in ("tab", "rhoab"):
        raise ValueError("deis_mode must be 'tab' or 'rhoab'")
    run = SnrRun(model, x, sigmas, extra_args, callback)
    x = run.start(x)
    slopes: deque[Tensor] = deque(maxlen=max_order)
    for i, (sigma, sigma_next) in enumerate(zip(run.levels, run.levels[1:], strict=False)):
        denoised = run.denoise(x, sigma)
        run.report(i, x, sigma, denoised)
        slopes.append(to_d(x, sigma, denoised))
        if sigma_next <= 0 or len(slopes) == 1:
            x = x + slopes[-1] * (sigma_next - sigma)
        else:
            points = [run.levels[i - k] for k in range(len(slopes))]
            x = x + combine(_deis_weights(points, sigma_next) if deis_mode == "tab" else _exact_weights(points, sigma_next), slopes)
    return run.end(x)
