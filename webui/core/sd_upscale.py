"""The step `sd_upscale` of the finish chain: the picture enlarged, and painted over tile by tile, with the field's seam fixes."""

from typing import Literal

from pydantic import Field, field_validator

from webui.core.detail import DetailStep
from webui.core.frozen import FrozenModel
from webui.core.options import MAX_PROMPT, MAX_SIDE
from webui.core.painting import MAX_NAME, OwnSampling, whole_eights

_ALIKE = ("prompt", "negative_prompt", "strength", "mask_blur", "padding", "width", "height")
_SAMPLING = tuple(OwnSampling.model_fields)
Seams = Literal["none", "bands", "half tile", "half tile and intersections"]


class _Tiles(FrozenModel):
    """What enlarges the picture, how it is parted, and what is painted there."""

    kind: Literal["sd_upscale"] = "sd_upscale"
    upscaler: str = Field("Lanczos", max_length=MAX_NAME, title="Upscaler", description="What enlarges it first. None: the size stays.")
    scale: float = Field(2.0, ge=0.05, le=16, title="Upscale by")
    strength: float = Field(0.3, ge=0, le=1, title="Denoising strength")
    seams: Seams = Field("none", title="Seam fix", description="What is painted again after the tiles: bands, or tiles moved by half.")
    prompt: str = Field(
        "", max_length=MAX_PROMPT, title="Tile prompt", description="Empty: the picture's, which [PROMPT] stands for within others."
    )
    negative_prompt: str = Field("", max_length=MAX_PROMPT, title="Tile negative prompt", description="Empty: the picture's.")
    width: int = Field(0, ge=0, le=MAX_SIDE, title="Tile width", description="Pixels that are painted at once. 0: the picture's as made.")
    height: int = Field(0, ge=0, le=MAX_SIDE, title="Tile height", description="0: the picture's as it was made.")
    padding: int = Field(
        32, ge=0, le=128, title="Tile padding", description="Pixels at each side of a tile that are seen, and left to its neighbours."
    )
    mask_blur: int = Field(8, ge=0, le=64, title="Mask blur", description="Pixels over which neighbours are blended.")
    order: Literal["rows", "chess"] = Field("rows", title="Order", description="chess: every other tile first.")
    seam_strength: float = Field(0.35, ge=0, le=1, title="Seam denoising strength")
    seam_width: int = Field(64, ge=8, le=256, title="Seam band width", description="Pixels of a band.")
    seam_padding: int = Field(32, ge=0, le=128, title="Seam band padding", description="Pixels beside a band that are seen.")

    _eights = field_validator("width", "height")(whole_eights)


class SdUpscaleStep(OwnSampling, _Tiles):
    """Enlarge the picture, then paint over it in tiles that see their surroundings, and over the seams between them."""

    @property
    def painting(self) -> DetailStep:
        """How one tile is painted."""
        said = {name: getattr(self, name) for name in (*_ALIKE, *_SAMPLING)}
        return DetailStep(**said, regions=((0, 0, 1, 1),), grow=0)

    def painted_as(self, painting: DetailStep) -> "SdUpscaleStep":
        """The same with the painting's names, size and sampling."""
        return self.model_copy(update={name: getattr(painting, name) for name in ("width", "height", *_SAMPLING)})
