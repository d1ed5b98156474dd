"""A safetensors header: names, shapes and metadata of a file without reading its weights.

Format (https://github.com/huggingface/safetensors, "Format"): 8 bytes little-endian length N, then N bytes of JSON, then the data.
"""

import json
import struct
from pathlib import Path
from typing import IO, Any, NamedTuple

from webui.core.family import Header
from webui.core.foreign import INDEX, open_foreign, shown
from webui.errors import CheckpointError
from webui.library.diffusers import folder_header, read_files
from webui.library.pickles.read import read_pickle

_LIMIT = 100 * 2**20
_PARTS = 2_000_000
"""Brackets and commas that a header may have: each costs memory when it is parsed, and the largest models have some 10,000 tensors."""
_MOST = 2**53
"""No side, offset or count of numbers may be larger."""
_SIDES = 16
_POINTER = b"version https://git-lfs.github.com/spec/"
_PAGES = (b"<!doctype html", b"<html")


def is_safetensors(path: Path) -> bool:
    """Whether a file is to be read as safetensors: by how it begins, where that tells, else by its name. Raises `CheckpointError`."""
    with open_foreign(path) as (file, identity):
        return _begins_as_safetensors(path, file.read(200), identity.size)


def _begins_as_safetensors(path: Path, beginning: bytes, size: int) -> bool:
    _check_kind(path, beginning)
    start = beginning[:9]
    if len(start) == 9 and start[8:] in (b"{", b" ") and struct.unpack("<Q", start[:8])[0] <= min(_LIMIT, size - 8):
        return True
    return path.suffix.lower() == ".safetensors" and start[:2] != b"PK" and start[:1] != b"\x80"


def _check_kind(path: Path, beginning: bytes) -> None:
    """Raise for what downloads leave in the place of weights: a pointer of Git LFS, a saved web page."""
    if beginning.startswith(_POINTER):
        said = "is a Git LFS pointer, not the file that it stands for. Run `git lfs pull` where it lies, or download the file itself."
        raise CheckpointError(f"{shown(path)} {said}")
    if beginning.lstrip(b"\xef\xbb\xbf \r\n\t").lower().startswith(_PAGES):
        raise CheckpointError(f"{shown(path)} is a web page, not weights. Open the page in a browser and download the file that it offers.")


def read_any_header(path: Path) -> Header:
    """Names, shapes and metadata of a weights file of either kind. Raises `CheckpointError`."""
    if path.name == INDEX:
        files = read_files(path)
        return folder_header(files, {part: read_any_header(part) for paths in files.weights.values() for part in paths})
    with open_foreign(path) as (file, identity):
        found = _content(path, file, identity.size) if _begins_as_safetensors(path, file.read(200), identity.size) else None
    if found is not None:
        return _whole(path, *found)
    return Header(shapes={name: stored.shape for name, stored in read_pickle(path).items()})


def read_header(path: Path) -> Header:
    """Read and check a header. Raises `CheckpointError` when the file is missing, truncated or not safetensors."""
    return _whole(path, *_read(path))


def parse_header(path: Path, text: bytes, data_size: int) -> Header:
    """A header by its JSON, of a file with so many bytes behind it; `path` is named in sentences. Raises `CheckpointError`."""
    return _header(path, _parsed(path, text), data_size)


class Span(NamedTuple):
    """Where a tensor's numbers lie in a file, in bytes, and the format's name of their type (such as F16)."""

    dtype: str
    shape: tuple[int, ...]
    start: int
    end: int


def read_spans(path: Path) -> tuple[Header, dict[str, Span], int]:
    """A header, where each tensor lies, and where the first may. Raises `CheckpointError` as `read_header` does."""
    content, start, size = _read(path)
    entries = {name: entry for name, entry in content.items() if name != "__metadata__"} if isinstance(content, dict) else {}
    header = _header(path, content, size - start)
    spans = {}
    for name, entry in entries.items():
        begin, end = entry["data_offsets"]
        spans[_text(name)] = Span(str(entry.get("dtype")), tuple(entry["shape"]), start + begin, start + end)
    return header, spans, start


def _read(path: Path) -> tuple[Any, int, int]:
    """(the header's JSON, where the data begin, the file's size)."""
    with open_foreign(path) as (file, identity):
        return _content(path, file, identity.size)


def _content(path: Path, file: IO[bytes], size: int) -> tuple[Any, int, int]:
    try:
        file.seek(0)
        prefix = file.read(8) if size >= 8 else b""
        length = struct.unpack("<Q", prefix)[0] if len(prefix) == 8 else _LIMIT + 1
        if length > min(_LIMIT, size - 8):
            raise CheckpointError(f"{shown(path)} is not a whole safetensors file: its header does not fit. Download it again.")
        text = file.read(length)
    except OSError as error:
        raise CheckpointError(f"{shown(path)} cannot be read: {error.strerror}.") from None
    return _parsed(path, text), 8 + length, size


def _parsed(path: Path, text: bytes) -> Any:
    if sum(text.count(mark) for mark in (b"[", b"{", b",")) > _PARTS:
        raise CheckpointError(f"{shown(path)} is not a safetensors file: its header has too many parts. Download it again.")
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise CheckpointError(f"{shown(path)} is not a safetensors file: its header is not JSON. Download it again.") from None


def _header(path: Path, content: Any, data_size: int) -> Header:
    try:
        metadata = {_text(key): _text(value) for key, value in (content.pop("__metadata__", None) or {}).items()}
        shapes = {_text(name): _shape(entry["shape"]) for name, entry in content.items()}
        end = max((_end(entry["data_offsets"]) for entry in content.values()), default=0)
        header = Header(shapes=shapes, metadata=metadata, dtype=_usual_type(content))
    except (AttributeError, KeyError, TypeError, ValueError, IndexError, OverflowError, RecursionError):
        raise CheckpointError(f"{shown(path)} is not a safetensors file: its header names no tensors. Download it again.") from None
    if end > data_size:
        raise CheckpointError(f"{shown(path)} is cut off: {end - data_size} bytes are missing. Download it again.")
    return header


def _whole(path: Path, content: Any, start: int, size: int) -> Header:
    """The header of a file that its tensors fill, from the end of the header to its own: the format asks for it, and so does loading."""
    header = _header(path, content, size - start)
    if sum(entry["data_offsets"][1] - entry["data_offsets"][0] for entry in content.values()) != size - start:
        said = "is not as the format has it: its tensors do not fill it from end to end. Download it again, or save it anew."
        raise CheckpointError(f"{shown(path)} {said}")
    return header


def _usual_type(content: Any) -> str:
    """The type that most bytes of a file are of."""
    sizes: dict[str, int] = {}
    for entry in content.values():
        (start, end), name = entry["data_offsets"], str(entry.get("dtype"))
        sizes[name] = sizes.get(name, 0) + end - start
    return _text(max(sizes, key=sizes.__getitem__))[:20] if sizes else ""


def _text(value: Any) -> str:
    """A name or a metadata value; letters that do not exist (lone surrogates) are shown as question marks."""
    text = str(value)
    return text if text.isascii() else text.encode(errors="replace").decode()


def _shape(sides: Any) -> tuple[int, ...]:
    """A tensor's shape. Raises ValueError for what is none, or for more numbers than a file can hold."""
    if not isinstance(sides, list) or len(sides) > _SIDES:
        raise ValueError("no shape")
    count = 1
    for side in sides:
        if not _is_count(side):
            raise ValueError("no shape")
        count *= side
    if count > _MOST:
        raise ValueError("a shape of too many numbers")
    return tuple(sides)


def _end(offsets: Any) -> int:
    """Where a tensor's data end. Raises ValueError for what are no offsets."""
    start, end = offsets if isinstance(offsets, list) and len(offsets) == 2 else (0, -1)
    if not _is_count(start) or not _is_count(end) or start > end:
        raise ValueError("no offsets")
    return int(end)


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value <= _MOST
