"""What other programs write into pictures, one file each: text or JSON in, request fields out; `metadata` checks them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Chunks = Mapping[str, str]
"""A picture's texts by their keys, whatever its format."""


@dataclass(frozen=True)
class ParsedMetadata:
    """What a dialect understood: the program, request fields, and in words what it could not place.

    `embeddings` are names in the prompts that the text says are files.
    """

    source: str
    fields: dict[str, Any]
    unmapped: tuple[str, ...] = ()
    mode: Literal["txt2img", "img2img", "inpaint"] = "txt2img"
    defaults: dict[str, Any] = field(default_factory=dict)
    embeddings: tuple[str, ...] = ()


Dialect = Callable[[Chunks], ParsedMetadata | None]
"""Gives None when the texts are not its own."""


def short(line: str, most: int = 200) -> str:
    """A line short enough to be listed."""
    return line if len(line) <= most else f"{line[: most - 1]}…"
