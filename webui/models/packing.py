"""Convolutions and GEGLUs whose weights lie as oneDNN computes with them (`devices.layouts`), in place of the plain ones.

The parameters stay where they were, for adapters find them by name: a `LaidOut` parameter has its numbers in `packed`, and as its own
data one number that is repeated, which takes no memory. So nothing is there twice.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeGuard, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from webui.devices import layouts


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


def packable(module: nn.Module) -> dict[str, Callable[[Tensor], None]]:
    """The weights of a module, by name, that compute faster laid out; each with what lays out numbers for it and makes them the layer's."""
    found: dict[str, Callable[[Tensor], None]] = {}
    for name, layer in module.named_modules():
        if _is_plain_convolution(layer):
            lay_out = partial(_convolution, padding=cast(tuple[int, ...], layer.padding), stride=layer.stride, dilation=layer.dilation)
            found[f"{name}.weight"] = partial(_install, layer, layer, PackedConv2d, lay_out)
        elif _is_geglu(layer):
            found[f"{name}.proj.weight"] = partial(_install, layer, cast(nn.Module, layer.proj), PackedGEGLU, _geglu)
    return found


@torch.no_grad()
def _install(layer: nn.Module, linear: nn.Module, kind: type[nn.Module], lay_out: Callable[[Tensor], Packed], weight: Tensor) -> None:
    """Put a `LaidOut` parameter in the place of a weight. What is kept knows no layer: a model that is dropped is gone at once."""
    linear.weight = LaidOut.over(lay_out(weight), lay_out, weight)
    layer.__class__ = kind


def _convolution(weight: Tensor, padding: tuple[int, ...], stride: tuple[int, ...], dilation: tuple[int, ...]) -> Packed:
    return Packed(layouts.convolution_layout(weight, padding, stride, dilation))


def _geglu(weight: Tensor) -> Packed:
    return Packed(layouts.geglu_layout(weight))


def _is_plain_convolution(layer: nn.Module) -> TypeGuard[nn.Conv2d]:
    return type(layer) is nn.Conv2d and layer.groups == 1 and not isinstance(layer.padding, str)


def _is_geglu(layer: nn.Module) -> bool:
    linear = getattr(layer, "proj", None)
    return type(layer).__name__ == "GEGLU" and isinstance(linear, nn.Linear) and linear.bias is not None
