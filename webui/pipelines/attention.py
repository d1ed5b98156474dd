"""Put the plan's attention kernel into a UNet."""

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from webui.devices.attention import tiled_attention
from webui.errors import RequestError

Kernel = Callable[[Tensor, Tensor, Tensor], Tensor]


def choose(unet: nn.Module, name: str) -> None:
    """Use the kernel of this name ("sdpa", "tiled" or "xformers") in every attention layer of `unet`."""
    unet.set_attn_processor(Processor(_kernel(name)))  # type: ignore[operator]


def _kernel(name: str) -> Kernel:
    if name == "tiled":
        return tiled_attention
    if name == "xformers":
        return _xformers()
    return scaled_dot_product_attention


def xformers_present() -> bool:
    """Whether the library is installed."""
    return find_spec("xformers") is not None


def _xformers() -> Kernel:
    if not xformers_present():
        raise RequestError("attention", "xformers is not installed. Choose sdpa in Settings, or install it: pip install xformers.")
    from xformers.ops import memory_efficient_attention

    def attend(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        result: Tensor = memory_efficient_attention(query.transpose(1, 2), key.transpose(1, 2), value.transpose(1, 2))
        return result.transpose(1, 2)

    return attend


class Processor:
    """What diffusers calls in place of its own attention: queries of the tokens, keys and values of the tokens or of the prompt."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel

    def __call__(self, attn: Any, hidden_states: Tensor, encoder_hidden_states: Tensor | None = None, **_: Any) -> Tensor:
        context = hidden_states if encoder_hidden_states is None else encoder_hidden_states
        query, key, value = (
            linear(source).unflatten(-1, (attn.heads, -1)).transpose(1, 2)
            for linear, source in ((attn.to_q, hidden_states), (attn.to_k, context), (attn.to_v, context))
        )
        joined = self._kernel(query, key, value).transpose(1, 2).flatten(2).to(query.dtype)
        output: Tensor = attn.to_out[1](attn.to_out[0](joined))
        return output
