"""Changes that are as large as what they change: differences of weights, biases and norm layers, and weights that replace."""

from collections.abc import Callable

from torch import Tensor

from . import parts as files


def add(part: str) -> Callable[[files.Parts, Tensor, float], Tensor]:
    """W + s·difference."""

    def transform(parts: files.Parts, weight: Tensor, strength: float) -> Tensor:
        return weight.add(files.whole(parts.get(part, weight), weight), alpha=strength)

    return transform


def replace(parts: files.Parts, weight: Tensor, strength: float) -> Tensor:
    """The file's weight in the place of the model's, at whatever strength."""
    return files.whole(parts.get("set", weight), weight).clone()  # the file's own numbers lie on the disk
