"""Whether a checkpoint fits the machine, before it is loaded: by the same estimate that plans a job."""

from typing import Literal

from webui.core.family import ModelDefaults, ModelFacts
from webui.core.request import FrozenModel
from webui.devices.memory import estimate

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
    """Compare what a checkpoint needs with what there is; a device of unknown memory fits."""
    dtype = room.dtype if room.dtype in ("float32", "bfloat16", "float16") else "float32"
    needs = estimate(facts, size.width, size.height, 1, dtype)
    where = "main memory" if room.device == "cpu" else f"the memory of {room.device}"
    said = f"needs about {needs.total / GB:.1f} GB of {where} for a picture of {size.width}×{size.height}"
    whole, parts = needs.total <= room.memory, needs.part + needs.work <= room.memory
    outcome: Outcome
    if not room.memory:
        outcome, end = "unknown", "."
    elif whole:
        outcome, end = "fits", f"; there are {room.memory / GB:.1f} GB."
    elif parts and room.device != "cpu":
        outcome, end = "offload", f"; there are {room.memory / GB:.1f} GB, so its parts take turns, which is slower."
    else:
        outcome, end = "too large", f"; there are only {room.memory / GB:.1f} GB. Take a smaller size or a smaller model."
    return Fit(
        device=room.device,
        dtype=dtype,
        weights=needs.weights,
        peak=needs.total,
        fits=outcome != "too large",
        outcome=outcome,
        sentence=f"It {said}{end}",
    )
