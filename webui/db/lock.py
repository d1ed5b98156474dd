"""One web to a data directory: an operating-system lock on a file, which ends with the process however it ends."""

import contextlib
import os
from pathlib import Path
from typing import IO

from webui.errors import StorageError


class DataLock:
    """Held from `acquire` to `release`. Raises `StorageError` when another Darkroom holds it."""

    def __init__(self, folder: Path, path: Path | None = None) -> None:
        self._folder, self._path = folder, path or folder / "data" / "web.lock"
        self._file: IO[str] | None = None

    def acquire(self) -> None:
        """Take the lock or say who has it."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            file = self._path.open("a+")
        except OSError as error:
            raise StorageError(f"{self._path.parent} cannot be written: {error.strerror}. Choose another folder with --data-dir.") from None
        if not _lock(file):
            file.seek(0)
            owner = file.read().strip()
            file.close()
            raise StorageError(
                f"Another Darkroom (process {owner or 'unknown'}) already uses {self._folder}. Stop it, or choose another --data-dir."
            )
        with contextlib.suppress(OSError):  # the lock is held; who holds it cannot be noted on a full disk
            file.truncate(0)
            file.write(str(os.getpid()))
            file.flush()
        self._file = file

    def release(self) -> None:
        """Let go."""
        if self._file is not None:
            self._file.close()
            self._file = None


def _lock(file: IO[str]) -> bool:
    try:
        if os.name == "nt":
            import msvcrt

            file.seek(2**20)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
