"""One model as the API and the page show it, and the search over all of them."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Literal, NamedTuple

from webui.collection.notes import Notes, with_beside
from webui.core.foreign import named_path
from webui.core.names import fold, printable
from webui.core.request import FrozenModel
from webui.errors import RequestError
from webui.library import Library, ModelFile
from webui.library.beside import Beside
from webui.library.hashes import Hashes

Sort = Literal["name", "-name", "added", "-added", "size", "-size", "kind", "-kind"]


class Card(FrozenModel):
    """A model with all that is known of it. `id` stays the same as long as the file stays where it is."""

    id: str
    kind: str
    name: str
    file: str
    title: str = ""
    family: str = "unknown"
    family_title: str = ""
    variant: str = ""
    base: str = ""
    size: int = 0
    dtype: str = ""
    network: str = ""
    modified: datetime
    author: str = ""
    licence: str = ""
    description: str = ""
    origin: str = ""
    trained: str = ""
    triggers: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    has_preview: bool = False
    note: str = ""
    error: str = ""
    supported: bool = True
    sha256: str = ""
    autov1: str = ""
    autov2: str = ""
    autov3: str = ""
    kept: Notes = Notes()


class Entry(NamedTuple):
    """A card with what it is found and sorted by."""

    card: Card
    model: ModelFile
    beside: Beside
    words: str
    key: str


class Wish(FrozenModel):
    """What is asked for; empty is everything. `q` are words that must all be in the name, title, tags, triggers, base or notes."""

    kind: str = ""
    family: str = ""
    base: str = ""
    tag: str = ""
    q: str = ""
    favourite: bool = False
    broken: bool | None = None
    sort: Sort = "name"


def identify(model: ModelFile) -> str:
    """A model's id: of its kind and place."""
    return hashlib.sha256(f"{model.kind}\0{model.path}".encode("utf-8", "surrogatepass")).hexdigest()[:16]


def entry(library: Library, model: ModelFile, beside: Beside, notes: Notes, hashes: Hashes) -> Entry:
    """Put together what is known of a model."""
    notes = with_beside(notes, beside)
    said, spec = library.said(model), library.families.get(model.family)
    family = model.family if model.family != "unknown" else said.family or "unknown"
    titled = library.families.get(family)
    card = Card(
        id=identify(model),
        kind=model.kind,
        name=model.name,
        file=printable(str(named_path(model.path))),
        title=beside.title or said.title or model.alias,
        family=family,
        family_title=titled.title if titled.title != titled.name or family != "unknown" else "",
        variant=model.variant,
        base=beside.base or said.base or (titled.title if family != "unknown" else ""),
        size=model.size,
        dtype=said.dtype,
        network=said.network,
        modified=datetime.fromtimestamp(model.identity.mtime_ns / 1e9, UTC),
        author=said.author,
        licence=beside.licence or said.licence,
        description=beside.description or said.description,
        origin=beside.origin,
        trained=said.trained,
        triggers=(notes.trigger,) if notes.trigger else beside.triggers or said.triggers,
        tags=tuple(dict.fromkeys((*notes.tags, *beside.tags, *said.tags))),
        has_preview=beside.preview is not None,
        note=model.note or _unsupported(library, model),
        error=model.error,
        supported=not model.error and (model.kind != "checkpoint" or bool(spec.loader)),
        kept=notes,
        sha256=hashes.sha256,
        autov1=hashes.autov1,
        autov2=hashes.autov2,
        autov3=hashes.autov3,
    )
    texts = (card.name, card.title, card.base, card.author, card.kept.notes, card.family_title, *card.triggers, *card.tags)
    return Entry(card, model, beside, "\n".join(fold(text) for text in texts), fold(card.name.rpartition("/")[2]))


def _unsupported(library: Library, model: ModelFile) -> str:
    """Why a checkpoint is loaded by no engine; nothing for others."""
    return "" if model.error or model.kind != "checkpoint" else library.families.refusal(model.family, model.variant, model.file_name)


def chosen(entries: Iterable[Entry], wish: Wish) -> list[Entry]:
    """Those that are wished, in the wished order."""
    words, base, tag = fold(wish.q).split(), fold(wish.base), fold(wish.tag)
    tests: list[tuple[object, Callable[[Entry], bool]]] = [
        (wish.kind, lambda each: each.card.kind == wish.kind),
        (wish.family, lambda each: each.card.family == wish.family),
        (base, lambda each: base in _folded(each.card.base)),
        (tag, lambda each: any(_folded(own) == tag for own in each.card.tags)),
        (wish.favourite, lambda each: each.card.kept.favourite),
        (wish.broken is not None, lambda each: bool(each.card.error) == wish.broken),
        (words, lambda each: all(word in each.words for word in words)),
    ]
    found = list(entries)
    for is_wished, fits in tests:
        found = [each for each in found if fits(each)] if is_wished else found
    return _sorted(found, wish.sort)


@lru_cache(maxsize=20_000)
def _folded(text: str) -> str:
    """Base models and tags are the same few in all cards."""
    return fold(text)


def _sorted(found: list[Entry], sort: Sort) -> list[Entry]:
    """In order; they come by name, and stay so where the rest is equal."""
    keys: dict[str, Callable[[Entry], Any]] = {
        "added": lambda each: each.model.identity.mtime_ns,
        "size": lambda each: each.model.size,
        "kind": lambda each: each.model.kind,
    }
    name = sort.lstrip("-")
    if name in keys:
        return sorted(found, key=keys[name], reverse=sort.startswith("-"))
    return found[::-1] if sort.startswith("-") else found


def page_of(found: Sequence[Entry], cursor: str, limit: int) -> tuple[list[Entry], str]:
    """A page after the model with the id `cursor`, and the next page's cursor ("" at the end). Raises `RequestError`."""
    start = 0
    if cursor:
        start = next((number + 1 for number, each in enumerate(found) if each.card.id == cursor), 0)
        if not start:
            raise RequestError("cursor", "The model that this page begins after is no longer in the list. Begin again without a cursor.")
    page = list(found[start : start + limit])
    return page, page[-1].card.id if page and start + limit < len(found) else ""
