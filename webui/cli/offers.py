"""A model at a site in a few lines: what it is, its licence and size, and what it takes of this machine."""

from functools import lru_cache

from webui.collection.before import Wanted, expected
from webui.collection.fit import Room
from webui.core.family import Header
from webui.downloads.offers import Offer
from webui.errors import SettingsError
from webui.library import Library
from webui.settings import Settings


def card(offer: Offer, library: Library, settings: Settings, header: Header | None = None) -> str:
    """The lines. Where `header` is not known, the base model's name tells what the model takes."""
    kind = offer.kind or ("checkpoint" if offer.folder else "")
    wanted = Wanted(kind=kind, base=offer.base or offer.title, size=offer.size)
    known = expected(library.families, wanted, [_room(settings.devices[0])], header)
    about = ", ".join(part for part in (known.kind, offer.base, offer.licence, f"{offer.size / 1e6:.0f} MB" if offer.size else "") if part)
    files = ", ".join(file.path for file in offer.files)[:300]
    lines = (files, offer.needs, offer.page, *(fit.sentence for fit in known.fits))
    return "\n".join([f"  {offer.title} ({about})" if about else f"  {offer.title}", *(f"  {line}" for line in lines if line)])


@lru_cache
def _room(device: str) -> Room:
    """The device that would compute; one of unknown memory where torch cannot say."""
    try:
        from webui.devices.machine import choose, memory

        name = choose(device)
        return Room(device=name, dtype="float32" if name == "cpu" else "float16", memory=memory(name)[0])
    except (ImportError, SettingsError):
        return Room(device=device)
