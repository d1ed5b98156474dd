"""Keep a model's parts in main memory and lend them to the device only while they compute.

The tensors in main memory are the truth and are never changed: a module gets a copy on the device and its own tensors back, bit for bit.
"""

import weakref
from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

import torch
from torch import Tensor, nn

from webui.core.job import Plan
from webui.models.packing import Held, held, moved, put

SHARE = 1 / 16
"""Of a part's numbers a block has at most so many, where it can be split."""


def _at_once() -> None:
    """There is nothing to wait for."""


_LISTS = ("Encoder", "Decoder", "CLIPEncoder", "CLIPTextModel", "CLIPTextTransformer")
"""Modules that do nothing but call those below them."""


class Lane:
    """How a block's copy comes to a device while another block computes. This one has no device to wait for: a copy is there at once."""

    def fetch(self, copy: Callable[[], None]) -> Callable[[], None]:
        """Begin a copy; gives what is called before the copy is used."""
        copy()
        return _at_once

    def computed(self) -> None:
        """Called when what was asked of the device so far must end before memory of copies is used again."""


class CudaLane(Lane):
    """A stream of its own. Its copies lie in its own memory, which is used again only after the computing that was asked for before."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._stream: torch.cuda.Stream = cast(Any, torch.cuda.Stream)(device)

    def fetch(self, copy: Callable[[], None]) -> Callable[[], None]:
        """The copy runs beside the computing that is under way; who computes with it waits on the device, not here."""
        with torch.cuda.stream(self._stream):
            copy()
            arrived = self._stream.record_event()
        return lambda: torch.cuda.current_stream(self._device).wait_event(arrived)

    def computed(self) -> None:
        """Later copies come after the computing so far."""
        self._stream.wait_stream(torch.cuda.current_stream(self._device))


class Offload:
    """`model`: one part (UNet, VAE, text encoder) at a time on the device. `sequential`: one block at a time, and the next on its way."""

    def __init__(self, plan: Plan, lane: Lane | None = None) -> None:
        self._device = torch.device(plan.device)
        self._mode = plan.offload
        self._present: nn.Module | None = None
        self._home: dict[str, Held] = {}
        self._blocks = _Blocks(self._device, lane or (CudaLane(self._device) if self._lends_blocks_of_cuda else Lane()))

    @property
    def _lends_blocks_of_cuda(self) -> bool:
        return self._mode == "sequential" and self._device.type == "cuda"

    def register(self, module: nn.Module) -> None:
        """Make ready a part whose weights lie in main memory."""
        if self._mode == "sequential":
            for block in blocks(module):
                self._blocks.add(block)
        elif self._mode == "model":
            module.register_forward_pre_hook(lambda part, _: self.load(part))

    def load(self, module: nn.Module) -> None:
        """See that this part is on the device; the others go home."""
        if self._mode != "model" or self._present is module:
            return
        self.unload_all()
        self._home = _send(module, self._device)
        self._present = module

    def unload_all(self) -> None:
        """Every part back to main memory; called before weights are changed."""
        self._blocks.drop()
        if self._present is not None:
            _restore(self._present, self._home)
            self._present, self._home = None, {}


class _Block:
    """A block, not held; its own tensors while copies stand in for them, and what is called before these are used."""

    def __init__(self, module: nn.Module) -> None:
        self.module = weakref.ref(module)
        self.home: dict[str, Held] = {}
        self.arrive: Callable[[], None] = _at_once


class _Blocks:
    """Blocks whose tensors go to the device before they run and are dropped there after.

    Which block follows which is learnt from the calls; the one that followed last time is fetched while a block computes.
    """

    def __init__(self, device: torch.device, lane: Lane) -> None:
        self._device, self._lane = device, lane
        self._after: dict[_Block, _Block] = {}
        self._last: _Block | None = None
        self._there: list[_Block] = []

    def add(self, module: nn.Module) -> None:
        """Hook a block."""
        block = _Block(module)
        module.register_forward_pre_hook(lambda _module, _inputs: self._enter(block))
        module.register_forward_hook(lambda _module, _inputs, _output: self._leave(block))

    def drop(self, but: _Block | None = None) -> None:
        """All but one off the device: what was fetched for nothing, and what a call that failed has left."""
        for block in [each for each in self._there if each is not but]:
            self._drop(block)

    def _enter(self, block: _Block) -> None:
        self.drop(but=block)
        if block not in self._there:
            self._fetch(block)
        block.arrive()
        if self._last is not None:
            self._after[self._last] = block
        self._last = block

    def _leave(self, block: _Block) -> None:
        """Fetch first: what this block computes with is in use until the device is done, so the next must lie elsewhere."""
        following = self._after.get(block)
        if following is not None and following is not block:
            self._fetch(following)
        self._drop(block)

    def _fetch(self, block: _Block) -> None:
        if (module := block.module()) is None:
            return

        def copy() -> None:
            block.home = _send(module, self._device)

        block.arrive = self._lane.fetch(copy)
        self._there.append(block)

    def _drop(self, block: _Block) -> None:
        self._lane.computed()
        self._there.remove(block)
        if (module := block.module()) is not None:
            _restore(module, block.home)
        block.home, block.arrive = {}, _at_once


def blocks(module: nn.Module, most: float | None = None) -> Iterator[nn.Module]:
    """The modules below this one that are run by calling them, in pieces of at most `most` numbers where they can be split."""
    most = SHARE * _numbers(module) if most is None else most
    for child in module.children():
        if _is_list(child) or (_numbers(child) > most and _is_split(child)):
            yield from blocks(child, most)
        elif any(True for _ in child.parameters()):
            yield child


def _is_list(module: nn.Module) -> bool:
    return isinstance(module, nn.ModuleList) or type(module).__name__ in _LISTS


def _is_split(module: nn.Module) -> bool:
    """Whether it is a block made of lists of others, and has no tensors of its own."""
    own = any(True for tensor in (*module.parameters(recurse=False), *module.buffers(recurse=False)))
    return not own and any(isinstance(child, nn.ModuleList) for child in module.children()) and "Attention" not in type(module).__name__


def _numbers(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def _tensors(module: nn.Module) -> Iterator[tuple[str, Tensor]]:
    yield from module.named_parameters()
    yield from module.named_buffers()


def _send(module: nn.Module, device: torch.device) -> dict[str, Held]:
    home: dict[str, Held] = {}
    for name, tensor in _tensors(module):
        home[name] = held(tensor)
        put(tensor, moved(home[name], device))
    return home


def _restore(module: nn.Module, home: Mapping[str, Held]) -> None:
    for name, tensor in _tensors(module):
        put(tensor, home[name])
