"""Bounds for pickled weights, checked before anything is unpickled: what would take minutes or gigabytes is refused by its size."""

import pickletools
import zipfile
from pathlib import Path
from typing import IO

from webui.core.foreign import open_foreign, shown
from webui.errors import CheckpointError

MAX_INSTRUCTIONS = 2_000_000
"""The largest checkpoints have about 100,000: names and shapes; the weights lie beside them."""
MAX_MEMBERS = 100_000
MOST_TIMES = 4
"""Weights hardly compress; what unpacks to more than this many times its size is no weights file."""
MAX_PICKLE = 64 * 2**20
_LEGACY_PARTS = 5
"""Pickles that stand one after another at the start of a file from before torch 1.6."""
_MEMO = ("PUT", "BINPUT", "LONG_BINPUT")


def check_pickle(path: Path) -> None:
    """Refuse archives that unpack to more than they are, and instructions beyond reason. Raises `CheckpointError`."""
    with open_foreign(path) as (file, identity):
        is_zip = file.read(2) == b"PK"
        file.seek(0)
        try:
            fits = _check_archive(path, file, identity.size) if is_zip else _is_bounded(file, _LEGACY_PARTS)
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, RecursionError, EOFError, KeyError):
            raise CheckpointError(f"{shown(path)} is not a whole weights file. Download it again.") from None
    if not fits:
        raise CheckpointError(
            f"{shown(path)} is no weights file, or one that was made to fill the memory. Download it from where you trust it."
        )


def _check_archive(path: Path, file: IO[bytes], size: int) -> bool:
    archive = zipfile.ZipFile(file)
    members = archive.infolist()
    if len(members) > MAX_MEMBERS or sum(member.file_size for member in members) > MOST_TIMES * size + 2**20:
        raise CheckpointError(
            f"{shown(path)} unpacks to far more than it is, which no weights file does. Download it from where you trust it."
        )
    for member in members:
        if member.filename.endswith(".pkl"):
            with archive.open(member) as content:
                if member.file_size > MAX_PICKLE or not _is_bounded(content, 1):
                    return False
    return True


def _is_bounded(stream: IO[bytes], parts: int) -> bool:
    """Whether pickles have a bearable number of instructions and memo places; a stream that is no pickle is left to who reads it."""
    count = 0
    for _ in range(parts):
        try:
            for opcode, argument, _place in pickletools.genops(stream):
                count += 1
                if count > MAX_INSTRUCTIONS or (opcode.name in _MEMO and isinstance(argument, int) and argument > MAX_INSTRUCTIONS):
                    return False
        except (ValueError, UnicodeDecodeError, OverflowError):
            return True
    return True
