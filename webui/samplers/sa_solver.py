"""SA-Solver (Xue et al. 2023, arXiv:2309.05019): stochastic Adams predictor and corrector in data prediction."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from webui.samplers.polynomials import lagrange
from webui.samplers.process import VARIANCE_EXPLODING, NoiseProcess
from webui.samplers.stepping import Denoiser, Extra, NoiseSampler, SnrRun, StepCallback

Tau = Callable[[float], float]


def default_tau(process: NoiseProcess = VARIANCE_EXPLODING, eta: float = 1.0, start: float = 0.2, end: float = 0.8) -> Tau:
    """Noise between 20 % and 80 % of the model's time, none outside; of ratios of noise to signal. A process without a table: SD 1's."""
    from webui.samplers.schedules import model_levels

    table = process.table or model_levels()
    high, low = (process.noise_to_signal(float(table.sigma((1 - part) * (len(table.sigmas) - 1)))) for part in (start, end))
    return lambda sigma: eta if low <= sigma <= high else 0.0


@torch.no_grad()
def sample_sa_solver(
    model: Denoiser,
    x: Tensor,
    sigmas: Tensor,
    extra_args: Extra = None,
    callback: StepCallback = None,
    disable: bool | None = None,
    tau_func: Tau | None = None,
    s_noise: float = 1.0,
    noise_sampler: NoiseSampler | None = None,
    predictor_order: int = 3,
    corrector_order: int = 4,
    use_pece: bool = False,
) -> Tensor:
    """Predict with the last predictions, correct with the new one; one model call a step, orders fall towards the end.

    `use_pece` calls the model once more for each corrected x, and goes on with that prediction.
    """
    run = SnrRun(model, x, sigmas, extra_args, callback, noise_sampler)
    x = run.start(x)
    levels, tau_of = run.levels, tau_func or default_tau(run.process)
    times = [-math.log(level) if level > 0 else math.inf for level in levels]
    falls_to_zero = levels[-1] == 0
    predictions: list[Tensor] = []
    predicted, tau, noise = x, 0.0, x.new_zeros(())
    for i, (sigma, sigma_next) in enumerate(zip(levels, levels[1:], strict=False)):
        denoised = run.denoise(predicted, sigma)
        run.report(i, predicted, sigma, denoised)
        predictions = [*predictions, denoised][-max(predictor_order, corrector_order) :]
        order = min(corrector_order, len(predictions), *([len(levels) - 1 - i] if falls_to_zero else []))
        if i == 0 or order == 0 or (sigma_next == 0 and not use_pece):
            x = predicted
        else:
            x = _adams(x, predictions[-order:], times[i - order + 1 : i + 1], times[i - 1], times[i], tau) + noise
            if use_pece:
                denoised = predictions[-1] = run.denoise(x, sigma)
        if sigma_next == 0:
            return denoised
        tau = tau_of(sigma_next)
        order, h = min(predictor_order, len(predictions), *([len(levels) - 2 - i] if falls_to_zero else [])), times[i + 1] - times[i]
        predicted = _adams(x, predictions[-order:], times[i - order + 1 : i + 1], times[i], times[i + 1], tau)
        added = tau > 0 and s_noise > 0
        noise = (
            run.noise(x, sigma, sigma_next) * s_noise * sigma_next * math.sqrt(-math.expm1(-2 * tau**2 * h)) if added else x.new_zeros(())
        )
        predicted = predicted + noise
    return run.end(predicted)


def sample_sa_solver_pece(
    model: Denoiser,
    x: Tensor,
    sigmas: Tensor,
    extra_args: Extra = None,
    callback: StepCallback = None,
    disable: bool | None = None,
    tau_func: Tau | None = None,
    s_noise: float = 1.0,
    noise_sampler: NoiseSampler | None = None,
    predictor_order: int = 3,
    corrector_order: int = 4,
) -> Tensor:
    """SA-Solver with two model calls a step: predict, evaluate, correct, evaluate."""
    orders = {"predictor_order": predictor_order, "corrector_order": corrector_order}
    return sample_sa_solver(model, x, sigmas, extra_args, callback, disable, tau_func, s_noise, noise_sampler, use_pece=True, **orders)


def _adams(x: Tensor, predictions: list[Tensor], nodes: list[float], start: float, end: float, tau: float) -> Tensor:
    """Exact step from `start` to `end` (t = -log sigma) for the polynomial through the predictions at `nodes` (paper, equation 14)."""
    rate = 1 + tau**2
    result = math.exp(-rate * (end - start)) * x
    moments = _moments(rate, end - start, len(nodes))
    near = [node - end for node in nodes]
    for j, prediction in enumerate(predictions):
        weight = math.fsum(coefficient * moment for coefficient, moment in zip(lagrange(near, j), moments, strict=True))
        result = result + weight * prediction
    return result


def _moments(rate: float, h: float, count: int) -> list[float]:
    """rate · ∫ exp(rate·u) u^k du over u in [-h, 0], for k = 0 … count-1, by parts."""
    values = [-math.expm1(-rate * h)]
    for k in range(1, count):
        values.append(-((-h) ** k) * math.exp(-rate * h) - k / rate * values[-1])
    return values
