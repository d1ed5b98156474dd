"""DoRA (Liu et al. 2024, arXiv:2402.09353): the adapter turns a weight, a vector of its own says how long its rows are."""

from collections.abc import Callable

import torch
from torch import Tensor

from .parts import Parts


def decomposed(delta: Callable[[Parts, Tensor], Tensor], parts: Parts, weight: Tensor, strength: float) -> Tensor:
    """W + s·(V·m/‖·‖ − W), V = W + alpha/rank · delta.

    What the norm is taken of follows the file. `dora_scale` with a number for each row (output): rows of W, as Forge has it. With one for
    each column (input): columns of V. PEFT's magnitude: rows of V.
    """
    changed = weight + delta(parts, weight)
    if "dora_scale" not in parts:
        magnitude, norm = _per_row(parts.get("magnitude", weight), weight), _row_norms(changed)
    elif len(scale := parts.get("dora_scale", weight)) == len(weight):
        magnitude, norm = _per_row(scale, weight), _row_norms(weight)
    else:
        magnitude, norm = _per_column(scale, weight), _column_norms(changed)
    changed.mul_(magnitude / (norm + torch.finfo(torch.float32).eps))
    return weight.lerp(changed, strength)


def _row_norms(weight: Tensor) -> Tensor:
    return _per_row(torch.linalg.vector_norm(weight.flatten(1), dim=1), weight)


def _column_norms(weight: Tensor) -> Tensor:
    return _per_column(torch.linalg.vector_norm(weight.transpose(0, 1).flatten(1), dim=1), weight)


def _per_row(numbers: Tensor, weight: Tensor) -> Tensor:
    return numbers.reshape(len(weight), *[1] * (weight.ndim - 1))


def _per_column(numbers: Tensor, weight: Tensor) -> Tensor:
    return numbers.reshape(1, weight.shape[1], *[1] * (weight.ndim - 2))
