"""Upscaling networks from files of any architecture that spandrel knows (github.com/chaiNNer-org/spandrel, MIT).

ESRGAN and its kin (Real-ESRGAN, compact), SwinIR, DAT, HAT, OmniSR, SPAN and others: the architecture is read from the tensors' names.
"""

import importlib
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor

from webui.core.foreign import FileIdentity, check_same
from webui.errors import CheckpointError
from webui.library import ModelFile
from webui.models.weights import open_weights

_VISION = "torchvision"
_ONLY = ("torchvision", "torchvision.transforms", "torchvision.transforms.functional")


@dataclass(frozen=True, eq=False)
class UpscalerNetwork:
    """A network on a device: RGB or BGR [n, 3, h, w] in 0…1 becomes `scale` times as large."""

    scale: int
    device: torch.device
    descriptor: Any
    half: bool = False

    @torch.no_grad()
    def __call__(self, pixels: Tensor) -> Tensor:
        """Return float32 [n, 3, h · scale, w · scale]."""
        values = pixels.to(self.device, torch.float16 if self.half else torch.float32)
        made: Tensor = self.descriptor(values)
        return made.float()


N = TypeVar("N")


class NetworkFiles(ABC, Generic[N]):
    """The network used last stays loaded until another is asked for."""

    def __init__(self) -> None:
        self._key: tuple[object, ...] = ()
        self._network: N | None = None

    @abstractmethod
    def load(self, file: ModelFile, device: torch.device) -> N:
        """Read a network. Raises `CheckpointError` naming the file."""

    def get(self, file: ModelFile, device: torch.device) -> N:
        """Return the file's network. Raises `CheckpointError` for one that is none, or of a kind that is not known."""
        key: tuple[object, FileIdentity, torch.device] = (file.path, file.identity, device)
        if self._network is None or self._key != key:
            self._network = None
            self._network, self._key = self.load(file, device), key
        return self._network

    def unload(self) -> None:
        """Give the memory back."""
        self._network, self._key = None, ()


class UpscalerFiles(NetworkFiles[UpscalerNetwork]):
    """The upscaler used last stays loaded until another is asked for."""

    def load(self, file: ModelFile, device: torch.device) -> UpscalerNetwork:
        """Read a network, see `load_upscaler`."""
        return load_upscaler(file, device)


def load_upscaler(file: ModelFile, device: torch.device) -> UpscalerNetwork:
    """Read a network. Raises `CheckpointError` naming the file, whatever is in it."""
    tensors = {name: tensor.clone() for name, tensor in open_weights(file.path).tensors.items()}
    check_same(file.path, file.identity)
    spandrel = import_spandrel()
    try:
        descriptor = spandrel.ModelLoader(device=device).load_from_state_dict(tensors)
    except MemoryError:
        raise
    except Exception:  # the boundary around a file whose names match an architecture that its shapes do not
        descriptor = None
    if descriptor is None or not isinstance(descriptor, spandrel.ImageModelDescriptor):
        raise CheckpointError(f"{file.file_name} is no upscaler of a kind that is known here. Choose another file.")
    if descriptor.input_channels != 3 or descriptor.output_channels != 3:
        raise CheckpointError(f"{file.file_name} takes {descriptor.input_channels} colour channels; images have 3. Choose another file.")
    half = device.type == "cuda" and descriptor.supports_half
    descriptor.eval().to(device, torch.float16 if half else torch.float32)
    return UpscalerNetwork(descriptor.scale, device, descriptor, half)


def import_spandrel() -> Any:
    """Return the package. Raises `CheckpointError` where it is not installed."""
    try:
        with _without_vision():
            return importlib.import_module("spandrel")
    except ImportError as error:
        said = "Upscalers of files need the package spandrel: run `python launch.py` again"
        raise CheckpointError(f"{said} ({error}).") from None


@contextmanager
def _without_vision() -> Iterator[None]:
    """Let spandrel be imported where torchvision is not installed, or is for another torch.

    Two of its architectures, LaMa and RestoreFormer, take a function from there; none of the upscalers does.
    """
    if "spandrel" in sys.modules or _imports(_VISION):
        yield
        return
    made = {name: ModuleType(name) for name in _ONLY}
    made[_ONLY[2]].__getattr__ = lambda name: _missing  # type: ignore[method-assign]
    sys.modules.update(made)
    try:
        yield
    finally:
        for name in _ONLY:
            sys.modules.pop(name, None)


def _imports(name: str) -> bool:
    try:
        importlib.import_module(name)
    except Exception:  # a torchvision of another torch raises RuntimeError
        for left in [module for module in sys.modules if module == name or module.startswith(f"{name}.")]:
            del sys.modules[left]
        return False
    return True


def _missing(*_: object, **__: object) -> Any:
    raise ImportError("This architecture needs torchvision.")
