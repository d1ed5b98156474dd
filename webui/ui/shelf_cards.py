"""What the shelf and the prompt's completions show of the models: a short card of each, so that thousands are one small answer."""

from pathlib import Path

from webui.collection.cards import Entry
from webui.services import Services
from webui.ui.bodies import ShelfCard

LONGEST_NOTES = 500
MOST_TRIGGERS = 12


def shelf_cards(services: Services) -> list[ShelfCard]:
    """A card of every model, by name."""
    return [_card(each) for each in services.collection.entries()]


def _card(found: Entry) -> ShelfCard:
    card = found.card
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
    )


def _stamp(preview: Path | None) -> str:
    """Another text for another picture: browsers keep what they have fetched. "" where there is none."""
    if preview is None:
        return ""
    try:
        return f"{preview.stat().st_mtime_ns:x}"
    except OSError:
        return ""
