"""GLoRA (Chavan et al. 2023, arXiv:2306.07967): W + s·alpha/rank · (W·A + B), A and B of low rank, in today's layout and LyCORIS' first."""

import torch
from torch import Tensor

from .parts import Parts, shaped


def delta(parts: Parts, weight: Tensor) -> Tensor:
    """alpha/rank · (W·A + B). Raises ValueError where the tensors have neither layout."""
    a1, a2, b1, b2 = (parts.matrix(name, weight) for name in ("a1", "a2", "b1", "b2"))
    if _is_old(a1, a2, b1, b2, weight):
        product = b2 @ b1 + weight.flatten(1) @ a2 @ a1
        return shaped(product, weight).mul_(parts.scale(len(a1)))
    if not len(b2) == b1.shape[1] == a1.shape[1] == len(a2):
        raise ValueError("neither layout of GLoRA")
    product = torch.einsum("oi...,ir,rj->oj...", weight, a1, a2) + shaped(b1 @ b2, weight)
    return product.mul_(parts.scale(len(a2)))


def _is_old(a1: Tensor, a2: Tensor, b1: Tensor, b2: Tensor, weight: Tensor) -> bool:
    fits_old = b2.shape[1] == len(b1) == len(a1) == a2.shape[1]
    fits_new = len(b2) == b1.shape[1] == a1.shape[1] == len(a2)
    return fits_old and (not fits_new or len(a2) == len(weight) == weight.shape[1])
