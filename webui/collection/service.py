"""The library as the web process serves it: always as the disk is, with hashes, and telling who follows what has changed."""

from collections.abc import Callable
from typing import Any

from webui.collection.hashing import Hasher, HashState
from webui.collection.watch import Change, Watcher
from webui.library import Library

MOST_NAMED = 50
Publish = Callable[[str, dict[str, Any]], None]
"""Sends an event of a kind, with its body, to all pages."""


class Collection:
    """Watches and hashes the library from `start` to `stop`."""

    def __init__(self, library: Library, publish: Publish, is_busy: Callable[[], bool], is_hashing: Callable[[], bool]) -> None:
        """`is_busy`: whether pictures are being made; `is_hashing`: whether the settings want files hashed in the background."""
        self.library, self._publish = library, publish
        self._watcher = Watcher(library, self._changed)
        self._hasher = Hasher(library, is_busy, is_hashing, self._hashed)

    def start(self) -> None:
        """Begin to watch the folders and to hash what has no hash."""
        self._watcher.start()
        self._hasher.start()

    def stop(self) -> None:
        """End both."""
        self._watcher.stop()
        self._hasher.stop()

    def hashing(self) -> HashState:
        """How far the hashing is."""
        return self._hasher.state()

    def _hashed(self) -> None:
        self._publish("hashing", self.hashing().model_dump())

    def _changed(self, change: Change) -> None:
        self._hasher.wake()
        body = {name: list(names[:MOST_NAMED]) for name, names in change}
        self._publish("models", {**body, "version": self.library.version})
