"""What was read of model files, kept over restarts: hashes and headers, by path and by the file's identity."""

import json
import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from webui.core.foreign import FileIdentity, identity_of
from webui.errors import CheckpointError
from webui.library.hashes import Hashes

VERSION = 10
_Rows = dict[str, dict[str, Any]]
_NOT_HASHED = Hashes()


class Cache:
    """Facts and hashes in one JSON file that web and engines share; without a file, in memory.

    A file that is broken, or was written by another version, is as good as none.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._rows: _Rows = {}
        self._moved: dict[tuple[int, int, int], Any] = {}
        self._seen: FileIdentity | None = None
        self._changed = False
        with self._lock:
            self._meet()

    def hashes(self, path: Path, identity: FileIdentity) -> Hashes:
        """The hashes that are known of a file, empty ones where none are.

        What another process has found out is known too, and what was found out of the same file under another name.
        """
        return self.all_hashes([(path, identity)])[0]

    def all_hashes(self, files: Sequence[tuple[Path, FileIdentity]]) -> list[Hashes]:
        """The same of many files at once: where some are unknown, what another process has written is looked at once for all."""
        found = [self._hashes(path, identity) for path, identity in files]
        if None in found and self._path is not None:
            with self._lock:
                self._meet()
            found = [known or self._hashes(path, identity) for known, (path, identity) in zip(found, files, strict=True)]
        return [known or _NOT_HASHED for known in found]

    def put_hashes(self, path: Path, identity: FileIdentity, hashes: Hashes) -> None:
        """Keep a file's hashes, with the next `save`."""
        self._put(path, identity, {"hashes": hashes.model_dump()})

    def _hashes(self, path: Path, identity: FileIdentity) -> Hashes | None:
        found = self._row(path, identity).get("hashes")
        if not found and not _is_rewritten(self._rows.get(str(path)), list(identity.key)):
            found = self._moved.get(identity.key[:3])
        try:
            return Hashes.model_validate(found) if found else None
        except ValueError:
            return None

    def facts(self, path: Path, identity: FileIdentity) -> dict[str, Any] | None:
        """What is known of a file's header."""
        facts = self._row(path, identity).get("facts")
        return facts if isinstance(facts, dict) else None

    def put_facts(self, path: Path, identity: FileIdentity, facts: dict[str, Any]) -> None:
        """Keep what a header says, with the next `save`."""
        self._put(path, identity, {"facts": facts})

    def save(self) -> None:
        """Write the file anew, whole or not at all, with what others wrote meanwhile; a folder that cannot be written costs speed only."""
        with self._lock:
            if self._path is None or not self._changed:
                return
            self._meet()
            part = self._path.with_suffix(f".{os.getpid()}.part")
            try:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                part.write_text(json.dumps({"version": VERSION, "rows": self._rows}))
                part.replace(self._path)
                self._changed, self._seen = False, identity_of(self._path)
            except (OSError, CheckpointError):
                self._changed = True

    def _row(self, path: Path, identity: FileIdentity) -> dict[str, Any]:
        row = self._rows.get(str(path), {})
        return row if row.get("identity") == list(identity.key) else {}

    def _put(self, path: Path, identity: FileIdentity, values: dict[str, Any]) -> None:
        with self._lock:
            self._keep(str(path), {**self._row(path, identity), **values, "identity": list(identity.key)})
            self._changed = True

    def _meet(self) -> None:
        """Take in what is in the file, if it has been written since; our own newer rows stay. The caller holds the lock."""
        if self._path is None:
            return
        try:
            identity = identity_of(self._path)
            if identity == self._seen:
                return
            content = json.loads(self._path.read_text())
        except (CheckpointError, OSError, ValueError, RecursionError):
            return
        self._seen = identity
        rows = content.get("rows") if isinstance(content, dict) and content.get("version") == VERSION else None
        for path, row in (rows if isinstance(rows, dict) else {}).items():
            if isinstance(row, dict) and _is_key(row.get("identity")):
                self._keep(path, _merged(self._rows.get(path), row))

    def _keep(self, path: str, row: dict[str, Any]) -> None:
        """Set a row; its hashes are found by the file's place on the disk too: who moves a file need not have it read again."""
        size, mtime_ns, inode, _ = row["identity"]
        if _is_rewritten(self._rows.get(path), row["identity"]):
            self._moved.pop((size, mtime_ns, inode), None)
        self._rows[path] = row
        if row.get("hashes") and inode:
            self._moved[size, mtime_ns, inode] = row["hashes"]


def _merged(ours: dict[str, Any] | None, theirs: dict[str, Any]) -> dict[str, Any]:
    """What both know of the same content; of two contents the one that was written later."""
    if ours is None:
        return theirs
    if ours["identity"] == theirs["identity"]:
        return {**theirs, **ours}
    return max(ours, theirs, key=lambda row: (row["identity"][1], row["identity"][3]))


def _is_rewritten(row: dict[str, Any] | None, identity: list[int]) -> bool:
    """Whether a path's file is where it was, with its size and time, and yet was changed: nothing known of that place holds any more."""
    return row is not None and row["identity"][:3] == identity[:3] and row["identity"] != identity


def _is_key(value: object) -> bool:
    return isinstance(value, list) and len(value) == 4 and all(isinstance(number, int) for number in value)
