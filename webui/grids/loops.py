"""Loopback as A1111's script has it: each picture is the start of the next one. An axis whose cells follow one another."""

import math
from typing import Any

from pydantic import Field, ValidationError

from webui.core.frozen import FrozenModel
from webui.core.grid import Axis, AxisWish
from webui.core.request import MAX_SEED, Fill, GenerationRequest, request_error_from
from webui.errors import RequestError
from webui.grids.values import words_of

CURVES = ("Aggressive", "Linear", "Lazy")
MOST_LOOPS = 1000
_HOW = "Write how many loops, then the last one's denoising strength and the curve, as in: 4, 0.5, Linear."


class Loop(FrozenModel):
    """One loop of several: which, and how strong the last one is (None: as all of them). Its denoising strength lies on the curve."""

    loop: int = Field(ge=1, le=MOST_LOOPS)
    loops: int = Field(ge=1, le=MOST_LOOPS)
    final: float | None = Field(None, ge=0, le=1)
    curve: str = "Linear"

    def strength(self, first: float) -> float:
        """The denoising strength of this loop, where the first one has `first`."""
        if self.final is None or self.loops == 1:
            return first
        done = (self.loop - 1) / (self.loops - 1)
        bend = {"Aggressive": math.sin(done * math.pi / 2), "Lazy": 1 - math.cos(done * math.pi / 2)}.get(self.curve, done)
        return round(first + (self.final - first) * bend, 6)


def read_loops(wish: AxisWish, fields: dict[str, Any]) -> list[Any]:
    """`4`, `4, 0.5` or `4, 0.5, Lazy`, or the same as a list. Raises `RequestError`."""
    parts = words_of(wish.values) if isinstance(wish.values, str) else [str(value) for value in wish.values]
    if not 1 <= len(parts) <= 3:
        raise RequestError("values", _HOW)
    count, final, curve = (*parts, "", "")[:3]
    named = next((each for each in CURVES if each.lower() == (curve or "Linear").lower()), None)
    if named is None:
        raise RequestError("values", f"{curve[:50]!r} is no curve. There are {', '.join(CURVES)}.")
    try:
        loops, last = int(count), float(final) if final else None
    except ValueError:
        raise RequestError("values", _HOW) from None
    if not 1 <= loops <= MOST_LOOPS or (last is not None and not 0 <= last <= 1):
        raise RequestError("values", f"There may be 1 to {MOST_LOOPS:,} loops, and a denoising strength is between 0 and 1.")
    return [Loop(loop=1 + number, loops=loops, final=last, curve=named).model_dump() for number in range(loops)]


def label_of_loop(value: Any) -> str:
    """Which loop it is, and how strong where that changes."""
    loop = _loop(value)
    return f"{loop.loop} of {loop.loops}"


def put_loop(fields: dict[str, Any], value: Any, axis: Axis) -> None:
    """The loop's denoising strength and seed; from the second one on what is about the first start picture alone goes."""
    loop = _loop(value)
    first = fields.get("strength", GenerationRequest.model_fields["strength"].default)
    fields |= {"strength": loop.strength(first), "batch_size": 1, "batch_count": 1}
    if isinstance(seed := fields.get("seed"), int) and seed >= 0:
        fields["seed"] = (seed + loop.loop - 1) % (MAX_SEED + 1)
    if loop.loop == 1:
        return
    fields |= {"mode": "inpaint" if fields.get("mode") == "inpaint" and fields.get("mask") else "img2img"}
    fields |= {"fill": Fill.ORIGINAL.value, "hires": None, "outpaint": None}


def _loop(value: Any) -> Loop:
    try:
        return Loop.model_validate(value)
    except ValidationError as error:
        raise request_error_from(error, Loop) from None
