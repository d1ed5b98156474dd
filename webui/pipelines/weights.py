"""Open a weights file without running code from it: safetensors mapped from the disk, pickles only as plain tensors."""

import json
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open

from webui.core.foreign import FileError, identity_of, read_foreign, shown
from webui.errors import CheckpointError
from webui.library import Header, read_header
from webui.library.pickle_bounds import check_pickle

Progress = Callable[[int, int], None]
"""Told (done, of); may raise `JobCancelled`."""
_SHARED = 4
"""Tensors may share their numbers (tied weights); how much larger than its file a model may so be."""


@dataclass(frozen=True)
class Weights:
    """Tensors by name, still on the disk where the format allows; `source` is the file's name for messages."""

    source: str
    tensors: dict[str, torch.Tensor]
    metadata: dict[str, str]

    @property
    def header(self) -> Header:
        """What `webui.library.family.detect` looks at."""
        return Header(shapes={name: tuple(tensor.shape) for name, tensor in self.tensors.items()}, metadata=self.metadata)

    def config(self, key: str) -> dict[str, object] | None:
        """A JSON object out of the metadata, None without that key. Raises `CheckpointError` when it is no JSON object."""
        if key not in self.metadata:
            return None
        try:
            value = json.loads(self.metadata[key])
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, dict):
            raise CheckpointError(f"{self.source}: its metadata {key!r} is not a JSON object. Download the file again.")
        return value


def open_weights(path: Path) -> Weights:
    """The tensors of a .safetensors, or of a .ckpt, .pt, .pth, .bin. Raises `CheckpointError` naming the file, whatever is in it."""
    weights = read_foreign(path, _bounded)
    if isinstance(weights, FileError):
        raise CheckpointError(weights.message)
    return weights


def _bounded(path: Path) -> Weights:
    """The weights, none of which is larger in memory than its file: a few bytes may say that they stand for terabytes."""
    is_safe = path.suffix.lower() == ".safetensors"
    if not is_safe:
        check_pickle(path)
    weights = _safetensors(path) if is_safe else _pickle(path)
    tensors = weights.tensors.values()
    if any(tensor.layout != torch.strided or tensor.device.type != "cpu" or tensor.is_quantized for tensor in tensors):
        raise CheckpointError(f"{shown(path)} holds tensors without plain numbers. Find the model as .safetensors.")
    if sum(tensor.numel() * tensor.element_size() for tensor in tensors) > _SHARED * identity_of(path).size + 2**20:
        raise CheckpointError(f"{shown(path)} says that it holds more than it does. Download it from where you trust it.")
    return weights


def _safetensors(path: Path) -> Weights:
    header = read_header(path)
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (it is no dict)
    except (SafetensorError, OSError, ValueError) as error:
        raise CheckpointError(f"{shown(path)} cannot be read: {error}. Download it again.") from None
    return Weights(shown(path), tensors, dict(header.metadata))


def _pickle(path: Path) -> Weights:
    try:
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=_is_zip(path))
    except FileNotFoundError:
        raise CheckpointError(f"{shown(path)} is not there any more. Refresh the list of checkpoints.") from None
    except pickle.UnpicklingError:
        message = f"{shown(path)} holds code, not only weights; it was not run. Find the model as .safetensors, or convert it elsewhere."
        raise CheckpointError(message) from None
    except (OSError, RuntimeError, EOFError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise CheckpointError(f"{shown(path)} is not a whole weights file ({type(error).__name__}). Download it again.") from None
    return Weights(shown(path), _tensors(content, shown(path)), {})


def _is_zip(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == b"PK"


def _tensors(content: object, source: str) -> dict[str, torch.Tensor]:
    """The state dict, which many files wrap once in `state_dict`; nested tables get dotted names."""
    if isinstance(content, dict) and isinstance(content.get("state_dict"), dict):
        content = content["state_dict"]
    if not isinstance(content, dict):
        raise CheckpointError(f"{source} holds no weights. Download it again.")
    found: dict[str, torch.Tensor] = {}
    for name, value in content.items():
        if isinstance(value, torch.Tensor):
            found[str(name)] = value.detach()
        elif isinstance(value, dict):
            found |= {f"{name}.{inner}": tensor.detach() for inner, tensor in value.items() if isinstance(tensor, torch.Tensor)}
    return found


def placed(
    tensors: dict[str, torch.Tensor], dtype: torch.dtype, device: torch.device, channels_last: bool, tick: Progress
) -> dict[str, torch.Tensor]:
    """Copies in the wanted type, place and layout. Always copies: a file may be replaced while its model is in use."""
    result = {}
    for number, (name, tensor) in enumerate(tensors.items()):
        layout = torch.channels_last if channels_last and tensor.ndim == 4 else torch.contiguous_format
        wanted = dtype if tensor.is_floating_point() else tensor.dtype
        result[name] = tensor.to(device=device, dtype=wanted, memory_format=layout, copy=True)
        if number % 32 == 0:
            tick(number, len(tensors))
    return result
