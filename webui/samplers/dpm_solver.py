"""DPM-Solver (Lu et al. 2022, arXiv:2206.00927) with a fixed budget of calls ("fast") and with step size control ("adaptive")."""

import math
from dataclasses import dataclass, field

import torch
from torch import Tensor

from webui.samplers.stepping import Denoiser, Extra, NoiseSampler, SamplerRun, SnrRun, StepCallback, ancestral_step


@dataclass
class _Solver:
    """Steps in t = -log sigma on the noise prediction; predictions inside one step are kept."""

    run: SamplerRun

    def noise_prediction(self, x: Tensor, t: float) -> Tensor:
        sigma = math.exp(-t)
        return (x - self.run.denoise(x, sigma)) / sigma

    def first(self, x: Tensor, t: float, t_next: float, eps: Tensor) -> Tensor:
        return x - math.exp(-t_next) * math.expm1(t_next - t) * eps

    def inner(self, x: Tensor, t: float, h: float, r: float, eps: Tensor) -> Tensor:
        """The noise prediction at the fraction `r` of the step."""
        return self.noise_prediction(self.first(x, t, t + r * h, eps), t + r * h)

    def second(self, x: Tensor, t: float, t_next: float, eps: Tensor, eps_r: Tensor, r: float) -> Tensor:
        gain = math.exp(-t_next) * math.expm1(t_next - t)
        return x - gain * eps - gain / (2 * r) * (eps_r - eps)

    def third(self, x: Tensor, t: float, t_next: float, eps: Tensor, eps_r1: Tensor, r1: float = 1 / 3, r2: float = 2 / 3) -> Tensor:
        h = t_next - t
        s2, part = t + r2 * h, math.expm1(r2 * h)
        x_s2 = x - math.exp(-s2) * (part * eps + (r2 / r1) * (part / (r2 * h) - 1) * (eps_r1 - eps))
        eps_r2 = self.noise_prediction(x_s2, s2)
        whole = math.expm1(h)
        return x - math.exp(-t_next) * (whole * eps + (whole / h - 1) / r2 * (eps_r2 - eps))


@torch.no_grad()
def sample_dpm_fast(
    model: Denoiser,
    x: Tensor,
    sigmas: Tensor,
    extra_args: Extra = None,
    callback: StepCallback = None,
    disable: bool | None = None,
    eta: float = 0.0,
    s_noise: float = 1.0,
    noise_sampler: NoiseSampler | None = None,
) -> Tensor:
    """DPM-Solver-fast: as many model calls as there are steps, in steps of third order and a last one of lower order."""
    run = SnrRun(model, x, sigmas, extra_args, callback, noise_sampler)
    x = run.start(x)
    if len(run.levels) <= 2:
        return run.end(_at_once(run, x))
    solver, calls = _Solver(run), len(run.levels) - 1
    start, end = _time_range(run)
    count = calls // 3 + 1
    orders = [3] * (count - 2) + [2, 1] if calls % 3 == 0 else [3] * (count - 1) + [calls % 3]
    for i, order in enumerate(orders):
        t, t_next = start + (end - start) * i / count, start + (end - start) * (i + 1) / count
        t_down, up = _ancestral(t, t_next, end, eta)
        h = t_down - t
        eps = solver.noise_prediction(x, t)
        run.report(i, x, math.exp(-t), x - math.exp(-t) * eps)
        if order == 1:
            x = solver.first(x, t, t_down, eps)
        elif order == 2:
            x = solver.second(x, t, t_down, eps, solver.inner(x, t, h, 1 / 2, eps), 1 / 2)
        else:
            x = solver.third(x, t, t_down, eps, solver.inner(x, t, h, 1 / 3, eps))
        if up:
            x = x + up * s_noise * run.noise(x, math.exp(-t), math.exp(-t_next))
    return run.end(x)


@dataclass
class _StepSize:
    """PID control of the step size (Söderlind 2003); only the integral part is on by default."""

    h: float
    order: float
    safety: float
    pcoeff: float
    icoeff: float
    dcoeff: float
    _errors: list[float] = field(default_factory=list)

    def accept(self, error: float) -> bool:
        """Judge a step by its error and set the next step size."""
        inverse = 1 / (error + 1e-8)
        self._errors = [inverse, *self._errors[1:]] if self._errors else [inverse] * 3
        powers = ((self.pcoeff + self.icoeff + self.dcoeff), -(self.pcoeff + 2 * self.dcoeff), self.dcoeff)
        factor = math.prod(value ** (power / self.order) for value, power in zip(self._errors, powers, strict=True))
        factor = 1 + math.atan(factor - 1)
        accepted = factor >= self.safety
        if accepted:
            self._errors = [self._errors[0], self._errors[0], self._errors[1]]
        self.h *= factor
        return accepted


@torch.no_grad()
def sample_dpm_adaptive(
    model: Denoiser,
    x: Tensor,
    sigmas: Tensor,
    extra_args: Extra = None,
    callback: StepCallback = None,
    disable: bool | None = None,
    order: int = 3,
    rtol: float = 0.05,
    atol: float = 0.0078,
    h_init: float = 0.05,
    pcoeff: float = 0.0,
    icoeff: float = 1.0,
    dcoeff: float = 0.0,
    accept_safety: float = 0.81,
    eta: float = 0.0,
    s_noise: float = 1.0,
    noise_sampler: NoiseSampler | None = None,
) -> Tensor:
    """DPM-Solver-12 or -23: step sizes follow the difference of two orders, whatever the number of steps asked for."""
    if order not in (2, 3):
        raise ValueError("order must be 2 or 3")
    run = SnrRun(model, x, sigmas, extra_args, callback, noise_sampler)
    x = run.start(x)
    if len(run.levels) <= 2:
        return run.end(_at_once(run, x))
    solver = _Solver(run)
    t, end = _time_range(run)
    size = _StepSize(h_init, 1.5 if eta else order, accept_safety, pcoeff, icoeff, dcoeff)
    x_prev, accepted = x, 0
    while t < end - 1e-5:
        t_next = min(end, t + size.h)
        t_down, up = _ancestral(t, t_next, end, eta)
        eps = solver.noise_prediction(x, t)
        denoised = x - math.exp(-t) * eps
        low, high = _pair(solver, x, t, t_down, eps, order)
        tolerance = torch.maximum(torch.full_like(x, atol), rtol * torch.maximum(low.abs(), x_prev.abs()))
        error = float(torch.linalg.vector_norm((low - high) / tolerance)) / x.numel() ** 0.5
        if size.accept(error):
            x_prev, x = low, high
            if up:
                x = x + up * s_noise * run.noise(x, math.exp(-t), math.exp(-t_next))
            t = t_next
            run.report(accepted, x, math.exp(-t), denoised)
            accepted += 1
    return run.end(x)


def _pair(solver: _Solver, x: Tensor, t: float, t_next: float, eps: Tensor, order: int) -> tuple[Tensor, Tensor]:
    """The same step by a lower and by a higher order."""
    h = t_next - t
    if order == 2:
        return solver.first(x, t, t_next, eps), solver.second(x, t, t_next, eps, solver.inner(x, t, h, 1 / 2, eps), 1 / 2)
    eps_r1 = solver.inner(x, t, h, 1 / 3, eps)
    return solver.second(x, t, t_next, eps, eps_r1, 1 / 3), solver.third(x, t, t_next, eps, eps_r1)


def _at_once(run: SamplerRun, x: Tensor) -> Tensor:
    """A single step has no inner level to go to: it is the prediction, with what noise the level it ends on leaves."""
    if len(run.levels) < 2:
        return x
    sigma, sigma_next = run.levels
    denoised = run.denoise(x, sigma)
    run.report(0, x, sigma, denoised)
    return denoised + (x - denoised) * (sigma_next / sigma)


def _time_range(run: SamplerRun) -> tuple[float, float]:
    """From the highest level to the lowest above zero, as times."""
    positive = [level for level in run.levels if level > 0]
    return -math.log(positive[0]), -math.log(positive[-1])


def _ancestral(t: float, t_next: float, end: float, eta: float) -> tuple[float, float]:
    if not eta:
        return t_next, 0.0
    down, _ = ancestral_step(math.exp(-t), math.exp(-t_next), eta)
    t_down = min(end, -math.log(down)) if down > 0 else end
    return t_down, math.sqrt(max(math.exp(-2 * t_next) - math.exp(-2 * t_down), 0.0))
