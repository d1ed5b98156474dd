"""A picture again from what it says of itself."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from webui.core.request import GenerationRequest
from webui.errors import RequestError
from webui.images.metadata import read_metadata


def replay_request(picture: Path, overrides: Mapping[str, Any], tell: Callable[[str], None] = lambda line: None) -> GenerationRequest:
    """The request that makes `picture` again; `overrides` are request fields that win (nested ones field by field).

    `tell` hears each line of the metadata that no field has a place for.
    Raises `RequestError` when the picture says nothing, or when it was made from another picture that is not given.
    """
    reading = read_metadata(picture)
    if reading is None:
        raise RequestError("from", f"{picture.name} does not say how it was made: it has no metadata that we know.")
    for line in reading.unmapped:
        tell(line)
    return reading.request(_merged(reading.fields, overrides))


def _merged(fields: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: {**fields[key], **value} if isinstance(value, dict) and isinstance(fields.get(key), dict) else value
        for key, value in overrides.items()
    }
