"""What the sites have: an address, a search, a header, a picture of a card. Offline nothing is asked of anybody."""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable

from webui.core.family import Header
from webui.downloads.offers import Offer, Source, parse_source
from webui.downloads.peek import peek
from webui.downloads.search import Found, Search, search
from webui.downloads.sites import Sites, sites_of
from webui.errors import Forbidden, NotFound
from webui.settings import Settings

_MOST_PICTURES = 500
_LARGEST = 8 * 2**20


class Catalogue:
    """Asks the sites that the current `settings` name. A picture is fetched only by the key of an offer that was given out before."""

    def __init__(self, settings: Callable[[], Settings]) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._pictures: OrderedDict[str, tuple[Source, str]] = OrderedDict()

    def check_online(self) -> None:
        """Raises `Forbidden` when nothing may be fetched."""
        if self._settings().offline:
            raise Forbidden("Darkroom is offline: nothing is fetched. Start it without --offline, or switch that off in Settings.")

    def sites(self) -> Sites:
        """The sites, with their tokens."""
        return sites_of(self._settings())

    def source(self, text: str) -> Source:
        """What was written or copied from the browser. Raises `RequestError`."""
        sites = self.sites()
        return parse_source(text, sites.hf, sites.civitai)

    def look(self, text: str) -> Offer:
        """What a site offers at an address. Raises `RequestError`, `FetchError`, `Forbidden`."""
        self.check_online()
        offer = self.sites().offer(self.source(text))
        self._remember([offer])
        return offer

    def search(self, wish: Search) -> Found:
        """Offers of a site by words. Raises `RequestError`, `FetchError`, `Forbidden`."""
        self.check_online()
        found = search(self.sites(), wish)
        self._remember(found.offers)
        return found

    def header(self, offer: Offer) -> Header | None:
        """The header of an offer's file, by its first bytes; None where there is none. Raises `FetchError`, `Forbidden`."""
        self.check_online()
        if len(offer.files) != 1:
            return None
        egress = self.sites().egress(offer.source)
        try:
            return peek(egress, offer.files[0])
        finally:
            egress.close()

    def picture(self, key: str) -> bytes:
        """An offer's picture as its site sends it. Raises `NotFound`, `FetchError`, `Forbidden`."""
        with self._lock:
            known = self._pictures.get(key)
        if known is None:
            raise NotFound("There is no such picture any more. Search again.")
        self.check_online()
        egress = self.sites().egress(known[0])
        try:
            return egress.small(known[1], _LARGEST)
        finally:
            egress.close()

    def _remember(self, offers: Iterable[Offer]) -> None:
        with self._lock:
            for offer in offers:
                if offer.preview:
                    self._pictures[picture_key(offer)] = (offer.source, offer.preview)
            while len(self._pictures) > _MOST_PICTURES:
                self._pictures.popitem(last=False)


def picture_key(offer: Offer) -> str:
    """What an offer's picture is asked for by; "" where it has none."""
    return hashlib.sha256(offer.preview.encode("utf-8", "surrogatepass")).hexdigest()[:16] if offer.preview else ""
