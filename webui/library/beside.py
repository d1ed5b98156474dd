"""Files beside a model that tell more of it: previews, A1111's and Civitai's descriptions. Other programs and helpers write them.

For `fox.safetensors`: `fox.preview.png` or `fox.png` (jpg, webp …), `fox.civitai.info` and `fox.json` (A1111's own, or a helper's copy of
Civitai's answer), `fox.txt` with trigger words, `fox.md` with a description.
"""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import Field

from webui.core.foreign import FileError, named_path, read_foreign, read_whole, shortened
from webui.core.request import FrozenModel
from webui.library.plain_text import plain_text
from webui.library.said import LONGEST, LONGEST_TEXT, in_lines, words_of

IMAGES = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".avif")
_TOLD = (".civitai.info", ".metadata.json", ".cm-info.json", ".json")
_TEXTS = (".txt", ".md")
MOST_BYTES = 4 * 2**20
_MOST_WEIGHT = 10
OWN = "darkroom"
"""Where in `NAME.json` lies what only Darkroom knows."""


class Beside(FrozenModel):
    """What files beside a model say of it; `preview` is its picture. `origin` is the page that it comes from.

    `kept` is what another Darkroom has exported of what its user keeps; nobody has looked at its values.
    """

    preview: Path | None = None
    title: str = ""
    base: str = ""
    licence: str = ""
    description: str = ""
    notes: str = ""
    origin: str = ""
    triggers: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    weight: float | None = None
    kept: dict[str, Any] = Field(default_factory=dict)


class Lying(NamedTuple):
    """Files beside one model, with their sizes and times: as long as these are the same, so is what they say."""

    files: tuple[tuple[str, int, int], ...] = ()


class Surroundings:
    """The files that lie around models, each folder listed once."""

    def __init__(self) -> None:
        self._folders: dict[str, dict[str, list[tuple[str, int, int]]]] = {}

    def of(self, path: Path) -> Lying:
        """What lies beside a model's file, or beside the folder that is one."""
        place = named_path(path)
        name = os.path.dirname(place)
        folder = self._folders.get(name)
        if folder is None:
            folder = self._folders[name] = _listed(name)
        return Lying(tuple(folder.get(_stem(place, path), ())))


def read_beside(path: Path, lying: Lying) -> Beside:
    """Read what lies beside a model; what is broken or not what it should be is left out."""
    place = named_path(path)
    stem = _stem(place, path)
    names = {name.lower()[len(stem) :]: place.parent / name for name, _, _ in lying.files}
    preview = next((names[mark + end] for mark in (".preview", "") for end in IMAGES if mark + end in names), None)
    found = Beside(preview=preview)
    for end in _TOLD:
        if end in names:
            found = _joined(found, _told(_json(names[end])))
    for end in _TEXTS:
        if end in names and not (found.triggers if end == ".txt" else found.description):
            text = plain_text(_read(names[end]).decode("utf-8", "replace").strip())[:LONGEST_TEXT]
            short = {"triggers": words_of(text)} if len(text) < 2 * LONGEST else {}
            found = found.model_copy(update=short if end == ".txt" else {"description": in_lines(text, LONGEST_TEXT)})
    return found


def _listed(folder: str) -> dict[str, list[tuple[str, int, int]]]:
    """Files that may tell of a model, by the model's name in lower case."""
    found: dict[str, list[tuple[str, int, int]]] = {}
    ends = sorted((*(f".preview{end}" for end in IMAGES), *IMAGES, *_TOLD, *_TEXTS), key=len, reverse=True)
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return found
    for entry in sorted(entries, key=lambda entry: entry.name):
        name = entry.name.lower()
        if end := next((end for end in ends if name.endswith(end)), ""):
            try:
                status = entry.stat()
            except OSError:
                continue
            found.setdefault(name.removesuffix(end), []).append((entry.name, status.st_size, status.st_mtime_ns))
    return found


def _stem(place: Path, path: Path) -> str:
    return (place.stem if place == path else place.name).lower()


def _read(path: Path) -> bytes:
    data = read_foreign(path, lambda path: read_whole(path, MOST_BYTES))
    return b"" if isinstance(data, FileError) else data


def _json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(_read(path) or b"{}")
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def _told(content: dict[str, Any]) -> Beside:
    """A1111's user metadata, Civitai's answer for a version of a model, and what helpers make of it."""
    inner = next((value for name in ("civitai", "modelVersion") if isinstance(value := content.get(name), dict)), {})
    both = {**content, **inner}
    owner = both.get("model") if isinstance(both.get("model"), dict) else {}
    number = both.get("modelId")
    origin = f"https://civitai.com/models/{number}" if isinstance(number, int) and 0 < number < 2**53 else ""
    title = " ".join(part for part in (_text(_get(owner, "name")), _text(both.get("name"))) if part)
    licence = permissions(owner if isinstance(owner, dict) else {}) or _text(both.get("license"))
    return Beside(
        title=title,
        base=_text(both.get("baseModel") or both.get("base_model") or both.get("sd version")),
        licence=licence,
        description=_plain(both.get("description")) or _plain(_get(owner, "description")),
        notes=_text(both.get("notes"), LONGEST_TEXT),
        origin=origin,
        triggers=words_of(both.get("trainedWords") or both.get("activation text") or []),
        tags=words_of(_get(owner, "tags") or both.get("tags") or []),
        weight=_weight(both.get("preferred weight")),
        kept=content[OWN] if isinstance(content.get(OWN), dict) else {},
    )


def _get(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None


def permissions(model: dict[str, Any]) -> str:
    """What Civitai's description of a model allows, in words; "" where it does not say."""
    allowed = model.get("allowCommercialUse")
    if allowed is None:
        return ""
    uses = [str(use) for use in (allowed if isinstance(allowed, list) else [allowed])][:8]
    selling = "no commercial use" if not uses or uses == ["None"] else f"commercial use: {', '.join(uses)}"
    credit = "" if model.get("allowNoCredit", True) else ", credit the maker"
    return shortened(f"Civitai, {selling}{credit}", LONGEST)


def _weight(value: Any) -> float | None:
    """A1111's weight to begin with: it writes 0 where none was chosen."""
    try:
        number = float(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else 0.0
    except (ValueError, OverflowError):
        return None
    return number if number and abs(number) <= _MOST_WEIGHT else None


def _text(value: Any, most: int = LONGEST) -> str:
    return in_lines(value, most) if isinstance(value, str) else ""


def _plain(value: Any) -> str:
    """A description, which Civitai writes in HTML."""
    return in_lines(plain_text(value), LONGEST_TEXT) if isinstance(value, str) else ""


def _joined(first: Beside, second: Beside) -> Beside:
    """The first one's words, and the second's where it has none."""
    values: Iterable[tuple[str, Any]] = ((name, getattr(first, name) or getattr(second, name)) for name in Beside.model_fields)
    return Beside(**dict(values))
