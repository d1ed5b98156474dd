"""What is kept of a model, written beside it as other programs read it: `NAME.json` as A1111 does, `NAME.txt` with the trigger words."""

import contextlib
import json
import os
from pathlib import Path
from typing import Any

from webui.collection.cards import Card
from webui.core.foreign import INDEX, FileError, named_path, read_foreign, read_whole
from webui.errors import Conflict, StorageError
from webui.library import ModelFile
from webui.library.beside import MOST_BYTES, OWN

_BASES = {"sd1": "SD1", "sd2": "SD2", "sdxl": "SDXL", "sdxl-refiner": "SDXL"}
"""What A1111 calls the base models."""


def export(model: ModelFile, card: Card) -> tuple[Path, ...]:
    """Write the files, and give those that were written. What others wrote in them stays, and a text that is there is not replaced.

    Raises `Conflict` for a file that is no such description, `StorageError` where it cannot be written.
    """
    place = named_path(model.path)
    stem = place.name if model.path.name == INDEX else place.stem
    described, words = place.with_name(f"{stem}.json"), place.with_name(f"{stem}.txt")
    _write(described, json.dumps({**_there(described), **told(card)}, ensure_ascii=False, indent=4))
    if not card.triggers or words.exists():
        return (described,)
    _write(words, ", ".join(card.triggers))
    return described, words


def told(card: Card) -> dict[str, Any]:
    """A1111's fields, and ours under a name of their own."""
    kept = card.kept
    fields = {
        "description": card.description,
        "sd version": _BASES.get(card.family, ""),
        "activation text": ", ".join(card.triggers),
        "preferred weight": kept.weight if kept.weight is not None else "",
        "notes": kept.notes,
        "tags": list(card.tags),
    }
    own = {"favourite": kept.favourite, "tags": list(kept.tags), "trigger": kept.trigger, "weight": kept.weight, "defaults": kept.defaults}
    return {**{name: value for name, value in fields.items() if value not in ("", [])}, OWN: own}


def _there(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    data = read_foreign(path, lambda path: read_whole(path, MOST_BYTES))
    with contextlib.suppress(ValueError, RecursionError):
        content = json.loads(b"" if isinstance(data, FileError) else data)
        if isinstance(content, dict):
            return content
    raise Conflict(f"{path} is there and is no description of a model. Move it away, then export again.")


def _write(path: Path, text: str) -> None:
    """All of it or nothing."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_text(text, encoding="utf-8", errors="replace")
        part.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise StorageError(f"{path} cannot be written: {error.strerror}. Give yourself that right, then export again.") from None
