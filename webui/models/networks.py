"""Networks as spandrel reads them (github.com/chaiNNer-org/spandrel, MIT): a file's architecture is found by its tensors' names."""

import importlib
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
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


def read_network(file: ModelFile, device: torch.device) -> tuple[Any, Mapping[str, Tensor]]:
    """Return spandrel's descriptor of what is in a file, None for what it does not know, and the file's tensors.

    Raises `CheckpointError` for a file that cannot be read or was replaced meanwhile, and where spandrel is not installed.
    """
    tensors = {name: tensor.clone() for name, tensor in open_weights(file.path).tensors.items()}
    check_same(file.path, file.identity)
    loader = import_spandrel().ModelLoader(device=device)
    try:
        return loader.load_from_state_dict(dict(tensors)), tensors
    except MemoryError:
        raise
    except Exception:  # the boundary around a file whose names match an architecture that its shapes do not
        return None, tensors


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
