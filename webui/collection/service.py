"""The library as the web process serves it: always as the disk is, described, with hashes, and telling who follows what has changed."""

import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from webui.collection.bin import move_to_bin
from webui.collection.cards import Entry, Wish, chosen, entry
from webui.collection.export import export
from webui.collection.fit import Fit, Room, fit
from webui.collection.hashing import Hasher, HashState
from webui.collection.notes import Notes, NoteStore, changed, with_beside
from webui.collection.usage import Usage, last_used, names_used, usage_of
from webui.collection.watch import Change, Watcher
from webui.errors import NotFound, RequestError, WebUIError
from webui.library import Library
from webui.library.beside import Beside, Lying, Surroundings, read_beside

MOST_NAMED = 50
_NOTHING_BESIDE, _NOTHING_NOTED = (Lying(), Beside()), Notes()
Publish = Callable[[str, dict[str, Any]], None]
"""Sends an event of a kind, with its body, to all pages."""


class Collection:
    """Watches and hashes the library from `start` to `stop`, and answers what is in it."""

    def __init__(
        self, library: Library, notes: NoteStore, publish: Publish, is_busy: Callable[[], bool], is_hashing: Callable[[], bool]
    ) -> None:
        """`is_busy`: whether pictures are being made; `is_hashing`: whether the settings want files hashed in the background."""
        self.library, self._notes, self._publish = library, notes, publish
        self._watcher = Watcher(library, self._changed, self._touched)
        self._hasher = Hasher(library, is_busy, is_hashing, self._hashed)
        self._lock = threading.Lock()
        self._entries: tuple[Entry, ...] | None = None
        self._of_version = ""
        self._read: dict[Path, tuple[Lying, Beside]] = {}
        self._made: dict[Path, tuple[object, Entry]] = {}

    def start(self) -> None:
        """Begin to watch the folders and to hash what has no hash."""
        self.library.prefer(self._notes.defaults())
        self._watcher.start()
        self._hasher.start()

    def stop(self) -> None:
        """End both."""
        self._watcher.stop()
        self._hasher.stop()

    def hashing(self) -> HashState:
        """How far the hashing is."""
        return self._hasher.state()

    def entries(self) -> tuple[Entry, ...]:
        """All models with what is known of them, put together again when something has changed."""
        with self._lock:
            version = self.library.version
            if self._entries is None or self._of_version != version:
                self._entries, self._of_version = self._put_together(), version
            return self._entries

    def find(self, wish: Wish) -> list[Entry]:
        """Those that are wished, in order."""
        return chosen(self.entries(), wish)

    def get(self, model_id: str) -> Entry:
        """One model. Raises `NotFound`."""
        found = next((each for each in self.entries() if each.card.id == model_id), None)
        if found is None:
            raise NotFound(f"There is no model {model_id[:60]}. It may have been moved: look for it in the list.")
        return found

    def change(self, model_id: str, changes: Mapping[str, Any]) -> Entry:
        """Change what is kept of a model. Raises `NotFound`, `RequestError`, `StorageError`."""
        found = self.get(model_id)
        if changes.get("defaults") and found.model.kind != "checkpoint":
            raise RequestError("defaults", f"Only a checkpoint brings defaults along, and {found.model.file_name} is none.")
        sha256 = self.library.hashes(found.model).sha256
        self._notes.put(found.model, sha256, changed(self._own(found), changes))
        self._forget()
        self._publish("models", {**dict.fromkeys(("added", "removed"), []), "changed": [f"{found.model.kind}/{found.model.name}"]})
        return self.get(model_id)

    def refreshed(self, model_id: str) -> Entry:
        """One model, after something was put beside it."""
        self._forget()
        return self.get(model_id)

    def discard(self, model_id: str) -> Path:
        """Move a model to the bin, and say where that is. Raises `NotFound`, `StorageError`."""
        target = move_to_bin(self.get(model_id).model)
        self.library.scan()
        return target

    def export(self, model_id: str) -> tuple[Path, ...]:
        """Write what is kept of a model beside it. Raises `NotFound`, `Conflict`, `StorageError`."""
        found = self.get(model_id)
        written = export(found.model, found.card)
        self._forget()
        return written

    def export_all(self) -> tuple[tuple[Path, ...], tuple[str, ...]]:
        """The same for all models of which something is kept: what was written, and why what could not be was not."""
        written: list[Path] = []
        refused: list[str] = []
        for each in self.entries():
            if each.card.kept != Notes():
                try:
                    written += export(each.model, each.card)
                except WebUIError as error:
                    refused.append(str(error))
        self._forget()
        return tuple(written), tuple(refused)

    def duplicates(self) -> list[list[Entry]]:
        """Models with the same content, as far as they are hashed: groups of two and more.

        One file under several names is none: it takes its room once, and a link whose file goes to the bin is broken.
        """
        groups: dict[str, dict[object, Entry]] = {}
        for each in sorted(self.entries(), key=lambda each: each.model.path.is_symlink()):
            if each.card.sha256:
                identity = each.model.identity
                groups.setdefault(each.card.sha256, {}).setdefault(identity.key if identity.inode else each.model.path, each)
        return [list(group.values()) for group in groups.values() if len(group) > 1]

    def usage(self, found: Entry) -> Usage:
        """Which jobs used a model."""
        return usage_of(self._notes.database, found.model)

    def last_used(self, owner: str) -> dict[str, float]:
        """When somebody's latest jobs last used what is named so, in seconds."""
        return last_used(self._notes.database, owner)

    def unused(self, days: int) -> list[Entry]:
        """Models that no job has named for so many days, and that are here longer than that; the largest first."""
        since = datetime.now(UTC) - timedelta(days=days)
        old = [each for each in self.entries() if each.card.modified < since and not each.card.error]
        used = names_used(self._notes.database, since)
        idle = [each for each in old if not used & {each.model.name, each.model.short_name, each.model.alias}]
        return sorted(idle, key=lambda each: -each.card.size)

    def fit(self, found: Entry, room: Room) -> Fit | None:
        """What a checkpoint takes of a device; None for other kinds, and for what no engine loads."""
        facts = self.library.said(found.model).facts
        if facts is None or found.card.kind != "checkpoint" or not found.card.supported:
            return None
        spec = self.library.families.get(found.model.family)
        own = {"downscale": spec.latent.downscale, "multiple_of": spec.multiple_of, "memory": spec.memory}
        return fit(facts.model_copy(update=own), found.model.native, room)

    def _own(self, found: Entry) -> Notes:
        return self._notes.of(found.model, found.card.sha256, self._there())

    def _there(self) -> dict[tuple[str, str], object]:
        return {(model.kind, model.name): model for model in self.library.all_models}

    def _put_together(self) -> tuple[Entry, ...]:
        self._read = self._around()
        noted = self._noted()
        self._prefer(noted)
        models = self.library.all_models  # with the defaults that are preferred now
        made: dict[Path, tuple[object, Entry]] = {}
        for model, hashes in zip(models, self.library.all_hashes(models), strict=True):
            lying, beside = self._read.get(model.path, _NOTHING_BESIDE)
            notes = noted.get(model.path, _NOTHING_NOTED)
            key = (model, lying, notes, frozenset(notes.model_fields_set), hashes)
            known = self._made.get(model.path)
            made[model.path] = known if known is not None and known[0] == key else (key, entry(self.library, model, beside, notes, hashes))
        self._made = made
        return tuple(sorted((each for _, each in made.values()), key=lambda each: (each.key, each.card.id)))

    def _noted(self) -> dict[Path, Notes]:
        """What is kept of each model."""
        if self._notes.is_empty:
            return {}
        there, models = self._there(), self.library.all_models
        hashed = zip(models, self.library.all_hashes(models), strict=True)
        return {model.path: self._notes.of(model, hashes.sha256, there) for model, hashes in hashed}

    def _around(self) -> dict[Path, tuple[Lying, Beside]]:
        """What lies beside each model; read where it is not what it was."""
        around, read = Surroundings(), dict[Path, tuple[Lying, Beside]]()
        for model in self.library.all_models:
            lying = around.of(model.path)
            before = self._read.get(model.path)
            read[model.path] = before if before is not None and before[0] == lying else (lying, read_beside(model.path, lying))
        return read

    def _prefer(self, noted: Mapping[Path, Notes]) -> None:
        """Let checkpoints have the defaults that are kept of them, here or in files beside them."""
        kept = self._notes.defaults()
        for model in self.library.all_models:
            _, beside = self._read.get(model.path, _NOTHING_BESIDE)
            notes = noted.get(model.path, _NOTHING_NOTED)
            if (notes.defaults or beside.kept) and (own := with_beside(notes, beside).defaults):
                kept[(model.kind, model.name)] = own
        self.library.prefer(kept)

    def _forget(self) -> None:
        """Something beside the models may have changed: what is known is put together again when it is asked for."""
        with self._lock:
            self._entries = None

    def _touched(self, described: bool) -> None:
        """Files were written; `described` says that some of them describe models: defaults that they bring count for the next job."""
        self._forget()
        if described:
            self.entries()

    def _hashed(self) -> None:
        self._forget()
        self._publish("hashing", self.hashing().model_dump())

    def _changed(self, change: Change) -> None:
        self._hasher.wake()
        body = {name: list(names[:MOST_NAMED]) for name, names in change}
        self._publish("models", {**body, "version": self.library.version})
        self.entries()  # so that who asks later has not to wait for it
