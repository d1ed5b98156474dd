"""Scan the model folders, find files by the names people use for them, and hash them once."""

import contextlib
import difflib
import hashlib
import os
import re
import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, NamedTuple

from webui.core.foreign import INDEX, FileError, check_same, identity_of, is_same, named_path, read_foreign, shortened
from webui.core.names import fold, in_tag, printable
from webui.errors import CheckpointError, RequestError
from webui.library.cache import Cache
from webui.library.facts import READER, described, facts_of
from webui.library.families import BUILTIN, Families
from webui.library.folders import Folders
from webui.library.hashes import Hashes, go_on, hash_file
from webui.library.layouts import ANY, is_beside, model_files, places
from webui.library.models import KINDS, ModelFile
from webui.library.said import Said

FIELDS = {
    "checkpoint": "checkpoint",
    "vae": "vae",
    "lora": "prompt",
    "embedding": "prompt",
    "hypernetwork": "prompt",
    "upscaler": "hires.upscaler",
}
WORDS = {"vae": "VAE", "lora": "LoRA", "controlnet": "ControlNet", "face_restorer": "network for faces", "detector": "detector"}
MOST_NAMED = 10
_HUB = re.compile(r"/models--([^/]+?)--([^/]+)/snapshots/[^/]+$")
"""How Hugging Face's own cache names a repository's folder."""
_HASHED = re.compile(r"\[(?P<hash>[0-9a-fA-F]{6,64})\]$")


@dataclass(frozen=True)
class Listing:
    """What one look at the folders has found. Two with the same `version` hold the same files with the same content."""

    models: tuple[ModelFile, ...] = ()
    folders: Folders = field(default_factory=Folders)
    version: str = ""
    found: "Mapping[Path, Found]" = field(default_factory=dict)


class Found(NamedTuple):
    """A file as it was read: the kind and the folder that it was found in, so that it need not be described again."""

    kind: str
    folder: Path
    model: ModelFile


class Library:
    """The model files of several folders, first folder first. `cache` keeps hashes and headers by path and the file's identity.

    `families` recognise checkpoints.

    A list is of the moment it was made: `look` makes a new one when a folder has changed, `find` when the file it would give has.
    """

    def __init__(self, folders: Iterable[Path], cache: Path | None = None, families: Families = BUILTIN) -> None:
        self.families = families
        self._roots = tuple(folders)
        self._cache = Cache(cache)
        self._lock = threading.Lock()
        self._listing: Listing | None = None
        self._preferred: dict[tuple[str, str], Mapping[str, Any]] = {}

    def scan(self) -> tuple[ModelFile, ...]:
        """Look again; files that are broken are listed with their error."""
        with self._lock:
            self._listing = self._list()
        self._cache.save()
        return self._listing.models

    def look(self) -> None:
        """Scan again if files have come or gone since. Costs a `stat` of each folder; a file that was written anew is seen by `find`."""
        listing = self._listing
        if listing is None or listing.folders.have_changed():
            self.scan()

    @property
    def version(self) -> str:
        """A word for what is listed: files, names and identities. Another process with the same word has the same list."""
        return self._listed().version

    def knows(self, version: str) -> bool:
        """Whether `meet` would not scan. Costs a `stat` of each folder."""
        listing = self._listing
        return listing is not None and version in ("", listing.version) and not listing.folders.have_changed()

    def meet(self, version: str) -> None:
        """Scan again if another process, whose list has this version, has seen something that is not listed here."""
        if version and version != self.version:
            self.scan()
        else:
            self.look()

    @property
    def looked_at(self) -> tuple[str, ...]:
        """The folders that are there, each with the kinds of files that it is for and how many were found, or why it is closed."""
        said: dict[Path, str] = {}
        for root in self._roots:
            for kind, place in [*places(root, Folders()), ("any kind", root)]:
                if os.path.isdir(place):
                    said.setdefault(place, kind)
        counts = Counter(_nearest(model.path, said) for model in self._listed().models)
        return tuple(f"{printable(str(place))} ({kind}: {_why_closed(place) or counts[place]})" for place, kind in said.items())

    @property
    def all_models(self) -> tuple[ModelFile, ...]:
        """All files, by kind and name."""
        return self._listed().models

    def models(self, kind: str) -> tuple[ModelFile, ...]:
        """All files of one kind, by name."""
        return tuple(model for model in self._listed().models if model.kind == kind)

    def find(self, kind: str, name: str) -> ModelFile:
        """The file meant by a name, a file name, a path below the folder, A1111's `name [hash]`, or what a LoRA's trainer called it.

        Case and how accents are written are left out of account where that is clear. Its identity is that of now: a file that was
        replaced since the last look is read again, one that is gone is unknown.
        Raises `RequestError` for a name that is unknown (after looking again once) or that means several files.
        """
        found = self._find(kind, name)
        if not _is_current(found):
            self.scan()
            found = self._find(kind, name)
        return found

    def _find(self, kind: str, name: str) -> ModelFile:
        for look in (self.models, lambda kind: tuple(model for model in self.scan() if model.kind == kind)):
            candidates = named(look(kind), name) or self._hashed(look(kind), name)
            if len({model.name for model in candidates}) == 1:
                return candidates[0]
            if candidates:
                names = ", ".join(model.name for model in candidates[:MOST_NAMED])
                raise RequestError(FIELDS.get(kind, kind), f"{shortened(name, 100)!r} means several files: {names}. Write one of these.")
        raise RequestError(FIELDS.get(kind, kind), self._unknown(kind, name))

    def _hashed(self, models: tuple[ModelFile, ...], name: str) -> list[ModelFile]:
        """Files meant by `name [hash]`: of that name if there are any, else of any; one of those with equal content."""
        match = _HASHED.search(name.strip())
        if match is None:
            return []
        bare, digest = name.strip()[: match.start()], match["hash"].lower()
        fitting = [model for model in named(models, bare) or models if self._has_hash(model, digest)]
        return fitting[:1] if len({self.sha256(model) for model in fitting}) == 1 else fitting

    def find_by_hash(self, kind: str, digest: str) -> ModelFile | None:
        """The file whose sha256 begins with `digest`, among those already hashed."""
        return next((model for model in self.models(kind) if self._known_hash(model).startswith(digest.lower() or "-")), None)

    def sha256(self, model: ModelFile) -> str:
        """The whole file's sha256 in hex, computed once for each content.

        Raises `CheckpointError` when it cannot be read, `FileChanged` when it is not the file any more that was listed.
        """
        if known := self._known_hash(model):
            check_same(model.path, model.identity)
            return known
        known = self.read_hashes(model).sha256
        self._cache.save()
        return known

    def hashes(self, model: ModelFile) -> Hashes:
        """The hashes that are known of a file; empty ones where it was not read yet."""
        return self._cache.hashes(model.path, model.identity)

    def all_hashes(self, models: Iterable[ModelFile]) -> list[Hashes]:
        """The same of many files, in their order."""
        return self._cache.all_hashes([(model.path, model.identity) for model in models])

    def prefer(self, defaults: Mapping[tuple[str, str], Mapping[str, Any]]) -> None:
        """The user's own defaults of models, by kind and name, in place of what their files say; from now on."""
        if dict(defaults) != self._preferred:
            self._preferred = dict(defaults)
            if self._listing is not None:
                self.scan()

    def said(self, model: ModelFile) -> Said:
        """What a file says of itself; nothing for one that cannot be read."""
        facts = self._cache.facts(model.path, model.identity) or {}
        try:
            return Said.model_validate(facts.get("said") or {})
        except ValueError:
            return Said()

    def read_hashes(self, model: ModelFile, pause: Callable[[], None] = go_on) -> Hashes:
        """Read a file and keep its hashes (on disk with the next scan). Raises as `hash_file` does, and what `pause` raises."""
        found = hash_file(model.path, model.identity, pause)
        self._cache.put_hashes(model.path, model.identity, found)
        return found

    def save(self) -> None:
        """Write down what was read."""
        self._cache.save()

    @property
    def folders(self) -> tuple[Path, ...]:
        """The folders that the last look has gone through, in which a file may come or go."""
        return self._listed().folders.there

    def title(self, model: ModelFile) -> str:
        """`name [first ten digits of the hash]`: what a stored request names, so that a replay meets the same weights."""
        return f"{model.name} [{self.sha256(model)[:10]}]"

    def _has_hash(self, model: ModelFile, digest: str) -> bool:
        """Whether a file's hash begins so; one that cannot be read has none."""
        try:
            return self.sha256(model).startswith(digest)
        except CheckpointError:
            return False

    def _known_hash(self, model: ModelFile) -> str:
        return self.hashes(model).sha256

    def _listed(self) -> Listing:
        if self._listing is None:
            self.scan()
        assert self._listing is not None
        return self._listing

    def _list(self) -> Listing:
        before = self._listing.found if self._listing else {}
        found: dict[Path, Found] = {}
        folders, met = Folders(), set[tuple[int, int]]()
        for root in self._roots:
            for kind, top, path in model_files(root, folders, met):
                if path not in found and (model := self._describe(before.get(path), kind, top, path)) is not None:
                    found[path] = Found(kind, top, model)
        with_vaes = _with_vaes(each.model for each in found.values())
        models = tuple(sorted(map(self._with_defaults, _distinct(with_vaes)), key=lambda model: (model.kind, model.name.lower())))
        return Listing(models, folders, _version(models), found)

    def _with_defaults(self, model: ModelFile) -> ModelFile:
        own = self._preferred.get((model.kind, model.name)) if self._preferred else None
        return model.model_copy(update={"native": model.native.model_copy(update=dict(own))}) if own else model

    def _describe(self, before: "Found | None", kind: str, root: Path, path: Path) -> ModelFile | None:
        """One file as it is listed, whatever is in it; None for one that is of no kind. `before`: as it was listed the last time."""
        if before is not None and before[:2] == (kind, root) and is_same(path, before.model.identity):
            return before.model
        described = read_foreign(path, lambda path: self._read(kind, root, path))
        if not isinstance(described, FileError):
            return described
        kind = "checkpoint" if kind == ANY else kind
        return ModelFile(name=_name(path, root, kind), path=path, kind=kind, size=0, error=described.message)

    def _read(self, kind: str, root: Path, path: Path) -> ModelFile | None:
        identity, name = identity_of(path), partial(_name, path, root)
        facts = self._cache.facts(path, identity)
        if facts is not None and (facts.get("families", ""), facts.get("reader")) == (self.families.version, READER):
            with contextlib.suppress(ValueError, TypeError):  # facts that make no listed file any more are read again
                return described(kind, name, path, identity, facts)
        facts = {**facts_of(path, kind, self.families), "reader": READER}
        self._cache.put_facts(path, identity, facts)
        return described(kind, name, path, identity, facts)

    def _unknown(self, kind: str, name: str) -> str:
        names, word = list(dict.fromkeys(model.name for model in self.models(kind) if not model.error)), WORDS.get(kind, kind)
        bare, _, digest = name.rpartition("[")
        for model in named(self.models(kind), bare) if bare and digest.endswith("]") else ():
            return (
                f"There is no {word} named {name!r}: {model.file_name} holds other weights than when this was asked for. Choose it again."
            )
        if not names:
            return f"There is no {word} yet. Put one into models/{KINDS[kind][0]}, then refresh."
        holding = [each for each in names if name.strip() and name.strip().casefold() in each.casefold()][:3]
        close = holding or _close(name, names)
        there = f"There {'are' if len(names) > 1 else 'is'} {', '.join(names[:5])}{' and others' if len(names) > 5 else ''}."
        hint = f"Did you mean {', '.join(close)}?" if close else there
        return f"There is no {word} named {name[:100]!r}. {hint}"


def _close(name: str, names: Sequence[str]) -> list[str]:
    """At most three names like this one, whatever folders they are in."""
    bare = [each.rpartition("/")[2] for each in names]
    like = difflib.get_close_matches(name.rpartition("/")[2], bare, n=3)
    return [each for each, last in zip(names, bare, strict=True) if last in like][:3]


def _name(path: Path, root: Path, kind: str) -> str:
    place = named_path(path)
    if cached := _HUB.search(place.as_posix()):
        return printable(f"{cached[1]}/{cached[2]}")
    name = printable((place.relative_to(root) if place != path else path.relative_to(root).with_suffix("")).as_posix())
    name = name if name != "." else printable(place.name)
    return in_tag(name) if kind == "lora" else name


def _distinct(models: Iterable[ModelFile]) -> Iterator[ModelFile]:
    """Files whose names differ in the suffix alone: the second is listed with it, so that each can be chosen."""
    seen: dict[tuple[str, str], str] = {}
    for model in models:
        if seen.setdefault((model.kind, model.name), model.file_name) != model.file_name:
            model = model.model_copy(update={"name": model.name + (model.path.suffix if model.path.name != INDEX else " (folder)")})
        yield model


def _with_vaes(models: Iterable[ModelFile]) -> list[ModelFile]:
    """Checkpoints with the VAEs that lie beside them."""
    listed = list(models)
    beside = {model.path.with_suffix("").with_suffix(""): model for model in listed if model.kind == "vae" and is_beside(model.path)}
    return [
        model.model_copy(update={"vae": vae}) if model.kind == "checkpoint" and (vae := beside.get(model.path.with_suffix(""))) else model
        for model in listed
    ]


def _is_current(model: ModelFile) -> bool:
    return is_same(model.path, model.identity) and (model.vae is None or is_same(model.vae.path, model.vae.identity))


def _why_closed(folder: Path) -> str:
    """Why a folder cannot be looked into; nothing for one that can be."""
    try:
        os.scandir(folder).close()
    except OSError as error:
        return f"it cannot be looked into: {error.strerror}"
    return ""


def _nearest(path: Path, places: Collection[Path]) -> Path | None:
    """The innermost of these folders that a file is in."""
    return next((folder for folder in path.parents if folder in places), None)


def _version(models: Iterable[ModelFile]) -> str:
    digest = hashlib.sha256()
    for model in models:
        identity = model.identity
        row = f"{model.kind}\0{model.path}\0{identity.key}\n"
        digest.update(row.encode("utf-8", "surrogatepass"))
    return digest.hexdigest()[:16]


def named(models: Iterable[ModelFile], name: str) -> list[ModelFile]:
    """Files called so: to the letter, else in any case and with any accents, else by the last part of the name, else by the trainer.

    Several of one name in several folders are the first one.
    """
    listed, wanted = list(models), printable(name.strip()).replace("\\", "/")
    key = fold(wanted)
    ways: tuple[Callable[[ModelFile], bool], ...] = (
        lambda model: wanted in (model.name, model.file_name),
        lambda model: key in _keys(model.name, model.path)[0],
        lambda model: key in _keys(model.name, model.path)[1],
        lambda model: bool(model.alias) and key == fold(model.alias),
    )
    found = next((found for fits in ways if (found := [model for model in listed if fits(model)])), [])
    return found[:1] if len({model.name for model in found}) == 1 else found


@lru_cache(maxsize=50_000)
def _keys(name: str, path: Path) -> tuple[frozenset[str], frozenset[str]]:
    """What a file may be called in any case: with its folders, and without."""
    place = named_path(path)
    stem = place.stem if place == path else place.name
    folder, last = name.rpartition("/")[:2], {fold(name.rpartition("/")[2]), fold(stem), fold(place.name)}
    return frozenset(fold("".join(folder)) + key for key in last), frozenset(last)
