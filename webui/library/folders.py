"""Walking the model folders, and seeing cheaply whether files have come or gone since."""

import os
import time
from collections.abc import Collection, Iterator
from pathlib import Path

from webui.core.foreign import INDEX

MAX_FOLDERS = 10_000
"""More folders than anybody has: a link may lead to a whole disk."""
_COARSE = 3 * 10**9
"""Nanoseconds that a file system's clock may be coarse: a folder that has just changed may change again unseen, so it is not trusted."""


class Folders:
    """The folders that one look at the library has gone through, with the times at which their entries last changed."""

    def __init__(self) -> None:
        self._seen: dict[Path, int | None] = {}

    def note(self, folder: Path) -> bool:
        """Remember a folder, before its entries are read; False when there is none (and it is noticed when it comes)."""
        changed = _changed(folder)
        self._seen[folder] = -1 if changed is not None and time.time_ns() - changed < _COARSE else changed
        return changed is not None

    def have_changed(self) -> bool:
        """Whether a folder has got, lost or renamed an entry, has gone or has come."""
        return any(_changed(folder) != changed for folder, changed in self._seen.items())

    @property
    def there(self) -> tuple[Path, ...]:
        """Those that are there."""
        return tuple(folder for folder, changed in self._seen.items() if changed is not None)

    def entries(self, folder: Path) -> list[Path]:
        """What lies in a folder, by name; nothing where it cannot be read."""
        try:
            return sorted(Path(entry.path) for entry in os.scandir(folder))
        except OSError:
            return []

    def model_in(self, folder: Path) -> Path:
        """The index of a folder that is one model, whose parts' folders are noted."""
        for entry in self.entries(folder):
            if entry.is_dir():
                self.note(entry)
        return folder / INDEX

    def walk(self, root: Path, suffixes: Collection[str]) -> Iterator[Path]:
        """Files and whatever else is called like a model file, below a folder. Links are followed, but not in circles or upwards.

        A folder that is one model (`INDEX` lies in it) gives that file alone.
        """
        top, met = os.path.realpath(root), set[str]()
        for current, folders, files in os.walk(root, followlinks=True):
            real = os.path.realpath(current)
            if real in met or _holds(real, top) or len(self._seen) > MAX_FOLDERS:
                folders.clear()
                continue
            met.add(real)
            self.note(Path(current))
            if INDEX in files and current != os.fspath(root):
                yield self.model_in(Path(current))
                folders.clear()
                continue
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            yield from (Path(current, name) for name in sorted(files) if Path(name).suffix.lower() in suffixes and not name.startswith("."))


def _changed(folder: Path) -> int | None:
    try:
        return os.stat(folder).st_mtime_ns if os.path.isdir(folder) else None
    except (OSError, ValueError):
        return None


def _holds(outer: str, inner: str) -> bool:
    """Whether a folder is above another one."""
    try:
        return outer != inner and os.path.commonpath((outer, inner)) == outer
    except ValueError:  # on another drive
        return False
