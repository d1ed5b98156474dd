"""Whether a checkpoint fits the machine, before it is loaded: by the same estimate that plans a job."""

from typing import Literal, cast, get_args

from webui.core.family import ModelDefaults, ModelFacts
from webui.core.request import FrozenModel
from webui.devices.ways import Dtype, Way, Wish, ways

GB = 1e9


class Room(FrozenModel):
    """Where a checkpoint would run: a device with this much memory, and the precision it computes in."""

    device: str
    dtype: str = "float32"
    memory: int = 0


Outcome = Literal["fits", "offload", "too large", "not loaded", "unknown"]


class Fit(FrozenModel):
    """Bytes that one picture of the model's own size takes: its weights, and at the peak. `sentence` says what that means here.

    `outcome`: it fits, its parts take turns in the device's memory ("offload"), it is too large, or of a family that is not loaded.
    """

    device: str = ""
    dtype: str = ""
    weights: int = 0
    peak: int = 0
    fits: bool = True
    outcome: Outcome
    sentence: str


def fit(facts: ModelFacts, size: ModelDefaults, room: Room) -> Fit:
    """Compare what a checkpoint needs with what there is, in the ways in which a job may be computed; a device of unknown memory fits."""
    dtype: Dtype = cast(Dtype, room.dtype) if room.dtype in get_args(Dtype) else "float32"
    narrower: Dtype | None = "bfloat16" if room.device == "cpu" and dtype == "float32" else None
    tried = list(ways(room.device, Wish(facts, size.width, size.height, 1, dtype, narrower)))
    first = tried[0].need
    where = "main memory" if room.device == "cpu" else f"the memory of {room.device}"
    said = f"It needs about {first.total / GB:.1f} GB of {where} for a picture of {size.width}×{size.height}"
    found = next((way for way in tried if way.peak <= room.memory), None)
    outcome, end = _judged(room, found, tried[0])
    return Fit(
        device=room.device,
        dtype=dtype,
        weights=first.weights,
        peak=first.total,
        fits=outcome != "too large",
        outcome=outcome,
        sentence=f"{said}{end}",
    )


def _judged(room: Room, found: Way | None, first: Way) -> tuple[Outcome, str]:
    """What is told of the first way that fits."""
    there = f"{room.memory / GB:.1f} GB"
    if not room.memory:
        return "unknown", "."
    if found is None:
        return "too large", f"; there are only {there}. Take a smaller size or a smaller model."
    if found == first:
        return "fits", f"; there are {there}."
    if found.offload != "none":
        return "offload", f"; there are {there}, so its parts take turns, which is slower."
    return "fits", f"; there are {there}, so {_how(found, first)} (about {found.peak / GB:.1f} GB)."


def _how(found: Way, first: Way) -> str:
    """What is different from the first way."""
    told = {
        f"it is computed in {found.dtype}, which changes a picture a little": found.dtype != first.dtype,
        "its weights are kept as in the file": found.weights != first.weights,
        "it is computed in smaller parts": found.split,
    }
    return " and ".join(words for words, holds in told.items() if holds)
