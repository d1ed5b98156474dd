"""Scan the model folders, find files by the names people use for them, and hash them once."""

import difflib
import hashlib
import os
import re
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from webui.core.foreign import FileError, identity_of, is_same, read_foreign, sha256_of
from webui.core.names import printable
from webui.errors import CheckpointError, RequestError
from webui.library.cache import Cache
from webui.library.family import detect
from webui.library.folders import Folders
from webui.library.header import read_header
from webui.library.models import KINDS, SUFFIXES, ModelFile
from webui.library.native import native

FIELDS = {"checkpoint": "checkpoint", "vae": "vae", "lora": "prompt", "embedding": "prompt", "upscaler": "hires.upscaler"}
WORDS = {"vae": "VAE", "lora": "LoRA", "controlnet": "ControlNet"}
_HASHED = re.compile(r"\[(?P<hash>[0-9a-fA-F]{6,64})\]$")


@dataclass(frozen=True)
class Listing:
    """What one look at the folders has found. Two with the same `version` hold the same files with the same content."""

    models: tuple[ModelFile, ...] = ()
    folders: Folders = field(default_factory=Folders)
    version: str = ""


class Library:
    """The model files of several folders, first folder first. `cache` keeps hashes and headers by path and the file's identity.

    A list is of the moment it was made: `look` makes a new one when a folder has changed, `find` when the file it would give has.
    """

    def __init__(self, folders: Iterable[Path], cache: Path | None = None) -> None:
        self._roots = tuple(folders)
        self._cache = Cache(cache)
        self._lock = threading.Lock()
        self._listing: Listing | None = None

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

    def meet(self, version: str) -> None:
        """Scan again if another process, whose list has this version, has seen something that is not listed here."""
        if version and version != self.version:
            self.scan()
        else:
            self.look()

    def models(self, kind: str) -> tuple[ModelFile, ...]:
        """All files of one kind, by name."""
        return tuple(model for model in self._listed().models if model.kind == kind)

    def find(self, kind: str, name: str) -> ModelFile:
        """The file meant by a name, a file name, a path below the folder, or A1111's `name [hash]`; case is ignored.

        Its identity is that of now: a file that was replaced since the last look is read again, one that is gone is unknown.
        Raises `RequestError` for a name that is unknown (after looking again once) or that means several files.
        """
        found = self._find(kind, name)
        if not is_same(found.path, found.identity):
            self.scan()
            found = self._find(kind, name)
        return found

    def _find(self, kind: str, name: str) -> ModelFile:
        name = name.strip()
        match = _HASHED.search(name)
        wanted, digest = (name[: match.start()].rstrip(), match["hash"].lower()) if match else (name, "")
        for look in (self.models, lambda kind: [model for model in self.scan() if model.kind == kind]):
            candidates = _named(look(kind), wanted)
            if digest:
                candidates = [model for model in candidates or look(kind) if self._has_hash(model, digest)]
            if len({self.sha256(model) if digest else model.name for model in candidates}) == 1:
                return candidates[0]
            if candidates:
                raise RequestError(
                    FIELDS.get(kind, kind),
                    f"{name!r} means several files: {', '.join(model.name for model in candidates)}. Write one of these.",
                )
        raise RequestError(FIELDS.get(kind, kind), self._unknown(kind, name))

    def find_by_hash(self, kind: str, digest: str) -> ModelFile | None:
        """The file whose sha256 begins with `digest`, among those already hashed."""
        return next((model for model in self.models(kind) if self._known_hash(model).startswith(digest.lower() or "-")), None)

    def sha256(self, model: ModelFile) -> str:
        """The whole file's sha256 in hex, computed once for each content.

        Raises `CheckpointError` when it cannot be read, `FileChanged` when it is not the file any more that was listed.
        """
        known = self._known_hash(model)
        if not known:
            known = sha256_of(model.path, model.identity)
            self._cache.put_hash(model.path, model.identity, known)
        return known

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
        return self._cache.hash_of(model.path, model.identity)

    def _listed(self) -> Listing:
        if self._listing is None:
            self.scan()
        assert self._listing is not None
        return self._listing

    def _list(self) -> Listing:
        found: dict[Path, ModelFile] = {}
        folders = Folders()
        for root in self._roots:
            for kind, top, path in _files(root, folders):
                if path not in found and (model := self._describe(kind, top, path)) is not None:
                    found[path] = model
        models = tuple(sorted(found.values(), key=lambda model: (model.kind, model.name.lower())))
        return Listing(models, folders, _version(models))

    def _describe(self, kind: str, root: Path, path: Path) -> ModelFile | None:
        """One file as it is listed, whatever is in it; None for one that is of no kind."""
        described = read_foreign(path, lambda path: self._read(kind, root, path))
        if not isinstance(described, FileError):
            return described
        kind = "checkpoint" if kind == "any" else kind
        return ModelFile(name=_name(path, root), path=path, kind=kind, size=0, error=described.message)

    def _read(self, kind: str, root: Path, path: Path) -> ModelFile | None:
        identity = identity_of(path)
        facts = self._cache.facts(path, identity)
        if facts is None or not _is_whole(facts):
            facts = _facts(path)
            self._cache.put_facts(path, identity, facts)
        kind = facts.get("kind", "checkpoint" if facts.get("error") else "unknown") if kind == "any" else kind
        if kind not in KINDS:
            return None
        values = {key: value for key, value in facts.items() if key != "kind"}
        return ModelFile(name=_name(path, root), path=path, kind=kind, size=identity.size, identity=identity, **values)

    def _unknown(self, kind: str, name: str) -> str:
        names, word = [model.name for model in self.models(kind)], WORDS.get(kind, kind)
        bare, _, digest = name.rpartition("[")
        for model in _named(self.models(kind), bare.strip()) if bare and digest.endswith("]") else ():
            return (
                f"There is no {word} named {name!r}: {model.file_name} holds other weights than when this was asked for. Choose it again."
            )
        if not names:
            return f"There is no {word} yet. Put one into models/{KINDS[kind][0]}, then refresh."
        close = difflib.get_close_matches(name, names, n=3) or names[:5]
        return f"There is no {word} named {name[:100]!r}. Did you mean {', '.join(close)}?"


def _facts(path: Path) -> dict[str, Any]:
    """What a file's header tells, or its error; a pickle tells nothing before it is loaded."""
    if path.suffix != ".safetensors":
        return {"kind": "checkpoint" if path.suffix == ".ckpt" else "unknown"}
    header = read_foreign(path, read_header)
    if isinstance(header, FileError):
        return {"error": header.message}
    architecture = detect(header)
    return {**architecture.model_dump(), "native": native(header, architecture.family).model_dump()}


def _is_whole(facts: dict[str, Any]) -> bool:
    """Whether facts out of the cache still make a listed file; else they are read again."""
    try:
        ModelFile(name="", path=Path(), kind="", size=0, **{key: value for key, value in facts.items() if key != "kind"})
    except (ValueError, TypeError):
        return False
    return isinstance(facts.get("kind", ""), str)


def _name(path: Path, root: Path) -> str:
    return printable(path.relative_to(root).with_suffix("").as_posix())


def _version(models: Iterable[ModelFile]) -> str:
    digest = hashlib.sha256()
    for model in models:
        identity = model.identity
        row = f"{model.kind}\0{model.path}\0{identity.size}\0{identity.mtime_ns}\0{identity.inode}\n"
        digest.update(row.encode("utf-8", "surrogatepass"))
    return digest.hexdigest()[:16]


def _named(models: Iterable[ModelFile], wanted: str) -> list[ModelFile]:
    """Files called `wanted`: by whole name first, then by the last part of it."""
    key = wanted.replace("\\", "/").lower()
    listed = list(models)
    whole = [model for model in listed if key in (model.name.lower(), model.file_name.lower())]
    return whole[:1] or [model for model in listed if key in (model.path.name.lower(), model.path.stem.lower())]


def _files(folder: Path, seen: Folders) -> Iterator[tuple[str, Path, Path]]:
    """(kind, the kind's folder, file) below a models folder, an A1111 or ComfyUI folder, or a plain folder of models."""
    roots = [root for root in (folder, folder / "models") if seen.note(root)]
    for kind, root in ((kind, root / name) for root in roots for kind, names in KINDS.items() for name in names):
        if os.path.isdir(root):
            for path in seen.walk(root, SUFFIXES):
                yield kind, root, path
    for path in seen.entries(folder):
        if path.suffix in SUFFIXES and os.path.isfile(path):
            yield "any", folder, path
