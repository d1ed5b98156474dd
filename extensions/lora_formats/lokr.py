"""LoKr (Yeh et al. 2023, arXiv:2309.14859): the Kronecker product of two matrices, each of them whole or a product itself."""

import torch
from torch import Tensor

from .parts import Parts, shaped


def delta(parts: Parts, weight: Tensor) -> Tensor:
    """alpha/rank · w1 ⊗ w2. Where both are whole there is no rank, and alpha does not count."""
    first, second = _first(parts, weight), _second(parts, weight)
    if second.ndim == 4:
        first = first.reshape(*first.shape[:2], 1, 1)
    return shaped(torch.kron(first, second.contiguous()), weight).mul_(_scale(parts))


def _first(parts: Parts, like: Tensor) -> Tensor:
    if "lokr_w1" in parts:
        return parts.get("lokr_w1", like)
    return parts.matrix("lokr_w1_a", like) @ parts.matrix("lokr_w1_b", like)


def _second(parts: Parts, like: Tensor) -> Tensor:
    if "lokr_w2" in parts:
        return parts.get("lokr_w2", like)
    first, second = parts.matrix("lokr_w2_a", like), parts.matrix("lokr_w2_b", like)
    if "lokr_t2" in parts:
        return torch.einsum("ijyx,io,jc->ocyx", parts.get("lokr_t2", like), first, second)
    return first @ second


def _scale(parts: Parts) -> float:
    whole = {"lokr_w1": "lokr_w1_b", "lokr_w2": "lokr_w2_b"}
    ranks = [len(parts.tensors[factor]) for one, factor in whole.items() if one not in parts]
    return parts.scale(ranks[-1]) if ranks else 1.0
