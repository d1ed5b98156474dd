"""What is uploaded to Gradio (for extensions' tabs) lies in a folder of ours: for an hour, and no more of it than fits."""

import contextlib
import threading
import time
from collections.abc import Callable
from pathlib import Path

KEPT = 3600.0
"""Seconds that a file stays."""
EACH, ALL = 2, 8
"""How many of the largest uploads one address, and all together, may have there."""
_EVERY = 60.0


class TemporaryFiles:
    """The folder, and who sent how much into it. `largest` is the largest upload, in bytes; `kept` how long a file stays."""

    def __init__(self, folder: Path, largest: int, kept: float = KEPT) -> None:
        self._folder = folder
        self._each, self._all = EACH * largest, ALL * largest
        self._kept = kept
        self._sent: list[tuple[float, str, int]] = []
        self._own = frozenset[Path]()
        self._stopping = threading.Event()
        self._lock = threading.Lock()

    def empty(self) -> None:
        """Remove what the last run left. Call it before the page is built."""
        self._remove(older_than=float("inf"))

    def start(self) -> None:
        """What lies there now belongs to the page and stays; what comes later is removed when its time is over, until `stop`."""
        self._own = frozenset(self._folder.rglob("*"))
        threading.Thread(target=self._watch, name="temporary-files", daemon=True).start()

    def stop(self) -> None:
        """Remove nothing more."""
        self._stopping.set()

    def room(self, address: str) -> int:
        """How many bytes this address may still send."""
        with self._lock:
            since = time.monotonic() - self._kept
            self._sent = [each for each in self._sent if each[0] > since]
            mine = sum(count for _, who, count in self._sent if who == address)
            return max(min(self._each - mine, self._all - sum(count for _, _, count in self._sent)), 0)

    def meter(self, address: str) -> Callable[[int], bool]:
        """Counts what arrives from an address; the answer says whether it still fits."""

        def fits(count: int) -> bool:
            has_room = count <= self.room(address)
            with self._lock:
                self._sent.append((time.monotonic(), address, count if has_room else 0))
            return has_room

        return fits

    def sweep(self) -> None:
        """Remove the files whose time is over."""
        self._remove(older_than=time.time() - self._kept)

    def _watch(self) -> None:
        while not self._stopping.wait(min(_EVERY, self._kept)):
            self.sweep()

    def _remove(self, older_than: float) -> None:
        for path in sorted(self._folder.rglob("*"), reverse=True):  # what lies in a folder before the folder
            if path in self._own:
                continue
            with contextlib.suppress(OSError):
                if path.is_dir() and not path.is_symlink():
                    path.rmdir()
                elif path.lstat().st_mtime < older_than:
                    path.unlink()
