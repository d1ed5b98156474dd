"""Which files of this machine a job needs on a node that does not see them."""

import re
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path

from webui.core.foreign import INDEX, FileIdentity, identity_of
from webui.core.request import FrozenModel, ResolvedRequest
from webui.errors import CheckpointError, NotFound
from webui.library import Library, ModelFile
from webui.library.hashes import hash_file

SMALL = 2**30
"""Bytes up to which a file that lies beside a model, and begins with its name, goes along."""
_ID = re.compile(r"[0-9a-f]{64}")
_ALWAYS = "vae_approx"
_PARTS = ("vae", "text_encoder")


class NodeFile(FrozenModel):
    """A file as a node gets it: `place` is below the node's folder."""

    path: Path
    place: str
    size: int
    sha256: str


class JobFiles:
    """Finds them: models by the names in a request, pictures by their ids. `picture` gives an upload's or a result's file."""

    def __init__(self, library: Library, roots: Callable[[], Sequence[Path]], picture: Callable[[str], Path]) -> None:
        self._library, self._roots, self._picture = library, roots, picture

    @property
    def folders(self) -> tuple[str, ...]:
        """The names of the model folders on a node, in their order."""
        return tuple(f"{number}-{root.name}" for number, root in enumerate(self._roots()))

    def of(self, request: ResolvedRequest) -> tuple[NodeFile, ...]:
        """Return all that a job needs, hashed. Raises `CheckpointError` for a file that cannot be read."""
        text = request.model_dump_json()
        found = {file.place: file for model in self._models(text.casefold()) for file in self._of_model(model)}
        pictures = {file.place: file for image_id in dict.fromkeys(_ID.findall(text)) for file in self._of_picture(image_id)}
        return (*found.values(), *pictures.values())

    def _models(self, text: str) -> Iterator[ModelFile]:
        """Models that the request may mean, and the parts that their checkpoint lacks: rather one too many than one too few."""
        named = [model for model in self._library.all_models if not model.error and _is_named(model, text)]
        lacking = {part for model in named for part in model.lacks}
        for model in self._library.all_models:
            if model in named or model.kind == _ALWAYS or (lacking and model.kind in _PARTS and not model.error):
                yield model

    def _of_model(self, model: ModelFile) -> Iterator[NodeFile]:
        root = next((number for number, root in enumerate(self._roots()) if model.path.is_relative_to(root)), None)
        if root is None:
            return
        for path in _parts(model):
            below = path.relative_to(self._roots()[root]).as_posix()
            known = self._library.sha256(model) if path == model.path and path.name != INDEX else hashed(path, identity_of(path))
            yield NodeFile(path=path, place=f"models/{self.folders[root]}/{below}", size=path.stat().st_size, sha256=known)

    def _of_picture(self, image_id: str) -> Iterator[NodeFile]:
        try:
            path = self._picture(image_id)
        except NotFound:
            return
        place = f"data/uploads/{image_id[:2]}/{image_id}{path.suffix}"
        yield NodeFile(path=path, place=place, size=path.stat().st_size, sha256=image_id)


def _is_named(model: ModelFile, text: str) -> bool:
    return any(name and name.casefold() in text for name in (model.name, model.short_name, model.alias))


def _parts(model: ModelFile) -> list[Path]:
    """A model's own files: all of a folder, or the file and what lies beside it under its name."""
    if model.path.name == INDEX:
        return sorted(path for path in model.path.parent.rglob("*") if path.is_file() and not path.name.startswith("."))
    stem = f"{model.path.stem}."
    beside = [path for path in model.path.parent.iterdir() if path.name.startswith(stem) and path != model.path and path.is_file()]
    return [model.path, *sorted(path for path in beside if path.stat().st_size <= SMALL)]


@lru_cache(4096)
def hashed(path: Path, identity: FileIdentity) -> str:
    """A file's sha256, computed once for each content. Raises `CheckpointError`."""
    if path.name != INDEX:
        return hash_file(path, identity).sha256
    import hashlib

    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}.") from None
