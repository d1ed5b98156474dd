"""Put the plan's attention kernel into a UNet."""

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from webui.core.stopping import stop_point
from webui.devices.attention import tiled_attention
from webui.errors import RequestError
from webui.models.conditioning import Couple

Kernel = Callable[[Tensor, Tensor, Tensor], Tensor]


CPU = torch.device("cpu")
MOST_QUERIES, PART = 16384, 2048
"""Queries of one call on a CPU: the tokens of a picture of 1024² at SD 1.x's first level. More are asked in parts of so many."""


def choose(unet: nn.Module, name: str, device: torch.device = CPU, dtype: torch.dtype = torch.float32) -> None:
    """Use the kernel of this name ("sdpa", "tiled" or "xformers") in every attention layer of `unet`, which computes there and so.

    Raises `RequestError` for one that cannot.
    """
    unet.set_attn_processor(Processor(_kernel(name, device, dtype)))  # type: ignore[operator]


def _kernel(name: str, device: torch.device, dtype: torch.dtype) -> Kernel:
    if name == "tiled":
        return tiled_attention
    if name == "xformers":
        return _xformers(device, dtype)
    return scaled_dot_product_attention


def xformers_present() -> bool:
    """Whether the library is installed."""
    return find_spec("xformers") is not None


def _xformers(device: torch.device, dtype: torch.dtype) -> Kernel:
    """Asked for a small answer first: a build for another torch or another GPU is imported without a word."""
    if not xformers_present():
        raise RequestError("attention", "xformers is not installed. Choose sdpa in Settings, or install it: pip install xformers.")
    from xformers.ops import memory_efficient_attention

    def attend(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        result: Tensor = memory_efficient_attention(query.transpose(1, 2), key.transpose(1, 2), value.transpose(1, 2))
        return result.transpose(1, 2)

    probe = torch.zeros(1, 1, 8, 40, device=device, dtype=dtype)
    try:
        attend(probe, probe, probe)
    except NotImplementedError:
        raise RequestError(
            "attention",
            f"The xformers that is installed has no attention for {device.type} in {str(dtype).removeprefix('torch.')}: it was built for "
            f"another torch ({torch.__version__} is here) or another device. Choose sdpa in Settings, which is as fast.",
        ) from None
    return attend


def in_parts(kernel: Kernel, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """The same; outside a GPU many queries are asked in parts, between which the call may be stopped."""
    if query.shape[2] <= MOST_QUERIES or query.is_cuda:
        return kernel(query, key, value)
    result = torch.empty_like(query)
    for start in range(0, query.shape[2], PART):
        stop_point()
        part = slice(start, start + PART)
        result[:, :, part] = kernel(query[:, :, part], key, value)
    return result


class Processor:
    """What diffusers calls in place of its own attention: queries of the tokens, keys and values of the tokens or of the prompt."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel

    def __call__(
        self, attn: Any, hidden_states: Tensor, encoder_hidden_states: Tensor | None = None, couple: Couple | None = None, **_: Any
    ) -> Tensor:
        query = _heads(attn, attn.to_q(hidden_states))
        made = self._look(attn, query, hidden_states if encoder_hidden_states is None else encoder_hidden_states)
        if couple is not None and encoder_hidden_states is not None:
            made = self._coupled(attn, query, made, couple)
        joined = made.transpose(1, 2).flatten(2).to(query.dtype)
        output: Tensor = attn.to_out[1](attn.to_out[0](joined))
        return output

    def _look(self, attn: Any, query: Tensor, context: Tensor) -> Tensor:
        return in_parts(self._kernel, query, _heads(attn, attn.to_k(context)), _heads(attn, attn.to_v(context)))

    def _coupled(self, attn: Any, query: Tensor, own: Tensor, couple: Couple) -> Tensor:
        """What the tokens see of all prompts, of each as much as it counts where they lie."""
        shares = couple.shares_of(query.shape[2]).to(own.dtype)[..., None]
        total = own * shares[0]
        for context, share in zip(couple.contexts, shares[1:], strict=True):
            total = total + self._look(attn, query, context.expand(len(query), -1, -1)) * share
        return total


def _heads(attn: Any, values: Tensor) -> Tensor:
    """[n, heads, tokens, width of one] of values for all heads beside each other."""
    split: Tensor = values.view(*values.shape[:-1], attn.heads, -1)
    return split.transpose(1, 2)
