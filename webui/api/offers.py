"""What there is to be had over HTTP: a first dozen, a search at the sites, what one address offers. For who runs this Darkroom."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import Query
from fastapi.responses import Response

from webui.api.errors import ANYWHERE, responses
from webui.api.identity import Viewer
from webui.api.models import rooms, small_jpeg
from webui.api.native import IMMUTABLE, Api, Who
from webui.api.printed import PrintedRoute
from webui.api.router import Router
from webui.collection.before import Expected, Wanted, expected
from webui.collection.fit import Room
from webui.core.family import Header
from webui.core.plain import check_plain
from webui.core.request import FrozenModel
from webui.downloads.catalogue import picture_key
from webui.downloads.offers import Offer
from webui.downloads.search import Search
from webui.downloads.starters import STARTERS
from webui.errors import WebUIError
from webui.images.decode import read_image
from webui.services import Services

router = Router(route_class=PrintedRoute, prefix="/api/v1/models", tags=["Models"], responses=responses(*ANYWHERE))
_A_CHECKPOINT = 10**9
"""Bytes from which a file of no named kind is likely a checkpoint."""
_RANKS = {"fits": 0, "offload": 1, "unknown": 1, "too large": 2, "not loaded": 3}


class Address(FrozenModel):
    """`source` is `hf:owner/repository[:file]`, `civitai:VERSION` or an address."""

    source: str


@router.get("/starters")
def starters(api: Api, who: Who) -> dict[str, Any]:
    """A dozen models to begin with, those that fit this machine first; asks no site."""
    there, all_starters = rooms(api), []
    for each in STARTERS:
        known = expected(api.library.families, Wanted(kind=each.kind, base=each.base, size=each.size), there)
        all_starters.append({**each.model_dump(mode="json"), "fits": _fits(known)})
    own = sum(1 for model in api.library.models("checkpoint") if not model.error)
    return {"starters": sorted(all_starters, key=_order(there)), "checkpoints": own}


@router.get("/search", responses=responses(502))
def search(api: Api, who: Who, wish: Annotated[Search, Query()]) -> dict[str, Any]:
    """Models at Hugging Face or Civitai, with licence, size and what each takes of this machine; `next` is the next page's cursor.

    Asks that site. `picture` is an address of this server, which fetches the picture only when it is asked for.
    """
    who.must_be_admin("search for models at other sites")
    check_plain(wish.model_dump())
    found = api.downloads.catalogue.search(wish)
    there = rooms(api)
    return {
        "site": wish.site,
        "asked": found.asked,
        "next": found.next,
        "results": [_card(offer, _expected(api, offer, there, wished=wish.kind), api, who) for offer in found.offers],
    }


@router.get("/search/pictures/{key}", responses=responses(404, 502))
def search_picture(key: str, api: Api, who: Who) -> Response:
    """The picture of a model that a search found or an address offered, as a small JPEG. Asks the site that has it."""
    who.must_be_admin("fetch pictures of models")
    image = read_image(api.downloads.catalogue.picture(key), "picture")
    return Response(small_jpeg(image, 384), media_type="image/jpeg", headers=IMMUTABLE)


@router.post("/offers", responses=responses(502))
def look(wanted: Address, api: Api, who: Who) -> dict[str, Any]:
    """What a site has for a source, before anything is fetched: files with sizes, licence, base model, what it takes of this machine.

    Asks that site, also for the first bytes of the file, which say what it is.
    """
    who.must_be_admin("fetch models")
    check_plain(wanted.model_dump())
    offer = api.downloads.catalogue.look(wanted.source)
    return _card(offer, _expected(api, offer, rooms(api), _header(api, offer)), api, who)


def _header(api: Services, offer: Offer) -> Header | None:
    """An offer's header, where the site gives it: it may ask for a token only here, which the download will say."""
    try:
        return api.downloads.catalogue.header(offer)
    except WebUIError:
        return None


def _expected(api: Services, offer: Offer, there: list[Room], header: Header | None = None, wished: str = "") -> Expected:
    """What an offer would be here; without a header a kind that the site does not name is the one searched for, or told by its size."""
    guessed = wished or ("checkpoint" if offer.size >= _A_CHECKPOINT else "")
    kind = offer.kind or ("checkpoint" if offer.folder else "" if header is not None else guessed)
    return expected(api.library.families, Wanted(kind=kind, base=offer.base or offer.title, size=offer.size), there, header)


def _card(offer: Offer, known: Expected, api: Services, who: Viewer) -> dict[str, Any]:
    """An offer's JSON. `have` is the id of a model that is here with the same content, as far as files are hashed."""
    key, digests = picture_key(offer), {file.sha256 for file in offer.files} - {""}
    have = next((each.card.id for each in api.collection.entries() if each.card.sha256 in digests), "") if digests else ""
    return {
        **offer.model_dump(mode="json", exclude={"card", "preview", "kind", "source"}),
        "source": _written(offer),
        "kind": known.kind,
        "family": known.family,
        "size": offer.size,
        "picture": f"{who.root}/api/v1/models/search/pictures/{key}" if key else None,
        "fits": _fits(known),
        "exact": known.exact,
        "have": have,
    }


def _written(offer: Offer) -> str:
    """What is asked for to get this."""
    source = offer.source
    if source.site == "address":
        return source.model
    revision = f"@{source.revision}" if source.site == "hf" and source.revision != "main" else ""
    return f"{source.site}:{source.model}{revision}" + (f":{source.file}" if source.file and source.site == "hf" else "")


def _fits(known: Expected) -> list[dict[str, Any]]:
    return [fit.model_dump() for fit in known.fits]


def _rank(fits: list[dict[str, Any]]) -> int:
    """How well something fits: on the device where it fits best."""
    return min((_RANKS[fit["outcome"]] for fit in fits), default=1)


def _order(there: list[Room]) -> Callable[[dict[str, Any]], tuple[int, bool, int]]:
    """Checkpoints that fit first. Where only the processor computes the small ones are: the large ones take minutes for a picture."""
    on_cpu = all(room.device == "cpu" for room in there)

    def key(starter: dict[str, Any]) -> tuple[int, bool, int]:
        is_checkpoint = starter["kind"] == "checkpoint"
        return _rank(starter["fits"]), not is_checkpoint, starter["size"] if on_cpu and is_checkpoint else 0

    return key
