"""OFT (Qiu et al. 2023, arXiv:2306.07280) and BOFT (Liu et al. 2023, arXiv:2311.06243): blocks of a weight's rows are rotated.

The rotations come of skew-symmetric matrices by Cayley's map. `alpha` times the number of rows bounds their norm (constrained OFT);
`rescale` is a factor for each row.
"""

import torch
from torch import Tensor

from .parts import Parts


def transform(parts: Parts, weight: Tensor, strength: float) -> Tensor:
    """The weight with its rows rotated; at a strength each rotation is mixed with none. Raises ValueError for another layer's blocks."""
    blocks = _rotations(parts, weight)
    if blocks.ndim not in (3, 4) or blocks.shape[-1] != blocks.shape[-2] or blocks.shape[-3] * blocks.shape[-1] != len(weight):
        raise ValueError("another layer's blocks")
    still = torch.eye(blocks.shape[-1], device=weight.device)
    mixed = still + strength * (blocks - still)
    rotated = _butterfly(mixed, weight) if mixed.ndim == 4 else _rotate(mixed.transpose(1, 2), weight)
    if "rescale" in parts:
        factors = parts.get("rescale", weight).reshape(len(weight), *[1] * (weight.ndim - 1))
        rotated = rotated * (1 + strength * (factors - 1))
    return rotated


def _rotations(parts: Parts, weight: Tensor) -> Tensor:
    """One rotation for each block. LyCORIS' first files hold them as they are."""
    if "oft_blocks" not in parts:
        return parts.get("oft_diag", weight)
    blocks = parts.get("oft_blocks", weight)
    skew = blocks - blocks.transpose(-1, -2)
    most = parts.number("alpha") * len(weight)
    if most > 0:
        norm = float(torch.linalg.vector_norm(skew))
        skew = skew * ((min(norm, most) + 1e-8) / (norm + 1e-8))
    still = torch.eye(skew.shape[-1], device=weight.device)
    return (still + skew) @ torch.linalg.inv(still - skew)


def _rotate(blocks: Tensor, weight: Tensor) -> Tensor:
    """Each block of rows times its matrix."""
    rows = weight.reshape(len(blocks), blocks.shape[-1], -1)
    return (blocks @ rows).reshape(weight.shape)


def _butterfly(factors: Tensor, weight: Tensor) -> Tensor:
    """One factor after the other; before each, rows that lie 2^i half blocks apart come side by side, and go back after it."""
    for number, blocks in enumerate(factors):
        step = 2**number * (blocks.shape[-1] // 2)
        apart = weight.reshape(-1, 2, step, weight[0].numel())
        rotated = _rotate(blocks, apart.transpose(1, 2).reshape(len(weight), -1))
        weight = rotated.reshape(-1, step, 2, weight[0].numel()).transpose(1, 2).reshape(weight.shape)
    return weight
