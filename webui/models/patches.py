"""What is changed inside a UNet for the length of one call: its self-attention, what skips, and where the two paths join.

A patch travels with the prompt of a call (`Conditioning.patches`), so that calls of other jobs go through the same network untouched.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from webui.models.conditioning import Couple, NetworkPatch

_DOWN, _UP = {"CrossAttnDownBlock2D", "DownBlock2D"}, {"CrossAttnUpBlock2D", "UpBlock2D"}
Size = tuple[int, int]


class SelfAttention(Protocol):
    """One self-attention as a patch sees it: its module, its name below the UNet, and the latents' height and width."""

    module: Any
    name: str
    size: Size


class AttentionSite:
    """Implements `SelfAttention`."""

    def __init__(self, module: Any, name: str, size: Size) -> None:
        self.module, self.name, self.size = module, name, size


class OwnAttention:
    """A processor, as diffusers calls one, of a function that makes a self-attention's output of its module and the tokens."""

    def __init__(self, work: Callable[[Any, Tensor], Tensor]) -> None:
        self._work = work

    def __call__(
        self, attn: Any, hidden_states: Tensor, encoder_hidden_states: Tensor | None = None, couple: Couple | None = None, **_: Any
    ) -> Tensor:
        return self._work(attn, hidden_states)


class UNetPatch(NetworkPatch):
    """A patch of a UNet. Each method leaves things as they are; a subclass says what it changes.

    `changes_blocks`: `left` and `join` are used.
    """

    changes_blocks = False

    def attention(self, site: SelfAttention, processor: Callable[..., Tensor]) -> Callable[..., Tensor]:
        """What makes a self-attention's output in the place of `processor`, which has diffusers' signature."""
        return processor

    def left(self, number: int, h: Tensor, skip: Tensor) -> tuple[Tensor, Tensor]:
        """(what goes on down, what skips) behind input block `number`, counted as in CompVis' files: 0 is the first convolution."""
        return h, skip

    def join(self, h: Tensor, skip: Tensor) -> tuple[Tensor, Tensor]:
        """(what comes from below, what skipped) before an output block joins the two."""
        return h, skip


def has_blocks(unet: nn.Module) -> bool:
    """Whether `left` and `join` can be called: the network is made of Stable Diffusion's blocks."""
    down, up = getattr(unet, "down_blocks", None), getattr(unet, "up_blocks", None)
    if not isinstance(down, nn.ModuleList) or not isinstance(up, nn.ModuleList):
        return False
    return {type(block).__name__ for block in down} <= _DOWN and {type(block).__name__ for block in up} <= _UP


def self_attentions(unet: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """(name, module) of the UNet's self-attentions, in the order in which they run."""
    for part in ("down_blocks", "mid_block", "up_blocks"):
        block = getattr(unet, part, None)
        for name, module in block.named_modules() if isinstance(block, nn.Module) else ():
            if name.endswith(".attn1"):
                yield f"{part}.{name}", module


def in_the_middle(unet: nn.Module) -> bool:
    """Whether the UNet's middle block has a self-attention."""
    return any(name.startswith("mid_block.") for name, _ in self_attentions(unet))


@contextmanager
def applied(unet: nn.Module, patches: Sequence[NetworkPatch], size: Size) -> Iterator[None]:
    """The UNet with these patches, for one call on latents of this size."""
    ours = [patch for patch in patches if isinstance(patch, UNetPatch)]
    with ExitStack() as stack:
        for name, module in self_attentions(unet):
            site: SelfAttention = AttentionSite(module, name, size)
            processor = before = site.module.processor
            for patch in ours:
                processor = patch.attention(site, processor)
            if processor is not before:
                stack.callback(setattr, module, "processor", before)
                site.module.processor = processor
        changing = [patch for patch in ours if patch.changes_blocks]
        if changing:
            _Blocks(changing, size).put_on(unet, stack)
        yield


class _Blocks:
    """The UNet's blocks for one call, with what is done between them. `_sizes` are those of what skips and is not joined yet."""

    def __init__(self, patches: Sequence[UNetPatch], size: Size) -> None:
        self._patches, self._sizes, self._number = patches, [size], 0

    def put_on(self, unet: Any, stack: ExitStack) -> None:
        for block in unet.down_blocks:
            self._replace(stack, block, partial(self._down, block))
        for block in unet.up_blocks:
            self._replace(stack, block, partial(self._up, block))

    def _replace(self, stack: ExitStack, block: nn.Module, forward: Callable[..., Any]) -> None:
        stack.callback(delattr, block, "forward")
        block.forward = forward

    def _down(self, block: Any, hidden_states: Tensor, temb: Tensor, **context: Any) -> tuple[Tensor, tuple[Tensor, ...]]:
        h, skips = hidden_states, []
        for resnet, attention in _pairs(block):
            h = resnet(h, temb)
            if attention is not None:
                h = attention(h, **context, return_dict=False)[0]
            h, skip = self._left(h)
            skips.append(skip)
        for downsampler in block.downsamplers or ():
            h, skip = self._left(downsampler(h))
            skips.append(skip)
        self._sizes += [(skip.shape[2], skip.shape[3]) for skip in skips]
        return h, tuple(skips)

    def _left(self, h: Tensor) -> tuple[Tensor, Tensor]:
        self._number += 1
        skip = h
        for patch in self._patches:
            h, skip = patch.left(self._number, h, skip)
        return h, skip

    def _up(
        self,
        block: Any,
        hidden_states: Tensor,
        res_hidden_states_tuple: tuple[Tensor, ...],
        temb: Tensor,
        upsample_size: Any = None,
        **context: Any,
    ) -> Tensor:
        h = hidden_states
        for (resnet, attention), skip in zip(_pairs(block), reversed(res_hidden_states_tuple), strict=True):
            for patch in self._patches:
                h, skip = patch.join(h, skip)  # noqa: PLW2901
            h = resnet(torch.cat([h, skip], dim=1), temb)
            if attention is not None:
                h = attention(h, **context, return_dict=False)[0]
        del self._sizes[-len(res_hidden_states_tuple) :]
        for upsampler in block.upsamplers or ():
            h = upsampler(h, self._sizes[-1])
        return h


def _pairs(block: Any) -> Iterator[tuple[Any, Any]]:
    attentions = getattr(block, "attentions", None) or [None] * len(block.resnets)
    return zip(block.resnets, attentions, strict=True)
