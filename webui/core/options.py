"""Parts of a request that are objects of their own."""

from typing import Annotated, Literal

from pydantic import Field

from webui.core.frozen import FrozenModel

MAX_PROMPT = 100_000
MAX_SIDE = 4096


class GuidanceOptions(FrozenModel):
    """What is done to classifier-free guidance besides its scale."""

    rescale: float = Field(
        0.0, ge=0, le=1, title="CFG rescale", description="Pull the contrast back that a high CFG scale adds (Lin et al. 2023)."
    )
    skip_early: float = Field(
        0.0,
        ge=0,
        le=1,
        title="Ignore negative prompt during early sampling",
        description="Fraction of the steps at the start without guidance.",
    )
    min_sigma: float = Field(
        0.0,
        ge=0,
        le=15,
        title="Negative Guidance minimum sigma",
        description="Below this noise level every other step skips the negative prompt.",
    )
    min_sigma_all: bool = Field(
        False, title="NGMS all steps", description="Skip the negative prompt at every step below that noise level, not every other."
    )
    pad: bool = Field(
        False, title="Pad prompt/negative prompt", description="Pad the shorter of the two to the same length (A1111's option)."
    )
    pad_v0: bool = Field(False, title="Pad prompt/negative prompt (v0)", description="The same as A1111 1.6 and older did it.")


class SoftInpaint(FrozenModel):
    """Soft inpainting: the mask's greys say how much each place may change (Levin & Fried 2023, differential diffusion)."""

    schedule_bias: float = Field(1.0, ge=0, le=8, title="Schedule bias")
    preservation: float = Field(0.5, ge=0, le=8, title="Preservation strength")
    contrast: float = Field(4.0, ge=1, le=32, title="Transition contrast boost")
    mask_influence: float = Field(0.0, ge=0, le=1, title="Mask influence")
    difference_threshold: float = Field(0.5, ge=0, le=8, title="Difference threshold")
    difference_contrast: float = Field(2.0, ge=0, le=8, title="Difference contrast")


class OutpaintOptions(FrozenModel):
    """Outpainting: the start picture gets new sides, which are painted as if they were masked."""

    left: int = Field(0, ge=0, le=MAX_SIDE, title="Left", description="Pixels.", json_schema_extra={"step": 8})
    right: int = Field(0, ge=0, le=MAX_SIDE, title="Right", description="Pixels.", json_schema_extra={"step": 8})
    top: int = Field(0, ge=0, le=MAX_SIDE, title="Top", description="Pixels.", json_schema_extra={"step": 8})
    bottom: int = Field(0, ge=0, le=MAX_SIDE, title="Bottom", description="Pixels.", json_schema_extra={"step": 8})
    fill: Literal["edge", "mirror", "noise", "telea", "patch match"] = Field(
        "edge",
        title="New sides begin as",
        description="The edge drawn out, a mirror image, noise in its colours, edges grown (Telea 2004), or copies of parts (PatchMatch).",
    )
    overlap: int = Field(
        16, ge=0, le=512, title="Overlap", description="Pixels of the picture beside a new side that may change, so that no seam is left."
    )


class SizeConditioning(FrozenModel):
    """What SDXL is told of the picture's size besides the prompt (Podell et al. 2023, section 2.2)."""

    original_width: int = Field(0, ge=0, le=4 * MAX_SIDE, title="Original width", description="0: the picture's own.")
    original_height: int = Field(0, ge=0, le=4 * MAX_SIDE, title="Original height", description="0: the picture's own.")
    crop_top: int = Field(0, ge=0, le=4 * MAX_SIDE, title="Crop top", description="Pixels cut off at the top of the training picture.")
    crop_left: int = Field(0, ge=0, le=4 * MAX_SIDE, title="Crop left", description="Pixels cut off at its left side.")
    target_width: int = Field(0, ge=0, le=4 * MAX_SIDE, title="Target width", description="0: the picture's own.")
    target_height: int = Field(0, ge=0, le=4 * MAX_SIDE, title="Target height", description="0: the picture's own.")
    aesthetic_score: float = Field(6.0, ge=0, le=10, title="Aesthetic score", description="For the refiner: how good the picture is to be.")
    negative_aesthetic_score: float = Field(
        2.5, ge=0, le=10, title="Negative aesthetic score", description="For the refiner: the score to keep away from."
    )


class FilledTemplate(FrozenModel):
    """A prompt as it was written, with `{a|b}` and `__wildcards__`, and what each picture of the job has in its place."""

    text: str = Field(max_length=MAX_PROMPT)
    filled: tuple[Annotated[str, Field(max_length=MAX_PROMPT)], ...] = Field((), max_length=64_000)
