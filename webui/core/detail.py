"""The step `detail` of the finish chain: which regions of a picture are painted again, and how. Its words are ADetailer's."""

from typing import Annotated, Literal

from pydantic import Field, field_validator

from webui.core.frozen import FrozenModel
from webui.core.options import MAX_PROMPT, MAX_SIDE
from webui.core.painting import MAX_NAME, OwnSampling, whole_eights

MOST_REGIONS = 50
"""Regions of one picture that one step works on."""
FACE = "Face"
"""The detector that is there without a file."""
PROMPT, SEPARATOR, SKIP = "[PROMPT]", "[SEP]", "[SKIP]"
_FAR = 2**16
Side = Annotated[int, Field(ge=0, le=_FAR)]
Box = tuple[Side, Side, Side, Side]
"""Left, top, right, bottom in pixels; right and bottom are outside."""


class _Regions(FrozenModel):
    """Which regions, and what is painted there."""

    kind: Literal["detail"] = "detail"
    detector: str = Field(
        FACE, max_length=MAX_NAME, title="Detector", description="What is looked for: Face, or a file in models/adetailer."
    )
    regions: tuple[Box, ...] = Field(
        (),
        max_length=MOST_REGIONS,
        title="Regions",
        description="Boxes (left, top, right, bottom) to work on instead of what the detector finds.",
    )
    prompt: str = Field(
        "",
        max_length=MAX_PROMPT,
        title="Detail prompt",
        description="Empty: the picture's. [PROMPT] stands for the picture's, [SEP] parts the regions' prompts, [SKIP] leaves one out.",
    )
    negative_prompt: str = Field("", max_length=MAX_PROMPT, title="Detail negative prompt", description="Empty: the picture's.")
    confidence: float = Field(0.3, ge=0, le=1, title="Confidence", description="Regions of which the detector is less sure are left out.")
    strength: float = Field(0.4, ge=0, le=1, title="Denoising strength")
    order: Literal["left to right", "center to edge", "large to small", "confidence"] = Field("left to right", title="Order")
    limit: int = Field(0, ge=0, le=MOST_REGIONS, title="At most", description=f"Regions; 0: as many as there are, up to {MOST_REGIONS}.")
    limit_by: Literal["size", "confidence"] = Field("size", title="Of more, take by")
    smallest: float = Field(0.0, ge=0, le=1, title="Smallest region", description="Share of the picture.")
    largest: float = Field(1.0, ge=0, le=1, title="Largest region", description="Share of the picture.")
    grow: int = Field(4, ge=-256, le=256, title="Dilation", description="Pixels by which the mask becomes wider and higher; below 0: less.")
    offset_x: int = Field(0, ge=-4096, le=4096, title="Mask offset to the right")
    offset_y: int = Field(0, ge=-4096, le=4096, title="Mask offset upwards")
    mask_blur: int = Field(4, ge=0, le=256, title="Mask blur")
    merge: Literal["none", "merge", "merge and invert"] = Field(
        "none", title="Merge masks", description="All regions as one, or all but them."
    )
    padding: int = Field(32, ge=0, le=256, title="Padding", description="Pixels around the mask that are seen too.")
    width: int = Field(0, ge=0, le=MAX_SIDE, title="Width", description="Of the part as it is painted. 0: the picture's.")
    height: int = Field(0, ge=0, le=MAX_SIDE, title="Height", description="Of the part as it is painted. 0: the picture's.")

    _eights = field_validator("width", "height")(whole_eights)

    @field_validator("regions")
    @classmethod
    def _boxes(cls, value: tuple[Box, ...]) -> tuple[Box, ...]:
        if any(left >= right or top >= bottom for left, top, right, bottom in value):
            raise ValueError("A region is left, top, right, bottom in pixels, the right beyond the left and the bottom below the top.")
        return value


class DetailStep(OwnSampling, _Regions):
    """Find regions such as faces, paint each again at full size, and put it back: outside the masks no pixel changes."""

    @property
    def prompts(self) -> tuple[str, ...]:
        """What the positive prompt says for each region in turn; the last one is for all further ones."""
        return _parts(self.prompt)

    @property
    def negative_prompts(self) -> tuple[str, ...]:
        """The same of the negative prompt."""
        return _parts(self.negative_prompt)


def _parts(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(SEPARATOR))


def worded(parts: tuple[str, ...], number: int, own: str) -> str | None:
    """The prompt for region `number` (from 0) of a picture whose prompt is `own`; None for one that is left out."""
    part = parts[min(number, len(parts) - 1)]
    if part.upper() == SKIP:
        return None
    return part.replace(PROMPT, own) if part else own
