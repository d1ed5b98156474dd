"""The second pass of a request, and the rule for the sides of pictures."""

from collections.abc import Callable

from pydantic import Field, field_validator

from webui.core.finish import MAX_NAME
from webui.core.frozen import FrozenModel
from webui.core.options import MAX_PROMPT, MAX_SIDE

MIN_SIDE = 64


def side_rule(name: str, minimum: int = MIN_SIDE) -> Callable[[int | None], int | None]:
    """The check of a side in pixels, for pydantic; with `minimum` 0 a side may be left out."""

    def check(value: int | None) -> int | None:
        if value is None or (value == 0 and minimum == 0):
            return value
        if value % 8 or not MIN_SIDE <= value <= MAX_SIDE:
            nearest = min(max((value + 4) // 8 * 8, MIN_SIDE), MAX_SIDE)
            raise ValueError(f"{name} must be a multiple of 8 between {MIN_SIDE} and {MAX_SIDE}. Nearest: {nearest}.")
        return value

    return check


class HiresOptions(FrozenModel):
    """The second pass ("Hires. fix"): enlarge the first picture and paint over it."""

    scale: float = Field(2.0, ge=1, le=8, title="Upscale by")
    width: int = Field(0, ge=0, le=MAX_SIDE, title="Resize width to", description="0: from Upscale by.")
    height: int = Field(0, ge=0, le=MAX_SIDE, title="Resize height to", description="0: from Upscale by.")
    steps: int = Field(0, ge=0, le=1000, title="Hires steps", description="0: as many as the first pass.")
    strength: float = Field(0.7, ge=0, le=1, title="Denoising strength")
    upscaler: str = Field("Latent", max_length=MAX_NAME, title="Upscaler")
    checkpoint: str | None = Field(
        None, max_length=MAX_NAME, title="Hires checkpoint", description="Makes the second pass and decodes it. Empty: the first pass's."
    )
    sampler: str | None = Field(None, max_length=MAX_NAME, title="Hires sampling method", description="Empty: the first pass's.")
    schedule: str | None = Field(None, max_length=MAX_NAME, title="Hires schedule type", description="Empty: the first pass's.")
    guidance: float | None = Field(None, ge=0, le=100, title="Hires CFG Scale", description="Empty: the first pass's.")
    prompt: str = Field("", max_length=MAX_PROMPT, title="Hires prompt", description="Empty: the first pass's.")
    negative_prompt: str = Field("", max_length=MAX_PROMPT, title="Hires negative prompt", description="Empty: the first pass's.")

    _sides = field_validator("width", "height")(side_rule("The size of the second pass", 0))
