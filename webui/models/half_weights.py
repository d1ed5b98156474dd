"""Weights that a file holds in 16 bits kept as they are in it, where they are computed with in float32.

Each layer widens its weight while it computes, which changes no bit of what it gives: half the memory, for some hundredths of the time.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from webui.models.packing import LaidOut, Packed

SMALLEST = 2**12
"""Weights of fewer numbers stay in full: they take little, and widening costs a call."""
HALVES = (torch.float16, torch.bfloat16)
Read = Callable[[Tensor, str, torch.dtype], Tensor]


@dataclass(frozen=True, eq=False)
class Narrow(Packed):
    """A weight in the narrowest type that holds its numbers exactly, computed with in `dtype`."""

    dtype: torch.dtype

    def plain(self) -> Tensor:
        """The weight as it is computed with."""
        return self.parts[0].to(self.dtype)


class NarrowLinear(nn.Linear):
    """A linear layer that widens its weight while it computes."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002  (torch's name)
        """What the layer gives."""
        return linear(input, cast(LaidOut, self.weight).packed.plain(), self.bias)


class NarrowConv2d(nn.Conv2d):
    """A convolution that widens its weight while it computes."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002  (torch's name)
        """What the layer gives."""
        output: Tensor = self._conv_forward(input, cast(LaidOut, self.weight).packed.plain(), self.bias)
        return output


@torch.no_grad()
def fill(module: nn.Module, state: Mapping[str, Tensor], read: Read, dtype: torch.dtype) -> set[str]:
    """Give a module without memory its large weights, each as narrow as it is exact, one after another; gives the names of those.

    `read(tensor, name, type)` gives a tensor of the file in a type, where and as it is computed with. What the file has in another type,
    or scaled, is narrowed only where that changes no number.
    """
    filled = set()
    for name, layer in module.named_modules():
        kind = _KINDS.get(type(layer))
        if kind is None or cast(Tensor, layer.weight).numel() < SMALLEST:
            continue
        key = f"{name}.weight"
        is_half = state[key].dtype in HALVES
        numbers = read(state[key], key, state[key].dtype if is_half else dtype)
        kept = Narrow((numbers,), dtype) if is_half else narrowed(numbers, dtype)
        like = torch.empty(1, dtype=dtype, device=numbers.device).expand(numbers.shape)
        layer.weight, layer.__class__ = LaidOut.over(kept, partial(narrowed, dtype=dtype), like), kind
        filled.add(key)
    return filled


def narrowed(weight: Tensor, dtype: torch.dtype) -> Narrow:
    """A weight in the first of 16 bits that holds each of its numbers exactly, else as it is."""
    for half in HALVES:
        narrow = weight.to(half)
        if torch.equal(narrow.to(weight.dtype), weight):
            return Narrow((narrow,), dtype)
    return Narrow((weight,), dtype)


_KINDS: dict[type[nn.Module], type[nn.Module]] = {nn.Linear: NarrowLinear, nn.Conv2d: NarrowConv2d}
