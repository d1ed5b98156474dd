"""OFT of a layer's inputs (OFTv2, Qiu et al. 2025, arXiv:2506.19847), as PEFT and OneTrainer write it: `oft_R.weight`.

Each block of inputs has the upper triangle of a skew-symmetric matrix Q, and is rotated by the first terms of Cayley's series,
I + 2Q + 2Q² + 2Q³ + Q⁴: both train with these. A single block serves all inputs.
"""

from collections.abc import Callable
from math import isqrt

import torch
from torch import Tensor

from .parts import Parts


def rotate(*, turned_kernels: bool) -> Callable[[Parts, Tensor, float], Tensor]:
    """The weight with its inputs rotated; at a strength each rotation is mixed with none.

    OneTrainer rotates a convolution's kernels where PEFT rotates what they see, which is the other way round. Raises ValueError for
    another layer's blocks.
    """

    def transform(parts: Parts, weight: Tensor, strength: float) -> Tensor:
        vectors = parts.get("oft_inputs", weight)
        size = (1 + isqrt(1 + 8 * vectors.shape[-1])) // 2
        inputs = weight[0].numel()
        if vectors.ndim != 2 or size * (size - 1) // 2 != vectors.shape[1] or inputs % size or len(vectors) not in (1, inputs // size):
            raise ValueError("another layer's blocks")
        rotations = _rotations(vectors / (2 * (size - 1) ** 0.5) if "oft_scaled" in parts else vectors, size)
        still = torch.eye(size, device=weight.device)
        mixed = still + strength * (rotations - still)
        if not (turned_kernels and weight.ndim == 4):
            mixed = mixed.transpose(1, 2)
        blocks = weight.reshape(len(weight), -1, size)
        return torch.einsum("orc,rcd->ord", blocks, mixed.expand(blocks.shape[1], -1, -1)).reshape(weight.shape)

    return transform


def _rotations(vectors: Tensor, size: int) -> Tensor:
    upper = torch.zeros(len(vectors), size, size, device=vectors.device)
    rows, columns = torch.triu_indices(size, size, 1)
    upper[:, rows, columns] = vectors
    skew = upper - upper.transpose(1, 2)
    square = skew @ skew
    cube = square @ skew
    return torch.eye(size, device=vectors.device) + 2 * (skew + square + cube) + cube @ skew
