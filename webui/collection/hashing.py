"""Hashes model files in the background, the small ones first, and slower while pictures are made."""

import threading
import time
from collections.abc import Callable

from webui.core.request import FrozenModel
from webui.errors import WebUIError
from webui.library import Library, ModelFile

SAVE_EVERY_S = 5.0
_BUSY_SHARE = 4
"""While jobs run, each piece that is read is followed by a pause of this many times its own time."""
_LOOK_EVERY_S = 30.0


class HashState(FrozenModel):
    """How far the hashing is: files that have their hashes, all files, and the one that is being read."""

    done: int = 0
    total: int = 0
    current: str = ""


class _Stopped(Exception):
    """The program ends, or hashing was switched off."""


class Hasher:
    """A thread that reads every file of the library that has no hashes yet, once.

    `is_busy` says whether pictures are being made, `is_on` whether files are to be hashed at all; `progress` is called about once
    a second while files are hashed, and when all are.
    """

    def __init__(self, library: Library, is_busy: Callable[[], bool], is_on: Callable[[], bool], progress: Callable[[], None]) -> None:
        self._library, self._is_busy, self._is_on, self._progress = library, is_busy, is_on, progress
        self._stopping, self._work = threading.Event(), threading.Event()
        self._current = ""
        self._failed: set[ModelFile] = set()
        self._saved = self._began = self._told = self._asked = 0.0
        self._slow = False
        self._thread = threading.Thread(target=self._run, name="model-hasher", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def wake(self) -> None:
        """There may be new files."""
        self._work.set()

    def stop(self) -> None:
        """End within a piece of a file, and wait for that."""
        self._stopping.set()
        self._work.set()
        if self._thread.is_alive():
            self._thread.join(10)

    def state(self) -> HashState:
        """How far it is."""
        models = [model for model in self._library.all_models if not model.error]
        done = sum(1 for model in models if self._library.hashes(model).sha256)
        return HashState(done=done, total=len(models), current=self._current)

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._work.clear()
            try:
                self._hash_all()
            except _Stopped:
                pass
            finally:
                self._current = ""
                self._library.save()
            self._work.wait(_LOOK_EVERY_S)

    def _hash_all(self) -> None:
        hashed = 0
        for model in sorted(self._library.all_models, key=lambda model: model.size):
            if self._stopping.is_set() or not self._is_on():
                return
            if not model.error and model not in self._failed and not self._library.hashes(model).sha256:
                self._hash(model)
                hashed += 1
        if hashed:
            self._current = ""
            self._library.save()
            self._progress()

    def _hash(self, model: ModelFile) -> None:
        self._current, self._began = model.name, time.monotonic()
        try:
            self._library.read_hashes(model, self._pause)
        except WebUIError:  # replaced meanwhile, or not to be read: its next identity is another file
            self._failed.add(model)
            return
        if time.monotonic() - self._saved > SAVE_EVERY_S:
            self._library.save()
            self._saved = time.monotonic()
        if time.monotonic() - self._told > 1:
            self._told = time.monotonic()
            self._progress()

    def _pause(self) -> None:
        """Between two pieces. Raises `_Stopped`."""
        took = time.monotonic() - self._began
        if time.monotonic() - self._asked > 1:
            self._asked, self._slow = time.monotonic(), self._is_busy()
        if self._slow:
            self._stopping.wait(min(_BUSY_SHARE * took, 5.0))
        if self._stopping.is_set() or not self._is_on():
            raise _Stopped
        self._began = time.monotonic()
