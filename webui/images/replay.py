"""A picture again from what it says of itself."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from webui.core.request import GenerationRequest
from webui.errors import RequestError
from webui.images.metadata import read_metadata, why_unread

Place = Callable[[Mapping[str, Any], tuple[str, ...]], tuple[dict[str, Any], list[str]]]
"""Gives request fields with names as they are here, and a line for each that is not, also of embeddings (`NameMatcher.match_fields`)."""


def replay_request(
    image: Path, overrides: Mapping[str, Any], tell: Callable[[str], None] = lambda line: None, place: Place | None = None
) -> GenerationRequest:
    """The request that makes `picture` again; `overrides` are request fields that win (nested ones field by field).

    `tell` hears each line about what is left out: what no field has a place for, and names that `place` does not find.
    Raises `RequestError` when the picture says nothing, or when it was made from another picture that is not given.
    """
    reading = read_metadata(image)
    if reading is None:
        raise RequestError(
            "from", f"{image.name} does not say how it was made: it has no metadata that we know. {why_unread(image)}".strip()
        )
    missing: list[str] = []
    if place is not None:
        kept = {name: value for name, value in reading.fields.items() if name not in overrides or isinstance(value, dict)}
        placed, missing = place(kept, reading.embeddings)
        reading = replace(reading, fields=placed)
    for line in (*missing, *reading.unmapped):
        tell(line)
    return reading.request(_merged(reading.fields, overrides))


def _merged(fields: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: {**fields[key], **value} if isinstance(value, dict) and isinstance(fields.get(key), dict) else value
        for key, value in overrides.items()
    }
