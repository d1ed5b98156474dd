"""The tensors that one layer's change is made of."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Parts:
    """A layer's tensors by part (up, down, alpha …), still in the file's type and on the disk until they are asked for."""

    tensors: Mapping[str, Tensor]

    def __contains__(self, part: str) -> bool:
        return part in self.tensors

    def get(self, part: str, like: Tensor) -> Tensor:
        """One part in float32, where `like` is."""
        return self.tensors[part].to(like.device, torch.float32)

    def matrix(self, part: str, like: Tensor) -> Tensor:
        """One part as a matrix: a convolution's inputs and places are its columns."""
        tensor = self.get(part, like)
        return tensor.flatten(1)

    def scale(self, rank: int) -> float:
        """alpha ÷ rank, 1 without alpha. Raises ValueError where there is no rank."""
        if not rank:
            raise ValueError("no rank")
        return self.number("alpha") / rank if "alpha" in self else 1.0

    def number(self, part: str, otherwise: float = 0.0) -> float:
        """A part that is one number. Raises RuntimeError where it is several."""
        return float(self.tensors[part].float()) if part in self else otherwise


def shaped(product: Tensor, weight: Tensor) -> Tensor:
    """What an adapter's factors make, in the shape of the weight. Raises RuntimeError or ValueError where it has other rows."""
    if len(product) != len(weight):
        raise ValueError(f"{len(product)} rows are not {len(weight)}")
    return product.reshape(weight.shape)


def whole(tensor: Tensor, weight: Tensor) -> Tensor:
    """A tensor in the shape of the weight that it stands for or is added to, a 1×1 convolution also as a matrix.

    Raises ValueError for one of another shape.
    """
    if _sides(tensor) != _sides(weight):
        raise ValueError(f"{tuple(tensor.shape)} is not {tuple(weight.shape)}")
    return tensor.reshape(weight.shape)


def _sides(tensor: Tensor) -> tuple[int, ...]:
    sides = tuple(tensor.shape)
    return sides[:2] if sides[2:] in ((1,), (1, 1)) else sides
