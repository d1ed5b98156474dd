"""Convolutions and GEGLUs whose weights lie as oneDNN computes with them (`devices.layouts`), in place of the plain ones.

The parameters stay where they were, for adapters find them by name: a `LaidOut` parameter has its numbers in `packed`, and as its own
data one number that is repeated, which takes no memory. So nothing is there twice.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from webui.devices import layouts
from webui.devices.environment import trim_heap

_BETWEEN = 2**27
"""Bytes of plain weights after which their memory is given back."""


@dataclass(frozen=True, eq=False)
class Packed:
    """A weight laid out, in one tensor of oneDNN's or several."""

    parts: tuple[Tensor, ...]

    def plain(self) -> Tensor:
        """The same numbers as torch lays them out; a copy."""
        return layouts.plain(self.parts)

    def storages(self) -> dict[int, int]:
        """Bytes by what holds them."""
        return {id(part): part.numel() * part.element_size() for part in self.parts}


Held = Tensor | Packed
"""A parameter's numbers, as they are kept."""


class LaidOut(nn.Parameter):
    """A parameter whose numbers are `packed`; `lay_out` packs others for the same layer."""

    packed: Packed
    lay_out: Callable[[Tensor], Packed]

    @classmethod
    def over(cls, packed: Packed, lay_out: Callable[[Tensor], Packed], like: Tensor) -> "LaidOut":
        """A parameter with these numbers, of the shape, type and place of `like`."""
        made = cls(torch.zeros(1, dtype=like.dtype, device=like.device).expand(like.shape), requires_grad=False)
        made.packed, made.lay_out = packed, lay_out
        return made


def held(parameter: Tensor) -> Held:
    """What a parameter holds, to be given back to `put`."""
    return parameter.packed if isinstance(parameter, LaidOut) else parameter.data


def put(parameter: Tensor, numbers: Held) -> None:
    """Make these a parameter's numbers: what `held` or `kept` gave for it."""
    if isinstance(parameter, LaidOut):
        parameter.packed = cast(Packed, numbers)
    else:
        parameter.data = cast(Tensor, numbers)


def kept(parameter: nn.Parameter, numbers: Tensor) -> Held:
    """Numbers for a parameter as it holds its own."""
    return parameter.lay_out(numbers) if isinstance(parameter, LaidOut) else numbers


def moved(numbers: Held, device: torch.device) -> Held:
    """The same numbers on a device."""
    if isinstance(numbers, Packed):
        return replace(numbers, parts=tuple(part.to(device) for part in numbers.parts))
    return numbers.to(device)


def plain(numbers: Held) -> Tensor:
    """The numbers themselves."""
    return numbers.plain() if isinstance(numbers, Packed) else numbers


def storages(numbers: Held) -> dict[int, int]:
    """Bytes by what holds them: sets of weights may share tensors."""
    if isinstance(numbers, Packed):
        return numbers.storages()
    return {numbers.data_ptr(): numbers.numel() * numbers.element_size()}


class PackedConv2d(nn.Conv2d):
    """A convolution that computes with its weight as it is laid out."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002  (torch's name)
        """What the layer gives without; pads round the picture where it shall be a tile."""
        padding: Sequence[int] = cast(tuple[int, ...], self.padding)
        if self.padding_mode != "zeros":
            input, padding = pad(input, self._reversed_padding_repeated_twice, mode=self.padding_mode), (0, 0)  # noqa: A001
        return layouts.convolve(input, cast(LaidOut, self.weight).packed.parts[0], self.bias, self, padding)


class PackedGEGLU(nn.Module):
    """diffusers' GEGLU over one linear layer, `proj`, in two calls."""

    proj: nn.Linear

    def forward(self, hidden_states: Tensor) -> Tensor:
        """The values times the opened gate."""
        value, gate = cast(LaidOut, self.proj.weight).packed.parts
        return layouts.geglu(hidden_states, value, gate, self.proj.bias)


@torch.no_grad()
def pack(module: nn.Module) -> None:
    """Lay out what of a module in bfloat16 computes faster so, one weight after another.

    What the plain weights leave goes back to the system in between: SDXL would else take 1.1 GB more than its weights.
    """
    left = 0
    for layer in module.modules():
        if left > _BETWEEN:
            trim_heap()
            left = 0
        if _is_plain_convolution(layer):
            left += cast(Tensor, layer.weight).nbytes
            _lay_out(layer, partial(_convolution, cast(nn.Conv2d, layer)))
            layer.__class__ = PackedConv2d
        elif _is_geglu(layer):
            left += cast(nn.Linear, layer.proj).weight.nbytes
            _lay_out(cast(nn.Linear, layer.proj), _geglu)
            layer.__class__ = PackedGEGLU
    trim_heap()


def _convolution(layer: nn.Conv2d, weight: Tensor) -> Packed:
    return Packed(layouts.convolution_layout(weight, cast(tuple[int, ...], layer.padding), layer.stride, layer.dilation))


def _geglu(weight: Tensor) -> Packed:
    return Packed(layouts.geglu_layout(weight))


def _is_plain_convolution(layer: nn.Module) -> bool:
    return type(layer) is nn.Conv2d and layer.groups == 1 and layer.weight.dtype == torch.bfloat16 and not isinstance(layer.padding, str)


def _is_geglu(layer: nn.Module) -> bool:
    linear = getattr(layer, "proj", None)
    if type(layer).__name__ != "GEGLU" or not isinstance(linear, nn.Linear) or linear.bias is None:
        return False
    return linear.weight.dtype == torch.bfloat16


def _lay_out(layer: nn.Module, lay_out: Callable[[Tensor], Packed]) -> None:
    """Put a `LaidOut` parameter in the place of a layer's weight."""
    weight = cast(Tensor, layer.weight)
    layer.weight = LaidOut.over(lay_out(weight.data), lay_out, weight)
