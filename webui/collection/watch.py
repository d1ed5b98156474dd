"""Sees model files that come, change or go, within two seconds, and says which."""

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

from webui.core.foreign import is_same
from webui.core.names import encodable
from webui.core.request import FrozenModel
from webui.library import Library, ModelFile
from webui.library.models import SUFFIXES

TICK_S = 1.0
"""How often folders are compared besides: network drives send no events."""
SETTLED_S = 5.0
"""A file that was written more recently than this may still be being written."""
_UNFINISHED = (".part", ".incomplete", ".crdownload", ".download", ".tmp", ".aria2")


class Change(FrozenModel):
    """Which models a look found new, gone, or with other content, by kind and name."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether nothing has changed."""
        return not (self.added or self.removed or self.changed)


def changes(before: tuple[ModelFile, ...], after: tuple[ModelFile, ...]) -> Change:
    """What is different between two lists."""
    old, new = ({(model.kind, model.path): model for model in models} for models in (before, after))
    same = old.keys() & new.keys()
    return Change(
        added=tuple(_word(new[key]) for key in new if key not in old),
        removed=tuple(_word(old[key]) for key in old if key not in new),
        changed=tuple(_word(new[key]) for key in new if key in same and old[key].identity != new[key].identity),
    )


def _word(model: ModelFile) -> str:
    return f"{model.kind}/{model.name}"


class Watcher:
    """A thread that keeps the library's list the list of what is there.

    `changed` is called in it after each change, `touched` at the beginning and when files were written, models or what lies beside them:
    with whether some of those may describe models.
    """

    def __init__(self, library: Library, changed: Callable[[Change], None], touched: Callable[[bool], None]) -> None:
        self._library, self._changed, self._touched = library, changed, touched
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="model-watcher", daemon=True)
        self._known: tuple[ModelFile, ...] = ()
        self._version = ""
        self._unsettled: list[ModelFile] = []

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def stop(self) -> None:
        """End, and wait for that."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(10)

    def _run(self) -> None:
        self._known, self._version = self._library.all_models, self._library.version
        self._touched(True)
        while not self._stopping.is_set():
            folders = self._library.folders
            try:
                self._watch(folders)
            except (OSError, RuntimeError):  # too many folders for the system's events, or one that went: comparing goes on
                self._stopping.wait(TICK_S)
                self._look(written=False)

    def _watch(self, folders: tuple[Path, ...]) -> None:
        """Follow the system's events until the set of folders is another one."""
        from watchfiles import watch

        there = [folder for folder in folders if os.path.isdir(folder) and _is_unicode(folder)]
        if not there:
            raise OSError("there is nothing to watch")
        batches = watch(
            *there,
            watch_filter=lambda change, path: _matters(path),
            debounce=400,
            rust_timeout=int(TICK_S * 1000),
            yield_on_timeout=True,
            stop_event=self._stopping,
            recursive=False,
            raise_interrupt=False,
            ignore_permission_denied=True,
        )
        for batch in batches:
            self._look(written=bool(batch), described=any(path.lower().endswith((".json", ".info")) for _, path in batch))
            if self._library.folders != folders:
                return

    def _look(self, written: bool, described: bool = False) -> None:
        """See what is different; `written` says that a file's content may be, which no folder tells."""
        began = time.monotonic()
        if written:
            self._touched(described)
        if written or any(not is_same(model.path, model.identity) for model in self._unsettled):
            self._library.scan()
        else:
            self._library.look()
        took = time.monotonic() - began
        if self._library.version != self._version:
            models, self._version = self._library.all_models, self._library.version
            change, self._known = changes(self._known, models), models
            if not change.is_empty:
                self._changed(change)
        self._unsettled = [model for model in self._known if abs(time.time() - model.identity.mtime_ns / 1e9) < SETTLED_S]
        self._stopping.wait(min(took, 0.5) if written else 0)  # while a large file is copied, events come without end


def _is_unicode(folder: Path) -> bool:
    """Whether the system's events can be asked for: `watchfiles` takes Unicode alone. Of other folders every look tells."""
    return encodable(str(folder)) == str(folder)


def _matters(path: str) -> bool:
    """Whether an event may be about a model: its file, or a folder; not what is still being downloaded."""
    name = os.path.basename(path).lower()
    suffix = os.path.splitext(name)[1]
    return not name.startswith(".") and suffix not in _UNFINISHED and (suffix in SUFFIXES or suffix in ("", ".json") or "." in name)
