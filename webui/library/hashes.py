"""The hashes by which a model file is known elsewhere, all of them in one reading."""

import hashlib
import struct
from collections.abc import Callable
from pathlib import Path

from webui.core.foreign import INDEX, FileIdentity, check_same, open_foreign, sha256_of
from webui.core.request import FrozenModel
from webui.errors import CheckpointError, FileChanged
from webui.library.header import is_safetensors

CHUNK = 4 * 2**20
_OLD_START, _OLD_LENGTH = 0x100000, 0x10000
"""Where A1111 read its first short hash, and how much of it."""
AUTOV1_DIGITS = 8


class Hashes(FrozenModel):
    """`sha256` of the whole file; Civitai's AutoV2 is its first ten digits, as A1111's short hash.

    `autov1` is A1111's first short hash (of 64 KiB inside the file), `autov3` of the weights without the header: it stays the same when
    metadata are edited. Both are empty where a file has none.
    """

    sha256: str = ""
    autov1: str = ""
    autov3: str = ""

    @property
    def autov2(self) -> str:
        """A1111's short hash, and Civitai's AutoV2."""
        return self.sha256[:10]


def go_on() -> None:
    """The pause of who does not make any."""


def hash_file(path: Path, identity: FileIdentity, pause: Callable[[], None] = go_on) -> Hashes:
    """Read a file once and give its hashes; `pause` is called after each 4 MiB, and what it raises ends the reading.

    Raises `FileChanged` when it is not, or ceases to be, the file meant, `CheckpointError` when it cannot be read.
    """
    if path.name == INDEX:
        return Hashes(sha256=sha256_of(path, identity))
    header = _header_length(path)
    whole, old, weights = hashlib.sha256(), hashlib.sha256(), hashlib.sha256()
    with open_foreign(path) as (file, found):
        if found != identity:
            raise FileChanged(f"{path.name} was replaced or deleted while it was being used. Try again when the file is whole.")
        at = 0
        try:
            while chunk := file.read(CHUNK):
                whole.update(chunk)
                old.update(_part(chunk, at, _OLD_START, _OLD_START + _OLD_LENGTH))
                if header:
                    weights.update(_part(chunk, at, header, identity.size))
                at += len(chunk)
                pause()
        except OSError as error:
            raise CheckpointError(f"{path.name} cannot be read: {error.strerror}.") from None
    check_same(path, identity)
    autov1 = old.hexdigest()[:AUTOV1_DIGITS] if at > _OLD_START else ""
    return Hashes(sha256=whole.hexdigest(), autov1=autov1, autov3=weights.hexdigest()[:12] if header else "")


def read_autov1(path: Path) -> str:
    """A1111's first short hash alone, which needs 64 KiB of the file; empty for one that cannot be read."""
    try:
        with open_foreign(path) as (file, _):
            file.seek(_OLD_START)
            return hashlib.sha256(file.read(_OLD_LENGTH)).hexdigest()[:AUTOV1_DIGITS]
    except (CheckpointError, OSError):
        return ""


def _part(chunk: bytes, at: int, start: int, end: int) -> memoryview:
    """What of a chunk that begins `at` lies between two places of the file."""
    return memoryview(chunk)[max(start - at, 0) : max(end - at, 0)]


def _header_length(path: Path) -> int:
    """Where a safetensors file's weights begin; 0 for a file of another kind."""
    if not is_safetensors(path):
        return 0
    with open_foreign(path) as (file, identity):
        start = file.read(8)
    length = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
    return 8 + length if 0 < length <= identity.size - 8 else 0
