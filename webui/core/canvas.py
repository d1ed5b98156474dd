"""What a request says of its canvas beside one prompt: a second prompt to blend with, tiles, and regions with prompts of their own."""

import re
from decimal import Decimal
from typing import Literal

from pydantic import Field, field_validator

from webui.core.finish import PICTURE_ID, checked_id
from webui.core.frozen import FrozenModel
from webui.core.options import MAX_PROMPT, MAX_SIDE
from webui.errors import RequestError

MOST_AREAS = 16
_NUMBER = r"(\d{1,4}(?:\.\d{0,400})?|\.\d{1,400})"
_LINE = re.compile(rf"{_NUMBER}\s+{_NUMBER}\s+{_NUMBER}\s+{_NUMBER}(?:\s+x{_NUMBER})?(?:\s+mask=([0-9a-f]{{64}}))?\s*:(.*)")


class PromptBlend(FrozenModel):
    """A second prompt, and how far the conditioning has gone in a straight line from the prompt to it."""

    prompt: str = Field(
        "", max_length=MAX_PROMPT, title="Second prompt", description="Its LoRA tags have no effect: those of the prompt hold."
    )
    share: float = Field(0.5, ge=0, le=1, title="Share of the second prompt", description="0: the prompt alone, 1: the second one alone.")


class TileOptions(FrozenModel):
    """Tiled diffusion: at each step the network sees overlapping tiles of a large canvas, whose predictions become one."""

    method: Literal["multidiffusion", "mixture"] = Field(
        "multidiffusion",
        title="Method",
        description="Where tiles overlap: their mean (Bar-Tal et al. 2023), or weighed by a bell around each middle (Jiménez 2023).",
    )
    width: int = Field(0, ge=0, le=MAX_SIDE, title="Tile width", description="0: the checkpoint's.", json_schema_extra={"step": 8})
    height: int = Field(0, ge=0, le=MAX_SIDE, title="Tile height", description="0: the checkpoint's.", json_schema_extra={"step": 8})
    overlap: int = Field(
        64, ge=0, le=2048, title="Tile overlap", description="Pixels that neighbours share at least.", json_schema_extra={"step": 8}
    )


class Area(FrozenModel):
    """A part of the picture with a prompt of its own: a rectangle in shares of the sides; of a mask, what is white in it."""

    prompt: str = Field(max_length=MAX_PROMPT)
    x: float = Field(0.0, ge=0, le=1)
    y: float = Field(0.0, ge=0, le=1)
    width: float = Field(1.0, gt=0, le=1)
    height: float = Field(1.0, gt=0, le=1)
    weight: float = Field(1.0, gt=0, le=10)
    mask: str | None = Field(None, max_length=PICTURE_ID, description="A picture's id.")

    _content_hash = field_validator("mask")(checked_id)


class RegionOptions(FrozenModel):
    """Regional prompts: what each area's prompt makes counts where it lies, and the prompt's below and beside them."""

    areas: tuple[Area, ...] = Field(
        (),
        max_length=MOST_AREAS,
        title="Areas",
        description="One a line: left, top, width and height as shares of the sides, then its prompt.",
    )
    base: float = Field(0.2, ge=0, le=10, title="Weight of the prompt inside areas", description="An area's own weight is usually 1.")
    method: Literal["latent", "attention"] = Field(
        "latent",
        title="Method",
        description="latent couple: each prompt predicts the picture; attention couple: one prediction looks at all prompts.",
    )


def areas_text(areas: tuple[Area, ...]) -> str:
    """Areas as lines: `0 0 0.5 1: a red fox`, with `x0.8` for a weight and `mask=ID` for a mask before the colon. Numbers are exact."""
    return "\n".join(map(_line, areas))


def _line(area: Area) -> str:
    place = " ".join(_digits(number) for number in (area.x, area.y, area.width, area.height))
    weight = f" x{_digits(area.weight)}" if area.weight != 1 else ""
    mask = f" mask={area.mask}" if area.mask else ""
    return f"{place}{weight}{mask}: {' '.join(area.prompt.splitlines())}"


def _digits(number: float) -> str:
    """All of a number's digits, without an exponent."""
    return f"{Decimal(f'{number:g}' if float(f'{number:g}') == number else repr(number)):f}"


def read_areas(text: str) -> list[dict[str, object]]:
    """The inverse of `areas_text`, as plain data. Raises `RequestError` with the line that is none."""
    found: list[dict[str, object]] = []
    for line in filter(str.strip, text.splitlines()):
        match = _LINE.fullmatch(line.strip())
        if match is None:
            raise RequestError("regions.areas", f"{line.strip()[:60]!r} is no area. Write it as: 0 0 0.5 1: a red fox")
        x, y, width, height, weight, mask, prompt = match.groups()
        area = {"x": float(x), "y": float(y), "width": float(width), "height": float(height), "prompt": prompt.strip()}
        found.append({**area, "weight": float(weight or 1), "mask": mask})
    return found
