"""UniPC (Zhao et al. 2023, arXiv:2302.04867) in data prediction: predict, call the model once, correct with that call."""

import math
from collections import deque
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from webui.samplers.polynomials import solve
from webui.samplers.stepping import Denoiser, Extra, SamplerRun, StepCallback

VARIANTS = ("bh1", "bh2", "vary_coeff")


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
    model_sigmas: Tensor | None = None,
) -> Tensor:
    """UniPC-p, multistep (Algorithms 5 to 8); the last step is not corrected, so there are as many model calls as steps.

    `variant` is the paper's B(h) (bh1, bh2) or its varying coefficients. `model_sigmas`: ask the model at these levels instead of `sigmas`,
    one each, and take its noise prediction for the level meant: the programs people come from round timesteps so.
    """
    if variant not in VARIANTS:
        raise ValueError(f"variant must be one of {', '.join(VARIANTS)}")
    run = SamplerRun(model, x, sigmas, extra_args, callback)
    asked = run.levels if model_sigmas is None else model_sigmas.tolist()
    past: deque[tuple[float, Tensor]] = deque(maxlen=order)
    steps = len(run.levels) - 1
    for step, (sigma, sigma_next) in enumerate(zip(run.levels, run.levels[1:], strict=False)):
        if not past:
            past.append((-math.log(sigma), _predict(run, x, sigma, asked[0])))
        run.report(step, x, sigma, past[-1][1])
        if sigma_next == 0:
            return past[-1][1]
        used = min(order, step + 1, steps - step) if lower_order_final else min(order, step + 1)
        weights = _weigh(list(past)[-used:], -math.log(sigma_next), variant)
        base = math.exp(-weights.h) * x - math.expm1(-weights.h) * past[-1][1]
        x = _moved(base, weights.predict, weights.terms)
        if step < steps - 1:
            new = _predict(run, x, sigma_next, asked[step + 1])
            x = _moved(base, weights.correct, [*weights.terms, new - past[-1][1]])
            past.append((-math.log(sigma_next), new))
    return x


sample_unipc_bh2 = partial(sample_unipc, variant="bh2")
"""ComfyUI's `uni_pc_bh2`."""


def _predict(run: SamplerRun, x: Tensor, sigma: float, asked: float) -> Tensor:
    """The model's prediction of the clean latent at `sigma`, from its noise prediction at the level `asked`."""
    if asked == sigma:
        return run.denoise(x, sigma)
    there = x * math.sqrt((1 + asked**2) / (1 + sigma**2))
    return x - (there - run.denoise(there, asked)) * (sigma / asked)


def _moved(base: Tensor, weights: list[float], terms: list[Tensor]) -> Tensor:
    for weight, term in zip(weights, terms, strict=True):
        base = base - weight * term
    return base


@dataclass(frozen=True)
class _Weights:
    """One step of length `h` in -log sigma: differences to earlier predictions, and their weights without and with the new prediction."""

    h: float
    terms: list[Tensor]
    predict: list[float]
    correct: list[float]


def _weigh(past: list[tuple[float, Tensor]], t_next: float, variant: str) -> _Weights:
    t, newest = past[-1]
    h = t_next - t
    ratios = [(time - t) / h for time, _ in reversed(past[:-1])]
    terms = [(value - newest) / ratio for (_, value), ratio in zip(reversed(past[:-1]), ratios, strict=True)]
    nodes = [*ratios, 1.0]
    phis = _phis(-h, len(past) + 1)
    if variant == "vary_coeff":
        return _Weights(h, terms, _varying(nodes[:-1], phis), _varying(nodes, phis, newest=True))
    scale = -h if variant == "bh1" else math.expm1(-h)
    return _Weights(h, terms, _fixed(nodes[:-1], phis, scale), _fixed(nodes, phis, scale))


def _phis(z: float, count: int) -> list[float]:
    """z·phi_1(z), then phi_{k+1}(z) for k = 1 … (phi_{k+1}(z) = (phi_k(z) - 1/k!) / z, the paper's appendix A)."""
    values, phi = [], math.expm1(z)
    for k in range(1, count + 1):
        values.append(phi)
        phi = phi / z - 1 / math.factorial(k)
    return values


def _fixed(nodes: list[float], phis: list[float], scale: float) -> list[float]:
    """B(h) · the weights that make the step exact for polynomials of degree len(nodes) in the noise level (paper, equation 5).

    The papers' two special cases are kept: a single term weighs one half.
    """
    count = len(nodes)
    if count == 0:
        return []
    if count == 1:
        return [0.5 * scale]
    right = [phis[k] * math.factorial(k) / scale for k in range(1, count + 1)]
    return [scale * weight for weight in solve([[node**k for node in nodes] for k in range(count)], right)]


def _varying(nodes: list[float], phis: list[float], *, newest: bool = False) -> list[float]:
    """The weights of the varying-coefficient variant (paper, appendix C), from the inverse of the matrix of node^j / (j + 1)! columns.

    `newest`: the last term is the difference to the new prediction. Of its column the authors' program takes one entry only; so do we,
    for the same pictures.
    """
    count = len(nodes)
    if count == 0:
        return []
    matrix = [[node**j / math.factorial(j + 1) for j in range(count)] for node in nodes]
    columns = [solve(matrix, [float(row == j) for row in range(count)]) for j in range(count)]
    rows = count - 1 if newest else count
    weights = [math.fsum(phis[k + 1] * columns[j][k] for k in range(rows)) for j in range(rows)]
    return [*weights, phis[count] * columns[-1][max(count - 2, 0)]] if newest else weights
