"""One web process to a data directory: an operating-system lock on a file, which ends with the process however it ends."""

import contextlib
import os
from pathlib import Path

from filelock import FileLock, Timeout

from webui.errors import StorageError


class LockTaken(StorageError):
    """Another process has it."""


class DataLock:
    """Held from `acquire` to `release`. Beside the lock's file lies one with the holder's process id, for the message."""

    def __init__(self, folder: Path, path: Path | None = None) -> None:
        self._folder, self._path = folder, path or folder / "data" / "web.lock"
        self._owner = self._path.with_name(f"{self._path.name}.pid")
        self._lock = FileLock(self._path, blocking=False, thread_local=False)

    def acquire_one_of(self, most: int) -> int:
        """Take the first of several locks that nobody has, and return its number from 0. Raises `StorageError`."""
        first = self._path
        for number in range(most):
            path = first.with_name(f"{first.stem}-{number}{first.suffix}") if number else first
            self._path, self._owner = path, path.with_name(f"{path.name}.pid")
            self._lock = FileLock(path, blocking=False, thread_local=False)
            try:
                self.acquire()
                return number
            except LockTaken:
                continue
        raise StorageError(f"{most} web processes already use {self._folder}. Stop one.")

    def acquire(self) -> None:
        """Take the lock. Raises `StorageError` that names who has it, or says that the folder cannot be written."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._lock.acquire()
        except Timeout:
            raise LockTaken(
                f"Another Darkroom (process {self._holder()}) already uses {self._folder}. Stop it, or choose another --data-dir."
            ) from None
        except OSError as error:
            raise StorageError(f"{self._path.parent} cannot be written: {error.strerror}. Choose another folder with --data-dir.") from None
        with contextlib.suppress(OSError):  # the lock is held; who holds it cannot be noted on a full disk
            self._owner.write_text(str(os.getpid()))

    def release(self) -> None:
        """Let go."""
        if self._lock.is_locked:
            with contextlib.suppress(OSError):
                self._owner.unlink()
            self._lock.release()

    def _holder(self) -> str:
        with contextlib.suppress(OSError, ValueError):
            return str(int(self._owner.read_text()))
        return "unknown"
