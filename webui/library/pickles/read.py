"""Read pickled weights without unpickling: the instructions are followed by a machine that makes nothing but plain containers.

A class or a function that a file names becomes a `Name`, what is made of one a `Made`, so that nothing of a file ever runs, whatever it
names: Lightning's callbacks, numpy's numbers, optimisers. Tensors are told by where their numbers lie in the file (`Stored`). Imports no
torch. Formats: torch's archive (a zip with `data.pkl` and one member for each storage) and what `torch.save` wrote before 1.6 (pickles in a
row, then the storages).
"""

import io
import struct
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

from webui.core.foreign import open_foreign, shown
from webui.errors import CheckpointError
from webui.library.pickles.machine import MAX_INSTRUCTIONS, Machine
from webui.library.pickles.tensors import facts_in, tensors_in
from webui.library.pickles.values import LONGEST_NAME, SIZES, TOO_LARGE, Broken, Refused, Storage, Stored

MAX_MEMBERS = 100_000
MOST_TIMES = 4
"""Weights hardly compress; what unpacks to more than this many times its size is no weights file."""
MAX_PICKLE = 64 * 2**20
_MAGIC, _PROTOCOL = 0x1950A86A20F9469CFC6C, 1001


def read_pickle(path: Path) -> dict[str, Stored]:
    """The tensors of a pickled file by name, of the innermost state dict. Raises `CheckpointError`, whatever is in the file."""
    return _read(path, tensors_in)


def read_facts(path: Path) -> dict[str, Any]:
    """What a pickled file's outermost table says besides tensors: its texts, numbers, and lists of them. Raises `CheckpointError`."""
    return _read(path, facts_in)


def _read(path: Path, take: Callable[[object], dict[str, Any]]) -> dict[str, Any]:
    with open_foreign(path) as (file, identity):
        is_zip = file.read(2) == b"PK"
        file.seek(0)
        try:
            found = _read_archive(path, file, identity.size, take) if is_zip else _read_row(file, identity.size, take)
        except (Broken, zipfile.BadZipFile, OSError, ValueError, NotImplementedError, RecursionError, LookupError, TypeError, OverflowError,
                EOFError, RuntimeError, AttributeError, struct.error):  # fmt: skip
            raise CheckpointError(f"{shown(path)} is not a whole weights file. Download it again.") from None
        except Refused as refused:
            raise CheckpointError(f"{shown(path)} {refused}") from None
    return found


# The two formats ----------------------------------------------------------------------------------------------------------------------


def _read_archive(path: Path, file: IO[bytes], size: int, take: Callable[[object], dict[str, Any]]) -> dict[str, Any]:
    archive = zipfile.ZipFile(file)
    members = {member.filename: member for member in archive.infolist()}
    if len(members) > MAX_MEMBERS or sum(member.file_size for member in members.values()) > MOST_TIMES * size + 2**20:
        raise Refused("unpacks to far more than it is, which no weights file does. Download it from where you trust it.")
    main = min((name for name in members if name == "data.pkl" or name.endswith("/data.pkl")), key=len, default=None)
    if main is None:
        raise Refused("is an archive without weights. If it was packed to download it, unpack it first.")
    if members[main].file_size > MAX_PICKLE:
        raise Refused(TOO_LARGE)
    root = main.removesuffix("data.pkl")
    if f"{root}byteorder" in members and archive.read(f"{root}byteorder") == b"big":
        raise Refused("was written on another kind of machine (big-endian). Convert it there.")

    def storage(key: str, dtype: str, count: int) -> Storage:
        member = members[f"{root}data/{key}"]
        if member.compress_type != zipfile.ZIP_STORED:
            raise Refused("was packed again. Unpack it and save the weights without compression.")
        file.seek(member.header_offset)
        header = file.read(30)
        if len(header) < 30 or header[:4] != b"PK\3\4":
            raise Broken
        start = member.header_offset + 30 + sum(struct.unpack("<HH", header[26:30]))
        if count * SIZES[dtype] > member.file_size or start + count * SIZES[dtype] > size:
            raise Broken
        return Storage(key, dtype, count, start)

    with archive.open(main) as stream:
        pickled = stream.read(MAX_PICKLE)
    return take(Machine(storage).run(_Few(io.BytesIO(pickled))))


def _read_row(file: IO[bytes], size: int, take: Callable[[object], dict[str, Any]]) -> dict[str, Any]:
    """Magic number, protocol, facts about the machine, the object, the storages' keys; then each storage: how many numbers, the numbers."""
    if size < 2 or file.peek(1)[:1] != b"\x80":  # type: ignore[attr-defined]
        raise Broken
    budget, stream = [MAX_INSTRUCTIONS], _Few(file)
    wanted: dict[str, Storage] = {}

    def storage(key: str, dtype: str, count: int) -> Storage:
        return wanted.setdefault(key, Storage(key, dtype, count))

    head = [Machine(storage, budget).run(stream) for _ in range(3)]
    if head[0] != _MAGIC or head[1] != _PROTOCOL:
        raise Broken
    content = Machine(storage, budget).run(stream)
    keys = Machine(storage, budget).run(stream)
    starts: dict[str, Storage] = {}
    for key in keys if isinstance(keys, list) else ():
        known = wanted[str(key)]
        count = struct.unpack("<q", file.read(8))[0]
        start, length = file.tell(), count * SIZES[known.dtype]
        if count < 0 or start + length > size:
            raise Broken
        starts[known.key] = Storage(known.key, known.dtype, count, start)
        file.seek(length, 1)
    return {name: _placed(each, starts) if isinstance(each, Stored) else each for name, each in take(content).items()}


def _placed(each: Stored, starts: Mapping[str, Storage]) -> Stored:
    return Stored(starts[each.storage.key], each.dtype, each.offset, each.shape, each.stride)


class _Few:
    """A stream for `genops` that gives no more than a pickle beside weights may have."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream, self._left = stream, MAX_PICKLE
        self.tell = stream.tell

    def read(self, count: int) -> bytes:
        """So many bytes."""
        if count > self._left:
            raise Broken
        self._left -= count
        return self._stream.read(count)

    def readline(self) -> bytes:
        """A line, of a length that names have."""
        line = self._stream.readline(LONGEST_NAME * 10)
        self._left -= len(line)
        return line


# The machine --------------------------------------------------------------------------------------------------------------------------
