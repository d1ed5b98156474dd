"""Keep a model's parts in main memory and lend them to the device only while they compute.

The tensors in main memory are the truth and are never changed: a module gets a copy on the device and its own tensors back, bit for bit.
"""

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn

from webui.core.job import Plan
from webui.models.packing import Held, held, moved, put


class Offload:
    """`model`: one part (UNet, VAE, text encoder) at a time on the device. `sequential`: one block at a time."""

    def __init__(self, plan: Plan) -> None:
        self._device = torch.device(plan.device)
        self._mode = plan.offload
        self._present: nn.Module | None = None
        self._home: dict[str, Held] = {}

    def register(self, module: nn.Module) -> None:
        """Make ready a part whose weights lie in main memory."""
        if self._mode == "sequential":
            for block in _blocks(module):
                _BlockHooks(block, self._device)
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
        if self._present is not None:
            _restore(self._present, self._home)
            self._present, self._home = None, {}


class _BlockHooks:
    """Hooks on one block: its tensors go to the device before it runs, and are dropped there after."""

    def __init__(self, block: nn.Module, device: torch.device) -> None:
        self._device = device
        self._home: dict[str, Held] = {}
        block.register_forward_pre_hook(self._fetch)
        block.register_forward_hook(self._drop)

    def _fetch(self, block: nn.Module, _: object) -> None:
        self._home = _send(block, self._device)

    def _drop(self, block: nn.Module, _: object, output: object) -> object:
        _restore(block, self._home)
        self._home = {}
        return output


def _blocks(module: nn.Module) -> Iterator[nn.Module]:
    """The largest modules below this one that are run by calling them: members of lists, or leaves with weights."""
    for child in module.children():
        if isinstance(child, nn.ModuleList) or type(child).__name__ in ("Encoder", "Decoder", "CLIPEncoder"):
            yield from _blocks(child) if not isinstance(child, nn.ModuleList) else child
        elif any(True for _ in child.parameters()):
            yield child


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
