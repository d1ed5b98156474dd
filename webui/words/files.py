"""Wildcard files as other people made them: text, YAML and JSON, in whatever encoding, of whatever size."""

import codecs
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from webui.core.foreign import shown
from webui.core.names import printable
from webui.errors import RequestError

SUFFIXES = (".txt", ".yaml", ".yml", ".json")
MOST_BYTES = {".txt": 16 * 2**20, ".json": 8 * 2**20, ".yaml": 2 * 2**20, ".yml": 2 * 2**20}
MOST_VALUES = 1_000_000
MOST_WEIGHT = 10_000.0


class _Words(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Takes words as they are written: no, on, 2020-01-01. Of YAML's own ones `<<` is left."""

    yaml_implicit_resolvers = {"<": yaml.SafeLoader.yaml_implicit_resolvers["<"]}  # noqa: RUF012  (as the library has it)


class Value(NamedTuple):
    """One line of a wildcard, and how often it is chosen against the others."""

    text: str
    weight: float = 1.0


Lists = dict[str, tuple[Value, ...]]
"""Lists by their names in a file; "" is the file's own."""


def read_lists(path: Path) -> tuple[Lists, str]:
    """The lists in a file, and what is to be said of it. Raises `RequestError`, `OSError` and what parsers raise."""
    suffix, size = path.suffix.lower(), path.stat().st_size
    if size > MOST_BYTES[suffix]:
        most = MOST_BYTES[suffix] // 2**20
        raise RequestError("wildcards", f"{shown(path)} has {size // 2**20} MB; a {suffix} file of wildcards may have {most}. Split it.")
    text, said = _decoded(path.read_bytes())
    if suffix == ".txt":
        return {"": tuple(_lines(text))}, said
    data = json.loads(text) if suffix == ".json" else yaml.load(text, _Words)  # noqa: S506  (a safe loader, the quick one)
    found: Lists = {}
    odd: list[str] = []
    for name, values in _walk(data, path, odd):
        found[name] = (*found.get(name, ()), *values)
    if odd:
        said = f"{said} {len(odd)} of its entries are no words, or have no weight from 0 to {MOST_WEIGHT:,.0f}: {odd[0]} …".strip()
    return found, said


def _decoded(data: bytes) -> tuple[str, str]:
    """(text, what was wrong with it). What is no UTF-8 is taken for the encoding of Windows, which reads any byte."""
    wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        return data.decode("utf-16" if wide else "utf-8-sig"), ""
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace"), "It is no UTF-8 and was read as Windows-1252. Save it as UTF-8 if letters are wrong."


def _lines(text: str) -> Iterator[Value]:
    """Lines that are not empty and no comments."""
    for line in text.split("\n"):
        if (words := line.strip()) and not words.startswith("#"):
            yield Value(words)


def _walk(data: Any, path: Path, odd: list[str]) -> Iterator[tuple[str, tuple[Value, ...]]]:
    """Lists in what a file holds, by the keys that lead to them. YAML may repeat a part without end, so all is counted."""
    places: list[tuple[str, Any]] = [("", data)]
    seen = 0
    while places:
        name, inner = places.pop()
        seen += 1 + (len(inner) if isinstance(inner, dict | list) else 0)
        if seen > MOST_VALUES:
            raise RequestError("wildcards", f"{shown(path)} holds more than {MOST_VALUES} values. Split it.")
        if isinstance(inner, dict):
            places += [(f"{name}/{key}".lstrip("/"), each) for key, each in inner.items() if isinstance(key, str)]
        elif isinstance(inner, list | str) and (values := tuple(_values([inner] if isinstance(inner, str) else inner, odd))):
            yield name, values


def _values(entries: list[Any], odd: list[str]) -> Iterator[Value]:
    """Texts, texts with a weight in front (`2::red`), and `{text, weight}`; `odd` gets what is none of these, or weighs too much."""
    for entry in entries:
        weight: Any = 1
        if isinstance(entry, dict):
            text, weight = entry.get("text") or entry.get("content"), entry.get("weight", 1)
        elif isinstance(entry, str | int | float) and not isinstance(entry, bool):
            text, weight = _weighted(str(entry))
        else:
            text = None
        if isinstance(text, str) and not text.strip():
            continue
        number = _weight(weight)
        if not isinstance(text, str) or number is None:
            odd.append(printable(str(entry))[:60])
        if isinstance(text, str):
            yield Value(text, 1.0 if number is None else number)


def _weighted(entry: str) -> tuple[str, Any]:
    """(words, the weight in front of them)."""
    before, mark, text = entry.partition("::")
    return (text, before) if mark and before[:1].isdigit() and _is_number(before) else (entry, 1)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _weight(value: Any) -> float | None:
    """A weight; None for what is none, and for one that is too large."""
    try:
        number = None if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if number is not None and 0 <= number <= MOST_WEIGHT else None
