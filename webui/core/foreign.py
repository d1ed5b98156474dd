"""Files that other people made. One boundary for whatever reads them: regular files only, and any fault becomes a sentence about the file.

A model, an embedding, a picture below `outputs` or a file beside a model may be cut off, hostile, or no file at all (a pipe waits for
ever, a device never ends). `read_foreign` is called by everything that reads one of them because it lies there, not because it was asked
for. A file's identity tells whether it is still the one that was read.
"""

import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import TypeVar

from webui.core.names import printable
from webui.core.request import FrozenModel
from webui.errors import CheckpointError, FileChanged, RequestError, WebUIError

T = TypeVar("T")
MAX_SENTENCE = 300
INDEX = "model_index.json"
"""A folder as diffusers saves it is named by this file in it. Its identity and its hash are of everything in the folder."""
MOST_FILES = 200
_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


class FileIdentity(FrozenModel):
    """Which content a path has, as far as it can be told without reading: a file that is replaced or written anew gets another one.

    `changed_ns` tells a file that was written in its place and given its old time again (`cp -p`, `rsync --inplace -t`): nobody can set it.
    A new name or right sets it too. On Windows, where that time is of the file's making, it is 0.
    """

    size: int = 0
    mtime_ns: int = 0
    inode: int = 0
    changed_ns: int = 0

    @classmethod
    def of(cls, status: os.stat_result) -> "FileIdentity":
        """The identity in a `stat` result."""
        changed_ns = status.st_ctime_ns if os.name == "posix" else 0
        return cls(size=status.st_size, mtime_ns=status.st_mtime_ns, inode=status.st_ino, changed_ns=changed_ns)

    @property
    def key(self) -> tuple[int, int, int, int]:
        """All of it as plain numbers."""
        return self.size, self.mtime_ns, self.inode, self.changed_ns


@dataclass(frozen=True)
class FileError:
    """Why a file could not be read, as a sentence for users."""

    message: str


def read_foreign(path: Path, read: Callable[[Path], T]) -> T | FileError:
    """What `read(path)` gives, or what is wrong with the file: no exception about the file comes through, whatever is in it.

    Only what is no fault of the file is raised: the errors of ours that are about something else, such as `JobCancelled`.
    """
    try:
        _check_there(path)
        return read(path)
    except (CheckpointError, RequestError) as error:
        return FileError(shortened(str(error)))
    except WebUIError:
        raise
    except OSError as error:
        return FileError(_unreadable(path, error))
    except MemoryError:
        return FileError(f"{shown(path)} asks for more memory than there is. It is broken: download it again.")
    except Exception:
        return FileError(f"{shown(path)} is broken, or is not what its name says. Download it again.")


def identity_of(path: Path) -> FileIdentity:
    """A regular file's identity (a link's is its target's). Raises `CheckpointError` when it is gone or no regular file."""
    status = _regular(path)
    return FileIdentity.of(status) if path.name != INDEX else _identity_of_folder(path.parent)


def named_path(path: Path) -> Path:
    """What a user calls a model: its file, or the folder that is one."""
    return path.parent if path.name == INDEX else path


def files_of_folder(folder: Path) -> list[Path]:
    """The regular files of a model's folder and of the folders in it, by name. Raises `CheckpointError` when there are too many."""
    try:
        inner = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
        files = [path for path in inner if path.is_file()]
        files += [path for part in inner if part.is_dir() for path in sorted(part.iterdir()) if path.is_file()]
    except OSError as error:
        raise CheckpointError(_unreadable(folder, error)) from None
    if len(files) > MOST_FILES:
        raise CheckpointError(f"{shown(folder)} holds more files than a model has. Take out what does not belong to it.")
    return files


def _identity_of_folder(folder: Path) -> FileIdentity:
    """Of all its files: what is replaced, added or taken away gives another one."""
    digest, size, latest = hashlib.sha256(), 0, 0
    for path in files_of_folder(folder):
        status = path.stat()
        size, latest = size + status.st_size, max(latest, status.st_mtime_ns)
        row = f"{path.relative_to(folder)}\0{FileIdentity.of(status).key}\n"
        digest.update(row.encode("utf-8", "surrogatepass"))
    return FileIdentity(size=size, mtime_ns=latest, inode=int.from_bytes(digest.digest()[:6]))


def is_same(path: Path, identity: FileIdentity) -> bool:
    """Whether the file is there and still the one with this identity."""
    try:
        return identity_of(path) == identity
    except CheckpointError:
        return False


def check_same(path: Path, identity: FileIdentity) -> None:
    """Raises `FileChanged` unless the file is still the one with this identity."""
    if not is_same(path, identity):
        raise _changed(path)


@contextmanager
def open_foreign(path: Path) -> Iterator[tuple[BufferedReader, FileIdentity]]:
    """Open a regular file for reading, and tell its identity. Never waits for a pipe. Raises `CheckpointError`."""
    _regular(path)  # before it is opened: to open a device may do something
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except OSError as error:
        raise CheckpointError(_unreadable(path, error)) from None
    with os.fdopen(handle, "rb") as file:
        status = os.fstat(handle)
        _check_regular(path, status)
        yield file, FileIdentity.of(status)


def read_whole(path: Path, most: int) -> bytes:
    """The content of a file of at most `most` bytes. Raises `CheckpointError`."""
    with open_foreign(path) as (file, identity):
        if identity.size > most:
            raise CheckpointError(f"{shown(path)} is larger than {most // 2**20 or 1} MB, too large for what it is.")
        return file.read(most)


def sha256_of(path: Path, identity: FileIdentity) -> str:
    """The sha256 in hex of a file's content. Raises `FileChanged` when it is not, or while it is read ceases to be, the one meant."""
    if path.name == INDEX:
        return _sha256_of_folder(path, identity)
    with open_foreign(path) as (file, found):
        if found != identity:
            raise _changed(path)
        try:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise CheckpointError(_unreadable(path, error)) from None
    check_same(path, identity)
    return digest


def _sha256_of_folder(index: Path, identity: FileIdentity) -> str:
    """The sha256 of the names and the sha256 of all files of a model's folder."""
    check_same(index, identity)
    digest = hashlib.sha256()
    for path in files_of_folder(index.parent):
        with open_foreign(path) as (file, _):
            digest.update(f"{path.relative_to(index.parent)}\0".encode("utf-8", "surrogatepass"))
            digest.update(hashlib.file_digest(file, "sha256").digest())
    check_same(index, identity)
    return digest.hexdigest()


def shown(path: Path) -> str:
    """A path's last part for a sentence: it prints, and is no longer than a sentence bears."""
    return shortened(printable(path.name), 120)


def shortened(text: str, most: int = MAX_SENTENCE) -> str:
    """Text that prints, cut to a bearable length."""
    text = text.encode(errors="replace").decode()
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _changed(path: Path) -> FileChanged:
    return FileChanged(f"{shown(path)} was replaced or deleted while it was being used. Try again when the file is whole.")


def _check_there(path: Path) -> None:
    """Raises `CheckpointError` unless there is a regular file, or a model's folder with no more files than one has."""
    _regular(path)
    if path.name == INDEX:
        files_of_folder(path.parent)


def _regular(path: Path) -> os.stat_result:
    """The state of a regular file. Raises `CheckpointError`."""
    try:
        status = os.stat(path)
    except (OSError, ValueError) as error:
        raise CheckpointError(_unreadable(path, error)) from None
    _check_regular(path, status)
    return status


def _check_regular(path: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        kind = next((name for matches, name in _KINDS if matches(status.st_mode)), "something else")
        raise CheckpointError(f"{shown(path)} is {kind}, not a file with content. Take it out of this folder.")


def _unreadable(path: Path, error: OSError | ValueError) -> str:
    if isinstance(error, FileNotFoundError):
        if path.is_symlink():
            return f"{shown(path)} is a link to a file that is not there."
        return f"{printable(str(path))} is not there any more. Refresh the list of checkpoints."
    reason = error.strerror if isinstance(error, OSError) else None
    return f"{printable(str(path))} cannot be read: {reason or 'what lies there is no file that can be opened'}."
