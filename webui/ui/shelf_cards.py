"""What the shelf and the prompt's completions show of the models: a short card of each, so that thousands are one small answer."""

from collections.abc import Mapping
from pathlib import Path

from webui.collection.cards import Entry
from webui.services import Services
from webui.ui.bodies import ShelfCard

LONGEST_NOTES = 500
MOST_TRIGGERS = 12


def shelf_cards(services: Services, owner: str) -> list[ShelfCard]:
    """A card of every model, by name; with when its owner last used it."""
    used = services.collection.last_used(owner)
    return [_card(each, used) for each in services.collection.entries()]


def _card(found: Entry, used: Mapping[str, float]) -> ShelfCard:
    card = found.card
    names = (card.name, found.model.short_name, found.model.alias)
    return ShelfCard(
        id=card.id,
        kind=card.kind,
        name=card.name,
        alias=found.model.alias,
        title=card.title,
        family=card.family,
        family_title=card.family_title,
        size=card.size,
        added=int(card.modified.timestamp()),
        preview=_stamp(found.beside.preview),
        triggers=card.triggers[:MOST_TRIGGERS],
        notes=card.kept.notes[:LONGEST_NOTES],
        favourite=card.kept.favourite,
        weight=card.kept.weight,
        error=card.error,
        used=int(max(used.get(name, 0.0) for name in names)),
    )


def _stamp(preview: Path | None) -> str:
    """Another text for another picture: browsers keep what they have fetched. "" where there is none."""
    if preview is None:
        return ""
    try:
        return f"{preview.stat().st_mtime_ns:x}"
    except OSError:
        return ""
