"""The denoiser's large weights kept in eight bits, by torchao: a whole number for each weight and a scale for each output.

Of the libraries that could, this is the one: its int8 is 0.45 % from a weight (root mean square, normal weights), its float8 and that of
optimum-quanto 2.6 %; optimum-quanto had no release since March 2025, sdnq's licence is the GPL.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from webui.errors import RequestError
from webui.models.packing import LaidOut, Packed

SMALLEST = 2**16
"""Weights of fewer numbers stay as they are: they take little, and the first and the last layer are among them."""
Read = Callable[[Tensor, str], Tensor]


@dataclass(frozen=True, eq=False)
class EightBit(Packed):
    """A weight in torchao's form: rows of whole numbers, for a shape.

    `wrong` and `whole` are sums of squares: of its error, and of the weight.
    """

    shape: tuple[int, ...]
    channels_last: bool
    wrong: float
    whole: float

    def plain(self) -> Tensor:
        """The weight as it is computed with; a copy."""
        weight: Tensor = cast(Any, self.parts[0]).dequantize().reshape(self.shape)
        return weight.contiguous(memory_format=torch.channels_last) if self.channels_last else weight

    def storages(self) -> dict[int, int]:
        """Bytes of the numbers and of the scales."""
        kept: Any = self.parts[0]
        return {id(kept): kept.qdata.nbytes + kept.scale.nbytes}


class EightBitLinear(nn.Linear):
    """A linear layer over a weight in eight bits."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002  (torch's name)
        """By the library's own multiplication."""
        return linear(input, cast(LaidOut, self.weight).packed.parts[0], self.bias)


class EightBitConv2d(nn.Conv2d):
    """A convolution over a weight in eight bits, which is laid out in full while it computes."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002  (torch's name)
        """What the layer gives."""
        output: Tensor = self._conv_forward(input, cast(LaidOut, self.weight).packed.plain(), self.bias)
        return output


def check_installed() -> None:
    """Raises `RequestError` where the library is missing."""
    if find_spec("torchao") is None:
        raise RequestError("weights", 'Weights in eight bits need torchao: pip install torchao, or choose "full" in Settings.')


@torch.no_grad()
def fill(module: nn.Module, state: Mapping[str, Tensor], read: Read) -> set[str]:
    """Give a module without memory its large weights in eight bits, one after another; gives the names of those.

    `read(tensor, name)` gives a tensor of the file in the type and place that is computed with.
    """
    check_installed()
    filled = set()
    for name, layer in module.named_modules():
        kind = _KINDS.get(type(layer))
        if kind is None or cast(Tensor, layer.weight).numel() < SMALLEST:
            continue
        key = f"{name}.weight"
        keep = partial(_kept, channels_last=isinstance(layer, nn.Conv2d))
        numbers = read(state[key], key)
        layer.weight, layer.__class__ = LaidOut.over(keep(numbers), keep, numbers), kind
        filled.add(key)
    return filled


def error_of(module: nn.Module) -> float | None:
    """How far its weights in eight bits are from the file's, as a share (root mean square); None where none are."""
    kept = [parameter.packed for parameter in module.parameters() if isinstance(parameter, LaidOut)]
    eight = [each for each in kept if isinstance(each, EightBit)]
    whole = sum(each.whole for each in eight)
    return math.sqrt(sum(each.wrong for each in eight) / whole) if whole else None


def _kept(weight: Tensor, channels_last: bool) -> EightBit:
    from torchao.quantization import Int8Tensor, PerRow

    rows = weight.reshape(len(weight), -1).contiguous()
    numbers = Int8Tensor.from_hp(rows, PerRow())
    wrong = (numbers.dequantize().float() - rows.float()).square().sum().item()
    return EightBit((numbers,), tuple(weight.shape), channels_last, wrong, rows.float().square().sum().item())


_KINDS: dict[type[nn.Module], type[nn.Module]] = {nn.Linear: EightBitLinear, nn.Conv2d: EightBitConv2d}
