"""`/api/v1/images` and `/api/v1/collections`: pictures found by a query, marked, binned and put together, many at once."""

import hashlib
import zlib
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, NamedTuple

from fastapi import Depends, Path, Query, Request, Response
from fastapi.responses import StreamingResponse

from webui.api.bodies import ImageList
from webui.api.deeds import Deed, Done
from webui.api.errors import ANYWHERE, responses
from webui.api.identity import Viewer
from webui.api.native import Api, Who
from webui.api.printed import PrintedRoute, plain_json
from webui.api.router import Router
from webui.api.schema import answer
from webui.api.shapes import image_body
from webui.api.wishes import Wish
from webui.core.request import FrozenModel
from webui.errors import RequestError
from webui.gallery.archive import archive
from webui.gallery.index import IndexedImage
from webui.gallery.marks import MOST_AT_ONCE, Changed, Changes, Collection
from webui.gallery.query import MAX_QUERY, MAX_TERMS, ImageQuery, Term, parse_query
from webui.gallery.sheet import Month, Nearest, Place, Session, Sort, Suggestion, Wanted
from webui.services import Services

router = Router(route_class=PrintedRoute, prefix="/api/v1", tags=["Darkroom"], responses=responses(*ANYWHERE))
Line = Annotated[str, Query(max_length=MAX_QUERY, description="Words and fields; see docs/gallery.md.")]
Number = Annotated[int, Path(ge=0, le=10**15)]
Numbers = Annotated[str, Query(max_length=4_000, pattern=r"^\d{1,15}(,\d{1,15})*$", description="Numbers with commas, at most 200.")]
MOST_NUMBERS = 200


class Selection(FrozenModel):
    """Pictures: by their ids, or all that a query finds but for those with the ids in `without`."""

    ids: tuple[str, ...] | None = None
    q: str | None = None
    place: Place = "pictures"
    without: tuple[str, ...] = ()


class SelectionChanges(Selection, Changes):
    """What is to become of some pictures."""


class CollectionName(Wish):
    """A collection's name, and the query that fills it; without one it is filled by hand."""

    name: str
    query: str = ""


class Sessions(FrozenModel):
    """Sessions, as far as something of them is there."""

    sessions: tuple[Session, ...]


class Months(FrozenModel):
    """The months of pictures, newest first."""

    months: tuple[Month, ...]


class Suggestions(FrozenModel):
    """What the last part of a query may become."""

    suggestions: tuple[Suggestion, ...]


class Counts(FrozenModel):
    """How many pictures the places of the gallery have, and for a query without any, which part of it is in the way."""

    total: int
    nearest: Nearest | None = None


class Collections(FrozenModel):
    """Your collections, by name."""

    collections: tuple[Collection, ...]


class Asked(NamedTuple):
    """What a caller asks for, as it is written."""

    q: str
    sort: Sort = "newest"
    place: Place = "pictures"
    search: str = ""


async def asked(q: Line = "", sort: Sort = "newest", place: Place = "pictures", search: str = "") -> Asked:
    """What a caller asks for in the address."""
    return Asked(q, sort, place, search)


Look = Annotated[Asked, Depends(asked)]


def wanted_of(api: Services, who: Viewer, look: Asked) -> Wanted:
    """What a caller asks for. A saved search is what it finds. Raises `RequestError`."""
    words = tuple(Term(key="word", text=word, source=f'"{word}"') for word in look.search.split()[:MAX_TERMS])
    query = _opened(api, who, parse_query(look.q), words)
    return Wanted(owner=None if who.admin else who.name, query=query, sort=look.sort, place=look.place)


def _opened(api: Services, who: Viewer, query: ImageQuery, words: tuple[Term, ...]) -> ImageQuery:
    saved = {each.name.lower(): each.query for each in api.gallery.marks.collections(who.name) if each.query} if _names(query) else {}
    terms: list[Term] = []
    for term in query.terms:
        inside = saved.get(term.text.lower()) if term.key == "collection" and not term.negated else None
        terms += [each for each in parse_query(inside).terms if each.key != "collection"] if inside else [term]
    return ImageQuery(terms=(*terms, *words))


def _names(query: ImageQuery) -> bool:
    return any(term.key == "collection" for term in query.terms)


@router.get("/images", openapi_extra=answer(ImageList))
def list_images(api: Api, who: Who, look: Look, after: str = "", limit: Annotated[int, Query(ge=1, le=200)] = 30) -> Response:
    """Your pictures, in this order, after the one with the id `after`; `search` looks for words in prompts, `q` is a query."""
    api.gallery.look_again()
    wanted = wanted_of(api, who, look)
    found = api.gallery.sheet.find(wanted, after, limit)
    return plain_json({"images": _bodies(found, who), "total": api.gallery.sheet.total(wanted)})


@router.get("/images/numbered", openapi_extra=answer(ImageList))
def numbered(api: Api, who: Who, numbers: Numbers) -> Response:
    """Your pictures with these numbers, in their order; those that are not there are left out."""
    chosen = [int(number) for number in numbers.split(",")][:MOST_NUMBERS]
    found = api.gallery.sheet.numbered(None if who.admin else who.name, chosen)
    return plain_json({"images": _bodies(found, who), "total": len(found)})


@router.get("/images/layout", response_class=Response)
def layout(request: Request, api: Api, who: Who, look: Look) -> Response:
    """Number, format and session of every picture that a query finds, in their order, in 7 bytes each; docs/gallery.md has the layout.

    Who has it already (`If-None-Match`) hears 304.
    """
    api.gallery.look_again()
    data = api.gallery.sheet.layout(wanted_of(api, who, look))
    tag = f'"{hashlib.sha256(data).hexdigest()[:32]}"'
    headers = {"Cache-Control": "private, no-cache", "ETag": tag, "Vary": "Accept-Encoding, Cookie"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    if "gzip" in request.headers.get("accept-encoding", ""):
        press = zlib.compressobj(1, wbits=31)
        data, headers["Content-Encoding"] = press.compress(data) + press.flush(), "gzip"
    return Response(data, media_type="application/octet-stream", headers=headers)


@router.get("/images/count")
def count(api: Api, who: Who, look: Look) -> Counts:
    """How many pictures a query finds, and if none, without which part of it there would be some."""
    wanted = wanted_of(api, who, look)
    total = api.gallery.sheet.total(wanted)
    return Counts(total=total, nearest=None if total else api.gallery.sheet.nearest(wanted))


@router.get("/images/months")
def months(api: Api, who: Who, look: Look) -> Months:
    """In which months the pictures that a query finds were made, newest first, and how many in each."""
    return Months(months=api.gallery.sheet.months(wanted_of(api, who, look)))


@router.get("/images/sessions")
def sessions(api: Api, who: Who, numbers: Numbers) -> Sessions:
    """What sessions are about: when, how many, which prompt, what changed among their pictures."""
    chosen = [int(number) for number in numbers.split(",")][:MOST_NUMBERS]
    return Sessions(sessions=tuple(api.gallery.sheet.sessions(None if who.admin else who.name, chosen)))


@router.get("/images/suggest")
def suggest(api: Api, who: Who, q: Line = "") -> Suggestions:
    """What the last part of a query may become."""
    return Suggestions(suggestions=tuple(api.gallery.sheet.suggest(None if who.admin else who.name, q)))


@router.patch("/images", responses=responses(404, 409))
def change_images(changes: SelectionChanges, api: Api, who: Who, done: Done) -> Changed:
    """Rate, flag, bin, restore, or put pictures into a collection, many at once; `undo` of the answer takes it back."""
    plain = Changes(**changes.model_dump(include=set(Changes.model_fields)))
    changed = api.gallery.marks.change(None if who.admin else who.name, _ids(api, who, changes), plain, keeper=who.name)
    if changes.trashed is not None:
        _note(done, _of_others(api, who, changed.ids), "moved {} to the bin" if changes.trashed else "restored {} from the bin")
    return changed


@router.post("/images/undo/{token}", responses=responses(404))
def undo(token: str, api: Api, who: Who) -> Changed:
    """Take a change of many pictures back: within ten minutes, once."""
    return api.gallery.marks.undo(None if who.admin else who.name, token)


@router.post("/images/purge")
def purge(chosen: Selection, api: Api, who: Who, done: Done) -> Changed:
    """Delete pictures of the bin for good; those that do not lie there are left alone."""
    ids = _ids(api, who, chosen.model_copy(update={"place": "bin"}))
    before = _of_others(api, who, ids)
    gone = api.gallery.purge(None if who.admin else who.name, ids)
    _note(done, before - _of_others(api, who, ids), "deleted {} for good")
    return gone


def _of_others(api: Services, who: Viewer, ids: Sequence[str]) -> int:
    return api.gallery.sheet.count_of_others(who.name, ids) if who.admin else 0


def _note(done: Deed, count: int, did: str) -> None:
    """Say what was done to pictures of others, if it was."""
    if count:
        done.say(did.format("a picture of somebody else's" if count == 1 else f"{count:,} pictures of others"))


@router.post("/images/zip", response_class=StreamingResponse)
def zipped(chosen: Selection, api: Api, who: Who) -> StreamingResponse:
    """Pictures as one ZIP archive, as they are, not compressed further."""
    ids = _ids(api, who, chosen)
    records = api.gallery.sheet.records(None if who.admin else who.name, ids)
    files = ((record, api.gallery.store) for record in records)
    headers = {"Content-Disposition": 'attachment; filename="pictures.zip"', "Cache-Control": "no-store"}
    stream: Iterator[bytes] = archive(files)
    return StreamingResponse(stream, media_type="application/zip", headers=headers)


@router.get("/collections")
def list_collections(api: Api, who: Who) -> Collections:
    """Your collections."""
    return _collections(api, who)


@router.post("/collections", status_code=201, responses=responses(409))
def save_query(wish: CollectionName, api: Api, who: Who) -> Collections:
    """Make a collection; with a query, one that always holds what the query finds."""
    parse_query(wish.query)
    api.gallery.marks.save_query(who.name, wish.name, wish.query)
    return _collections(api, who)


@router.patch("/collections/{number}", responses=responses(404, 409))
def rename_collection(number: Number, wish: CollectionName, api: Api, who: Who) -> Collections:
    """Call a collection otherwise."""
    api.gallery.marks.name_collection(who.name, number, wish.name)
    return _collections(api, who)


@router.delete("/collections/{number}", responses=responses(404))
def remove_collection(number: Number, api: Api, who: Who) -> Collections:
    """Forget a collection; its pictures stay."""
    api.gallery.marks.remove_collection(who.name, number)
    return _collections(api, who)


def _collections(api: Services, who: Viewer) -> Collections:
    return Collections(collections=tuple(api.gallery.marks.collections(who.name)))


def _bodies(found: list[IndexedImage], who: Viewer) -> list[dict[str, Any]]:
    return [image_body(item.record, who, item.request, item.marks) for item in found]


def _ids(api: Services, who: Viewer, chosen: Selection) -> list[str]:
    if (chosen.ids is None) == (chosen.q is None):
        raise RequestError("ids", "Give either ids or q.")
    for name, named in (("ids", chosen.ids or ()), ("without", chosen.without)):
        if len(named) > MOST_AT_ONCE:
            raise RequestError(name, f"At most {MOST_AT_ONCE:,} pictures are named at once.")
    without = set(chosen.without)
    found = chosen.ids if chosen.ids is not None else api.gallery.sheet.ids(wanted_of(api, who, Asked(chosen.q or "", place=chosen.place)))
    return [each for each in found if each not in without]
