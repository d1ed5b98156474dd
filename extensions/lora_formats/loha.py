"""LoHa (Hyeon-Woo et al. 2021, arXiv:2108.06098): the Hadamard product of two low-rank matrices, or of two Tucker decompositions."""

import torch
from torch import Tensor

from .parts import Parts, shaped


def delta(parts: Parts, weight: Tensor) -> Tensor:
    """alpha/rank · (w1 ∘ w2)."""
    product = _factor(parts, "1", weight) * _factor(parts, "2", weight)
    return shaped(product, weight).mul_(parts.scale(len(parts.tensors["hada_w1_b"])))


def _factor(parts: Parts, number: str, like: Tensor) -> Tensor:
    first, second = parts.matrix(f"hada_w{number}_a", like), parts.matrix(f"hada_w{number}_b", like)
    core = f"hada_t{number}"
    if core in parts:
        return torch.einsum("ijyx,io,jc->ocyx", parts.get(core, like), first, second)
    return first @ second
