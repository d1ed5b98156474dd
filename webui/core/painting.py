"""What the steps of the finish chain that paint parts of a picture have in common: how they sample, where not as the picture did."""

from pydantic import Field

from webui.core.frozen import FrozenModel

MAX_NAME = 1000
"""Letters of a name."""


class OwnSampling(FrozenModel):
    """How a step samples; whatever is left open is as it was for the picture.

    The first base of a step's class: pydantic lists the fields of the last base first.
    """

    steps: int = Field(0, ge=0, le=1000, title="Steps", description="0: the picture's.")
    guidance: float | None = Field(None, ge=0, le=100, title="CFG Scale", description="Empty: the picture's.")
    sampler: str = Field("", max_length=MAX_NAME, title="Sampling method", description="Empty: the picture's.")
    schedule: str = Field("", max_length=MAX_NAME, title="Schedule type", description="Empty: the picture's.")
    checkpoint: str = Field("", max_length=MAX_NAME, title="Checkpoint", description="Empty: the picture's.")
    clip_skip: int = Field(0, ge=0, le=12, title="Clip skip", description="0: the picture's.")


def whole_eights(value: int) -> int:
    """Return a side of what is painted. Raises `ValueError` for one that a network cannot make."""
    if value and (value % 8 or value < 64):
        raise ValueError(f"must be 0 or a multiple of 8 from 64. Nearest: {max((value + 4) // 8 * 8, 64)}.")
    return value
