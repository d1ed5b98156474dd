"""Scan the model folders, find files by the names people use for them, and hash them once."""

import difflib
import hashlib
import json
import os
import re
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from webui.errors import CheckpointError, RequestError
from webui.library.family import detect
from webui.library.header import Header, read_header
from webui.library.models import FAMILY_NATIVE, KINDS, SUFFIXES, ModelFile, Native

FIELDS = {"checkpoint": "checkpoint", "vae": "vae", "lora": "prompt", "embedding": "prompt", "upscaler": "hires.upscaler"}
WORDS = {"vae": "VAE", "lora": "LoRA", "controlnet": "ControlNet"}
_HASHED = re.compile(r"\[(?P<hash>[0-9a-fA-F]{6,64})\]$")
_VERSION = 1


class Library:
    """The model files of several folders, first folder first. `cache` keeps hashes and headers by path, size and time of change."""

    def __init__(self, folders: Iterable[Path], cache: Path | None = None) -> None:
        self._folders = tuple(folders)
        self._cache = _Cache(cache)
        self._lock = threading.Lock()
        self._models: tuple[ModelFile, ...] | None = None

    def scan(self) -> tuple[ModelFile, ...]:
        """Look again; files that are broken are listed with their error."""
        found: dict[Path, ModelFile] = {}
        for folder in self._folders:
            for kind, root, path in _files(folder):
                if path not in found and (model := self._describe(kind, root, path)) is not None:
                    found[path] = model
        with self._lock:
            self._models = tuple(sorted(found.values(), key=lambda model: (model.kind, model.name.lower())))
        self._cache.save()
        return self._models

    def models(self, kind: str) -> tuple[ModelFile, ...]:
        """All files of one kind, by name."""
        models = self._models if self._models is not None else self.scan()
        return tuple(model for model in models if model.kind == kind)

    def find(self, kind: str, name: str) -> ModelFile:
        """The file meant by a name, a file name, a path below the folder, or A1111's `name [hash]`; case is ignored.

        Raises `RequestError` for a name that is unknown (after looking again once) or that means several files.
        """
        name = name.strip()
        match = _HASHED.search(name)
        wanted, digest = (name[: match.start()].rstrip(), match["hash"].lower()) if match else (name, "")
        for look in (self.models, lambda kind: [model for model in self.scan() if model.kind == kind]):
            candidates = _named(look(kind), wanted)
            if digest:
                candidates = [model for model in candidates or look(kind) if self.sha256(model).startswith(digest)]
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
        return next((model for model in self.models(kind) if self._cache.hash_of(model).startswith(digest.lower() or "-")), None)

    def sha256(self, model: ModelFile) -> str:
        """The whole file's sha256 in hex, computed once. Raises `CheckpointError` when it cannot be read."""
        known = self._cache.hash_of(model)
        if not known:
            try:
                with model.path.open("rb") as file:
                    known = hashlib.file_digest(file, "sha256").hexdigest()
            except OSError as error:
                raise CheckpointError(f"{model.path} cannot be read: {error.strerror}.") from None
            self._cache.put_hash(model, known)
        return known

    def title(self, model: ModelFile) -> str:
        """`name [first ten digits of the hash]`: what a stored request names, so that a replay meets the same weights."""
        return f"{model.name} [{self.sha256(model)[:10]}]"

    def _describe(self, kind: str, root: Path, path: Path) -> ModelFile | None:
        try:
            stat = path.stat()
        except OSError:
            return None
        facts = self._cache.facts(path, stat.st_size, stat.st_mtime)
        if facts is None:
            facts = _facts(path)
            self._cache.put_facts(path, stat.st_size, stat.st_mtime, facts)
        kind = facts.get("kind", "checkpoint" if facts.get("error") else "unknown") if kind == "any" else kind
        if kind not in KINDS:
            return None
        name = path.relative_to(root).with_suffix("").as_posix()
        values = {key: value for key, value in facts.items() if key != "kind"}
        return ModelFile(name=name, path=path, kind=kind, size=stat.st_size, modified=stat.st_mtime, **values)

    def _unknown(self, kind: str, name: str) -> str:
        names, word = [model.name for model in self.models(kind)], WORDS.get(kind, kind)
        if not names:
            return f"There is no {word} yet. Put one into models/{KINDS[kind][0]}, then refresh."
        close = difflib.get_close_matches(name, names, n=3) or names[:5]
        return f"There is no {word} named {name[:100]!r}. Did you mean {', '.join(close)}?"


class _Cache:
    """Facts and hashes by path, size and time of change, in one JSON file; without a file, in memory."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._rows: dict[str, dict[str, Any]] = self._read()
        self._changed = False

    def hash_of(self, model: ModelFile) -> str:
        return str(self._row(model.path, model.size, model.modified).get("sha256", ""))

    def put_hash(self, model: ModelFile, digest: str) -> None:
        self._put(model.path, model.size, model.modified, {"sha256": digest})
        self.save()

    def facts(self, path: Path, size: int, modified: float) -> dict[str, Any] | None:
        return self._row(path, size, modified).get("facts")

    def put_facts(self, path: Path, size: int, modified: float, facts: dict[str, Any]) -> None:
        self._put(path, size, modified, {"facts": facts})

    def save(self) -> None:
        """Write the file anew, whole or not at all; a folder that cannot be written costs speed only."""
        with self._lock:
            if self._path is None or not self._changed:
                return
            text = json.dumps({"version": _VERSION, "rows": self._rows})
            self._changed = False
            try:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                part = self._path.with_suffix(f".{os.getpid()}.part")
                part.write_text(text)
                part.replace(self._path)
            except OSError:
                self._changed = True

    def _row(self, path: Path, size: int, modified: float) -> dict[str, Any]:
        row = self._rows.get(str(path), {})
        return row if (row.get("size"), row.get("modified")) == (size, modified) else {}

    def _put(self, path: Path, size: int, modified: float, values: dict[str, Any]) -> None:
        with self._lock:
            self._rows[str(path)] = {**self._row(path, size, modified), **values, "size": size, "modified": modified}
            self._changed = True

    def _read(self) -> dict[str, dict[str, Any]]:
        try:
            content = json.loads(self._path.read_text()) if self._path else {}
        except (OSError, ValueError):
            return {}
        return content.get("rows", {}) if isinstance(content, dict) and content.get("version") == _VERSION else {}


def _facts(path: Path) -> dict[str, Any]:
    """What a file's header tells; a pickle tells nothing before it is loaded."""
    if path.suffix != ".safetensors":
        return {"kind": "checkpoint" if path.suffix == ".ckpt" else "unknown"}
    try:
        header = read_header(path)
    except CheckpointError as error:
        return {"error": str(error)}
    architecture = detect(header)
    return {**architecture.model_dump(), "native": native(header, architecture.family).model_dump()}


def native(header: Header, family: str) -> Native:
    """The maker's own defaults (metadata `darkroom.native`, JSON), else the family's."""
    default = FAMILY_NATIVE.get(family, Native())
    try:
        return Native.model_validate({**default.model_dump(), **json.loads(header.metadata.get("darkroom.native", "{}"))})
    except (ValueError, TypeError):
        return default


def _named(models: Iterable[ModelFile], wanted: str) -> list[ModelFile]:
    """Files called `wanted`: by whole name first, then by the last part of it."""
    key = wanted.replace("\\", "/").lower()
    listed = list(models)
    whole = [model for model in listed if key in (model.name.lower(), model.file_name.lower())]
    return whole[:1] or [model for model in listed if key in (model.path.name.lower(), model.path.stem.lower())]


def _files(folder: Path) -> Iterator[tuple[str, Path, Path]]:
    """(kind, the kind's folder, file) below a models folder, an A1111 or ComfyUI folder, or a plain folder of models."""
    roots = [root for root in (folder, folder / "models") if root.is_dir()]
    known = [(kind, root / name) for root in roots for kind, names in KINDS.items() for name in names if (root / name).is_dir()]
    for kind, root in known:
        for path in _walk(root):
            yield kind, root, path
    for path in sorted(folder.glob("*")) if folder.is_dir() else ():
        if path.is_file() and path.suffix in SUFFIXES:
            yield "any", folder, path


def _walk(root: Path) -> Iterator[Path]:
    seen: set[str] = set()
    for current, folders, files in os.walk(root, followlinks=True):
        real = os.path.realpath(current)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(current, name) for name in sorted(files) if Path(name).suffix in SUFFIXES and not name.startswith("."))
