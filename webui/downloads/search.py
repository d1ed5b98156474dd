"""Searching Hugging Face and Civitai by their own APIs: each model that is found is an offer, known before it is fetched."""

import contextlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from webui.core.request import FrozenModel
from webui.downloads.net import Egress, FetchError
from webui.downloads.offers import Offer, Source
from webui.downloads.sites import Sites, hf_address, hf_offer, version_offer
from webui.errors import RequestError

SITES = ("hf", "civitai")
AT_ONCE, HF_PAGE, CIVITAI_PAGE = 6, 12, 20
_CIVITAI_TYPES = {
    "checkpoint": ("Checkpoint",),
    "lora": ("LORA", "LoCon", "DoRA"),
    "embedding": ("TextualInversion",),
    "hypernetwork": ("Hypernetwork",),
    "controlnet": ("Controlnet",),
    "upscaler": ("Upscaler",),
    "vae": ("VAE",),
}
_HF_FILTERS = {"checkpoint": "text-to-image", "lora": "lora"}


class Search(FrozenModel):
    """What is looked for at a site. `kind` narrows it where the site can; `cursor` is a page's `next`."""

    site: Literal["hf", "civitai"] = "civitai"
    q: str = ""
    kind: str = ""
    cursor: str = ""


class Found(FrozenModel):
    """A page of offers, the next page's cursor ("" at the end), and the host that was asked."""

    offers: tuple[Offer, ...] = ()
    next: str = ""
    asked: str = ""


def search(sites: Sites, wish: Search) -> Found:
    """Ask a site. Raises `FetchError`, `RequestError`."""
    if len(wish.q) > 200 or len(wish.cursor) > 2000:
        raise RequestError("q", "That is longer than a search may be. Write a few words.")
    source = Source(site=wish.site, model="")
    egress = sites.egress(source)
    try:
        return _at_hf(egress, sites.hf.rstrip("/"), wish) if wish.site == "hf" else _at_civitai(egress, sites.civitai.rstrip("/"), wish)
    finally:
        egress.close()


def _at_hf(egress: Egress, home: str, wish: Search) -> Found:
    """The list has no sizes, so that each repository is asked for, several at once."""
    words = {"search": wish.q, "filter": _HF_FILTERS.get(wish.kind, ""), "sort": "downloads", "direction": "-1", "cursor": wish.cursor}
    query = urlencode({"limit": HF_PAGE, **{name: value for name, value in words.items() if value}})
    body, after = egress.page(f"{home}/api/models?{query}")
    if not isinstance(body, list):
        raise FetchError("Hugging Face did not answer a search as it should.")
    names = [str(entry["id"]) for entry in body if isinstance(entry, dict) and _is_repository(entry.get("id"))]
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="search") as pool:
        asked = [pool.submit(_repository, egress, home, name) for name in names[:HF_PAGE]]
    offers = []
    for each in asked:
        with contextlib.suppress(RequestError, FetchError):  # without weights, or not for us
            offers.append(each.result())
    cursor = next(iter(parse_qs(urlsplit(after).query).get("cursor", [])), "")
    return Found(offers=tuple(offers), next=cursor, asked=urlsplit(home).hostname or "")


def _is_repository(name: object) -> bool:
    return isinstance(name, str) and name.count("/") == 1 and name.isprintable() and len(name) < 200


def _repository(egress: Egress, home: str, name: str) -> Offer:
    source = Source(site="hf", model=name)
    return hf_offer(egress.json(hf_address(home, source)), source, home)


def _at_civitai(egress: Egress, home: str, wish: Search) -> Found:
    words = [("query", wish.q), ("cursor", wish.cursor), *(("types", kind) for kind in _CIVITAI_TYPES.get(wish.kind, ()))]
    query = urlencode([("limit", CIVITAI_PAGE), *((name, value) for name, value in words if value)], quote_via=quote)
    body = egress.json(f"{home}/api/v1/models?{query}")
    items = body.get("items") if isinstance(body, dict) else None
    if not isinstance(items, list):
        raise FetchError("Civitai did not answer a search as it should.")
    after = body.get("metadata") if isinstance(body, dict) else None
    cursor = after.get("nextCursor") if isinstance(after, dict) else None
    return Found(
        offers=tuple(_versions(items, home)),
        next=str(cursor)[:2000] if isinstance(cursor, str | int) else "",
        asked=urlsplit(home).hostname or "",
    )


def _versions(items: list[Any], home: str) -> Iterator[Offer]:
    """The newest version of each model that has files which are read."""
    for item in items:
        versions = item.get("modelVersions") if isinstance(item, dict) else None
        newest = versions[0] if isinstance(versions, list) and versions else None
        if isinstance(newest, dict) and isinstance(newest.get("id"), int):
            with contextlib.suppress(RequestError, FetchError):
                source = Source(site="civitai", model=str(newest["id"]))
                yield version_offer({"modelId": item.get("id"), **newest, "model": item}, source, home)
