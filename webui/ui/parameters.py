"""What a dropped picture or a pasted text says about how it was made: as text, as a table, and as values for the form."""

from collections.abc import Iterator, Mapping
from typing import Any

from webui.core.request import GenerationRequest
from webui.errors import RequestError
from webui.images.decode import look
from webui.images.metadata import ImageMetadata, read_metadata, read_parameters, why_unread
from webui.ui.bodies import FormParameters
from webui.ui.fields import label_of, to_values
from webui.ui.known import NameMatcher

FIELD = "parameters"


def from_image(data: bytes, known: NameMatcher) -> FormParameters:
    """Read a picture file. Raises `RequestError`: for `picture` when it is none, for `parameters` when it says nothing."""
    reading = read_metadata(data)
    why = "" if reading is not None else why_unread(data)
    if reading is None and not why:
        look(data, "picture")
    return _found(reading, known, f"This picture says nothing about how it was made. {why}".strip())


def from_text(text: str, known: NameMatcher) -> FormParameters:
    """Read a parameters text. Raises `RequestError` when it is none."""
    nothing = "This is not a parameters text. It ends with a line like: Steps: 20, Sampler: Euler, Seed: 1."
    return _found(read_parameters(text), known, nothing)


def _found(reading: ImageMetadata | None, known: NameMatcher, nothing: str) -> FormParameters:
    if reading is None:
        raise RequestError(FIELD, nothing)
    values = to_values(reading.fields) | ({} if reading.fields.get("hires") else {"hires.enabled": False})
    checkpoint = reading.fields.get("checkpoint")
    placed, missing = known.match(values, checkpoint if isinstance(checkpoint, str) else "", reading.embeddings)
    return FormParameters(
        text=reading.text,
        source=reading.source,
        mode=reading.mode,
        table=_told(reading.fields),
        values=placed,
        left_out=[*missing, *reading.unmapped],
    )


def _told(fields: Mapping[str, Any]) -> dict[str, str]:
    """The table: what differs from a request that says nothing."""
    plain = GenerationRequest().model_dump(mode="json")
    unused = {"init", "mask"} | (set() if fields.get("variation_strength") else {"variation_seed"})
    leaves = (leaf for leaf in _leaves(fields, plain) if leaf[0] not in unused)
    return {label_of(name): _plain(value) for name, value, default in leaves if value != default and value not in (None, "")}


def _plain(value: Any) -> str:
    """As people write it: 4 rather than 4.0, Yes rather than True."""
    if isinstance(value, list) and all(isinstance(step, Mapping) and "kind" in step for step in value):
        return ", ".join(str(step["name" if step["kind"] == "extension" else "kind"]).replace("_", " ") for step in value)
    if isinstance(value, bool):
        return "Yes" if value else "No"
    return f"{value:g}" if isinstance(value, float) and abs(value) < 1e6 else str(value)


def _leaves(fields: Mapping[str, Any], plain: Any, prefix: str = "") -> Iterator[tuple[str, Any, Any]]:
    for name, value in fields.items():
        default = plain.get(name) if isinstance(plain, Mapping) else None
        if isinstance(value, Mapping):
            yield from _leaves(value, default, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value, default
