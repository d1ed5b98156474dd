"""How a prompt asks for LoRAs: strengths, blocks, steps. Importing this loads no torch."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, Protocol, TypeVar

from webui.errors import RequestError
from webui.library import Library, ModelFile

TITLES = {"lora": "LoRA", "hypernetwork": "Hypernetwork"}


@dataclass(frozen=True)
class StepRange:
    """The sampler's steps at which a LoRA is on: from `start` on, gone at `stop`, the first being 1.

    So sd-webui-lora-block-weight counts them. A number between 0 and 1 is a part of the steps.
    """

    start: float = 0.0
    stop: float = math.inf

    @classmethod
    def read(cls, start: str, stop: str) -> "StepRange":
        """The range of `start=…` and `stop=…`, an empty text for either end. Raises ValueError where it is no number."""
        return cls(_step(start) if start else 0.0, _step(stop) if stop else math.inf)

    def includes(self, step: int, steps: int) -> bool:
        """Whether it is on at this step, the first being 1, of so many."""
        return _place(self.start, steps) <= step < _place(self.stop, steps)


ALWAYS = StepRange()


def _step(text: str) -> float:
    """1.0 is the whole, 1 is the first step."""
    value = float(text)
    if not 0 <= value < math.inf:
        raise ValueError(f"{text} is no step")
    return math.inf if value == 1 and "." in text else value


def _place(value: float, steps: int) -> float:
    """The number of a step; parts of the steps are rounded as that extension does."""
    if 0 < value < 1:
        return max(1, round(value * steps))
    return value if value == math.inf else int(value)


@dataclass(frozen=True)
class LoraUse:
    """`<lora:name:text:unet>` of a prompt. `blocks` are weights by block as they were typed (`block_weights`), `steps` when it is on.

    The steps count for the UNet alone: a prompt is encoded once, before the first of them.
    """

    name: str
    text: float = 1.0
    unet: float = 1.0
    blocks: str = ""
    steps: StepRange = ALWAYS


class NamedUse(Protocol):
    """What a tag asks for by name."""

    @property
    def name(self) -> str:
        """A file's name as it was typed."""


Use = TypeVar("Use", bound=NamedUse)


def find_files(
    uses: Iterable[Use], library: Library, kind: Literal["lora", "hypernetwork"]
) -> tuple[list[tuple[Use, ModelFile]], list[str]]:
    """Return the files meant, in the tags' order, and notes on those left out: not there, or broken."""
    found, notes = [], []
    for use in uses:
        try:
            file = library.find(kind, use.name)
            why = file.error
        except RequestError as error:
            why = error.message
        if why:
            notes.append(f"{TITLES[kind]} {use.name!r} was left out: {why}")
        else:
            found.append((use, file))
    return found, list(dict.fromkeys(notes))
