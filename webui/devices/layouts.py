"""Weights as oneDNN computes with them, laid out once.

torch lays a convolution's weight out anew at every call: an SD 1.5 step on AMX spends 0.18 of 1.7 s so. A weight laid out once gives the
same bits, and converts back to the same bits.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

_OPS = torch.ops.mkldnn
_SIDE = 32
"""Pixels of the input that a layout is chosen for; others were as fast with it, and gave the same bits."""
_LEAST = 64
"""Pixels from which on that holds for convolutions of single pixels. With fewer oneDNN wants another layout, and makes it at every call by
its slowest way: 95 ms instead of 2 for 1280 to 1280 channels at 4×4 (AMD, avx512_bf16), 0.7 of the 2.8 s of a step at 256²."""


def available() -> bool:
    """Whether oneDNN computes in bfloat16 here."""
    return bool(torch._C._has_mkldnn and _OPS._is_mkldnn_bf16_supported())


def convolution_layout(weight: Tensor, padding: Sequence[int], stride: Sequence[int], dilation: Sequence[int]) -> tuple[Tensor]:
    """The weight of a convolution without groups, laid out."""
    reorder: Any = torch._C._nn.mkldnn_reorder_conv2d_weight
    size = (2, weight.shape[1], _SIDE, _SIDE)
    return (reorder(weight.to_mkldnn(), list(padding), list(stride), list(dilation), 1, size),)


def convolve(x: Tensor, weight: Tensor, bias: Tensor | None, layer: nn.Conv2d, padding: Sequence[int]) -> Tensor:
    """What the layer computes, with a weight laid out. Few pixels of a layer that sees each by itself are made more: the others stay."""
    height, width = x.shape[-2:]
    short = height * width < _LEAST and layer.kernel_size == layer.stride == (1, 1) and not any(padding)
    seen = pad(x, (0, 0, 0, -(-_LEAST // width) - height)) if short else x
    output: Tensor = _OPS._convolution_pointwise(seen, weight, bias, padding, layer.stride, layer.dilation, 1, "none", [], "")
    return output[:, :, :height].contiguous(memory_format=torch.channels_last) if short else output


def geglu_layout(weight: Tensor) -> tuple[Tensor, Tensor]:
    """The two halves of the linear layer of a GEGLU, for the values and for the gate."""
    value, gate = (_OPS._reorder_linear_weight(half.contiguous(), None) for half in weight.chunk(2))
    return value, gate


def geglu(x: Tensor, value: Tensor, gate: Tensor, bias: Tensor) -> Tensor:
    """The values times GELU of the gate (Shazeer 2020) without what lies between: rounded less often than layer by layer."""
    values, gates = bias.chunk(2)
    opened = _OPS._linear_pointwise(x, gate, gates, "gelu", [], "none")
    output: Tensor = _OPS._linear_pointwise.binary(x, opened, value, values, "mul")
    return output


def plain(parts: Sequence[Tensor]) -> Tensor:
    """The weight as it was, to the last bit; a copy."""
    return torch.cat([part.to_dense() for part in parts])


def trial(laid_out: bool) -> Callable[[], Tensor]:
    """A convolution of SD 1.x's lower levels in bfloat16, to be timed. Raises what torch raises where it cannot."""
    layer = nn.Conv2d(640, 640, 3, padding=1, dtype=torch.bfloat16).requires_grad_(False)
    layer.weight.data = layer.weight.data.contiguous(memory_format=torch.channels_last)
    x = torch.randn(2, 640, 16, 16).to(torch.bfloat16).contiguous(memory_format=torch.channels_last)
    if not laid_out:
        return partial(layer, x)
    (weight,) = convolution_layout(layer.weight, (1, 1), (1, 1), (1, 1))
    return partial(convolve, x, weight, layer.bias, layer, (1, 1))
