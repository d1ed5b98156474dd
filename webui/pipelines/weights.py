"""Open a weights file without running code from it: safetensors mapped from the disk, pickles only as plain tensors."""

import json
import mmap
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open

from webui.core.foreign import FileError, identity_of, open_foreign, read_foreign, shown
from webui.errors import CheckpointError
from webui.library import Header, read_header
from webui.library.header import is_safetensors
from webui.library.pickles import Storage, Stored, read_pickle

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
    weights = _safetensors(path) if is_safetensors(path) else _pickle(path)
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
    except (SafetensorError, OSError, ValueError):
        said = "its header is not as the format has it, or there is more in it than its header names"
        raise CheckpointError(f"{shown(path)} cannot be read: {said}. Download it again, or save it anew.") from None
    return Weights(shown(path), tensors, dict(header.metadata))


def _pickle(path: Path) -> Weights:
    stored = read_pickle(path)
    if not stored:
        raise CheckpointError(f"{shown(path)} holds no weights. Download it again.")
    with open_foreign(path) as (file, _):
        content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    flat: dict[Storage, torch.Tensor] = {}
    try:
        tensors = {name: _tensor(each, content, flat) for name, each in stored.items()}
    except (RuntimeError, ValueError):
        raise CheckpointError(f"{shown(path)} is not a whole weights file. Download it again.") from None
    return Weights(shown(path), tensors, {})


def _tensor(stored: Stored, content: mmap.mmap, flat: dict[Storage, torch.Tensor]) -> torch.Tensor:
    """A tensor on its numbers in the file. Raises RuntimeError for one that reaches beyond them."""
    storage = stored.storage
    if storage not in flat:
        flat[storage] = _numbers(storage, content)
    numbers = flat[storage]
    if stored.dtype != storage.dtype:
        numbers = numbers.view(getattr(torch, stored.dtype))
    return numbers.as_strided(stored.shape, stored.stride, stored.offset)


def _numbers(storage: Storage, content: mmap.mmap) -> torch.Tensor:
    dtype: torch.dtype = getattr(torch, storage.dtype)
    if storage.count == 0:
        return torch.empty(0, dtype=dtype)
    if storage.start % dtype.itemsize == 0:
        return torch.frombuffer(content, dtype=dtype, count=storage.count, offset=storage.start)
    size = storage.count * dtype.itemsize
    return torch.frombuffer(bytearray(content[storage.start : storage.start + size]), dtype=dtype)


def read_tensors(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of a model file by name, whichever way it was saved; no code of it runs. Raises `CheckpointError`."""
    return open_weights(path).tensors


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
