"""Open a weights file without running code from it: safetensors mapped from the disk, pickles only as plain tensors."""

import json
import math
import mmap
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch

from webui.core.foreign import INDEX, FileError, identity_of, open_foreign, read_foreign, read_whole, shown
from webui.errors import CheckpointError
from webui.library import Header
from webui.library.diffusers import MOST_INDEX, DiffusersFiles, read_files
from webui.library.header import Span, is_safetensors, read_spans
from webui.library.pickles.read import read_pickle
from webui.library.pickles.values import Storage, Stored

Progress = Callable[[int, int], None]
"""Told (done, of); may raise `JobCancelled`."""
_SHARED = 4
"""Tensors may share their numbers (tied weights); how much larger than its file a model may so be."""


_DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "F8_E4M3": torch.float8_e4m3fn,
    "F8_E5M2": torch.float8_e5m2,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}
"""The format's names of types that weights have."""
DTYPE_NAMES = {dtype: name for name, dtype in _DTYPES.items()}


class WeightSource(Protocol):
    """Where a family's loader takes tensors and configurations from: one file, or a folder as diffusers saves it."""

    @property
    def source(self) -> str:
        """Its name for messages."""
        ...

    @property
    def tensors(self) -> dict[str, torch.Tensor]:
        """All tensors by name; a folder's as `part.name`."""
        ...

    @property
    def metadata(self) -> dict[str, str]:
        """What the file's maker wrote into it."""
        ...

    @property
    def header(self) -> Header:
        """What families are detected by."""
        ...

    def component(self, name: str) -> dict[str, torch.Tensor] | None:
        """The tensors of a part ("unet", "vae", "text_encoder") under diffusers' names; None where the parts are not apart."""
        ...

    def config(self, name: str) -> dict[str, Any] | None:
        """The part's own configuration; None where it has none. Raises `CheckpointError` for a broken one."""
        ...

    def text(self, name: str) -> str | None:
        """A text that lies beside the weights, such as "tokenizer.merges"."""
        ...

    def release(self, tensor: torch.Tensor) -> None:
        """Called with each tensor that has been copied: its pages may be given back."""
        ...


@dataclass(frozen=True)
class Weights:
    """One file's tensors by name, still on the disk where the format allows; `source` is the file's name for messages.

    `content` is the file they lie in, mapped privately. A `WeightSource`: it may carry configurations of its parts in its metadata.
    """

    source: str
    tensors: dict[str, torch.Tensor]
    metadata: dict[str, str]
    content: mmap.mmap | None = field(default=None, repr=False)

    def component(self, name: str) -> dict[str, torch.Tensor] | None:
        """None: a single file has its parts in one list."""
        return None

    def text(self, name: str) -> str | None:
        """A text of the metadata."""
        return self.metadata.get(f"darkroom.{name}")

    def release(self, tensor: torch.Tensor) -> None:
        """Give the pages of a tensor's numbers back to the system; they are read again from the file when they are asked for.

        Without it a file's pages are held beside the model that was copied from them. Does nothing where the system cannot.
        """
        if self.content is None or not hasattr(mmap, "MADV_DONTNEED"):
            return
        base = torch.frombuffer(self.content, dtype=torch.uint8, count=1).data_ptr()
        begin, page = tensor.data_ptr() - base, mmap.PAGESIZE
        start, end = -(-begin // page) * page, (begin + tensor.numel() * tensor.element_size()) // page * page
        if 0 <= start < end <= len(self.content):
            self.content.madvise(mmap.MADV_DONTNEED, start, end - start)

    @property
    def header(self) -> Header:
        """What families are detected by."""
        return Header(shapes={name: tuple(tensor.shape) for name, tensor in self.tensors.items()}, metadata=self.metadata)

    def config(self, name: str) -> dict[str, Any] | None:
        """A JSON object out of the metadata, None without it. Raises `CheckpointError` when it is no JSON object."""
        key = f"darkroom.{name}"
        if key not in self.metadata:
            return None
        try:
            value = json.loads(self.metadata[key])
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, dict):
            raise CheckpointError(f"{self.source}: its metadata {key!r} is not a JSON object. Download the file again.")
        return value


@dataclass(frozen=True)
class DiffusersFolder:
    """A folder as diffusers saves it, opened file by file by the same rules as single files."""

    files: DiffusersFiles
    parts: dict[str, dict[str, torch.Tensor]]
    opened: tuple[Weights, ...]

    @property
    def source(self) -> str:
        """The folder's name."""
        return shown(self.files.folder)

    @property
    def tensors(self) -> dict[str, torch.Tensor]:
        """Those of all parts."""
        return {f"{part}.{name}": tensor for part, tensors in self.parts.items() for name, tensor in tensors.items()}

    @property
    def metadata(self) -> dict[str, str]:
        """There is none."""
        return {}

    @property
    def header(self) -> Header:
        """What families are detected by."""
        return Header(shapes={name: tuple(tensor.shape) for name, tensor in self.tensors.items()}, configs=self.files.configs)

    def component(self, name: str) -> dict[str, torch.Tensor] | None:
        """The tensors of a part; empty for one that is not there."""
        return dict(self.parts.get(name, {}))

    def config(self, name: str) -> dict[str, Any] | None:
        """A part's config.json, or the tokenizer's vocabulary."""
        if name == "tokenizer.vocab":
            words = self.text("tokenizer.vocab")
            return None if words is None else _json_object(words, f"{self.source}/tokenizer/vocab.json")
        found = self.files.configs.get(name)
        return None if found is None else dict(found)

    def text(self, name: str) -> str | None:
        """The tokenizer's files."""
        file = {"tokenizer.vocab": "vocab.json", "tokenizer.merges": "merges.txt"}.get(name)
        path = self.files.folder / "tokenizer" / (file or "")
        return read_whole(path, MOST_INDEX).decode(errors="replace") if file and path.is_file() else None

    def release(self, tensor: torch.Tensor) -> None:
        """Give the pages back of the file that holds it."""
        for weights in self.opened:
            weights.release(tensor)


def _json_object(text: str, source: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise CheckpointError(f"{source} is not a JSON object. Download it again.")
    return value


def open_source(path: Path) -> "Weights | DiffusersFolder":
    """A model's weights: of a file, or of the folder whose model_index.json this is. Raises `CheckpointError`."""
    if path.name != INDEX:
        return open_weights(path)
    files = read_files(path)
    opened = {file: open_weights(file) for paths in files.weights.values() for file in paths}
    parts = {part: {name: t for file in paths for name, t in opened[file].tensors.items()} for part, paths in files.weights.items()}
    return DiffusersFolder(files, parts, tuple(opened.values()))


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
    header, spans, start = read_spans(path)
    try:
        _check_spans(path, spans, start)
        with open_foreign(path) as (file, _):
            content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
        tensors = {name: _spanned(path, span, content) for name, span in spans.items()}
    except CheckpointError:
        raise
    except (OSError, ValueError, RuntimeError):
        said = "its header is not as the format has it, or there is more in it than its header names"
        raise CheckpointError(f"{shown(path)} cannot be read: {said}. Download it again, or save it anew.") from None
    return Weights(shown(path), tensors, dict(header.metadata), content)


def _check_spans(path: Path, spans: Mapping[str, Span], position: int) -> None:
    """The format's own rules: tensors lie one behind the other from `position`, each as long as its type and shape say, up to the end.

    The safetensors library checks the same, but opens no file whose name is no UTF-8. Raises ValueError.
    """
    for span in sorted(spans.values(), key=lambda span: (span.start, span.end)):
        if span.start != position or span.end - span.start != math.prod(span.shape) * _dtype(path, span).itemsize:
            raise ValueError("a tensor does not lie where it belongs")
        position = span.end
    if position != identity_of(path).size:
        raise ValueError("there is more in it than its header names")


def _dtype(path: Path, span: Span) -> torch.dtype:
    if span.dtype not in _DTYPES:
        raise CheckpointError(f"{shown(path)} has numbers of the type {span.dtype[:20]!r}, which this version does not read.")
    return _DTYPES[span.dtype]


def _spanned(path: Path, span: Span, content: mmap.mmap) -> torch.Tensor:
    """A tensor on its numbers in the file. Raises `CheckpointError` for a type that is not known."""
    dtype = _dtype(path, span)
    if span.end == span.start:
        return torch.empty(span.shape, dtype=dtype)
    count = (span.end - span.start) // dtype.itemsize
    if span.start % dtype.itemsize == 0:
        return torch.frombuffer(content, dtype=dtype, count=count, offset=span.start).reshape(span.shape)
    return torch.frombuffer(bytearray(content[span.start : span.end]), dtype=dtype).reshape(span.shape)


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
    return Weights(shown(path), tensors, {}, content)


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


_SCALES = (".scale_weight", ".weight_scale")


def take_scales(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Take the scales of eight-bit weights out of a part's tensors, by the name of the weight that each belongs to.

    Files with a tensor `scaled_fp8` keep weights in float8 divided by a number of each layer, `scale_weight`; others call it
    `weight_scale`.
    """
    found = {}
    for name in [name for name in state if name.endswith(_SCALES)]:
        weight = name.rpartition(".")[0] + ".weight"
        if weight in state and state[weight].dtype.itemsize == 1:
            found[weight] = state.pop(name)
    return found


def scaled(tensor: torch.Tensor, scale: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """Multiplied in float32: one number, or one for each row."""
    factor = scale.float().reshape(-1, *[1] * (tensor.ndim - 1)) if scale.numel() > 1 else scale.float().reshape(())
    return (tensor.float() * factor).to(dtype)
