"""The finish chain: what is done to a finished picture before it is saved, as an ordered list of typed steps.

Every step is a frozen value with its own `kind`; who carries it out is the finisher of that name (`register_finishers`).
"""

import json
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, JsonValue, TypeAdapter, ValidationError, field_validator

from webui.core.detail import FACE, DetailStep
from webui.core.frozen import FrozenModel
from webui.core.sd_upscale import SdUpscaleStep
from webui.errors import RequestError

MAX_NAME = 1000
"""Letters of a name: of a file, a sampler, a setting of one."""
OWN_UPSCALER = "darkroom-4x"
"""The upscaling network that comes with Darkroom."""
MAX_SEED = 2**64 - 1
MOST_STEPS = 20
MOST_SIDE = 2**16
"""Pixels of a side that any picture may have."""
MAX_VALUES = 20_000
"""Letters of an extension step's values as JSON."""
_FACTOR = re.compile(r"(?:^|[^0-9])([1-8])x|x([1-8])(?![0-9])", re.IGNORECASE)
_USUAL_FACTOR = 4
PICTURE_ID = 64
"""Letters of a picture's id: a sha256 in hexadecimal digits."""


def checked_id(value: str | None) -> str | None:
    """Return a picture's id. Raises `ValueError` for what is none."""
    if value is not None and not (len(value) == PICTURE_ID and set(value) <= set("0123456789abcdef")):
        raise ValueError("This is not the id of a picture. Upload it first (POST /api/v1/images) and use the id you get.")
    return value


class UpscaleStep(FrozenModel):
    """Enlarge the picture by a factor or to a size, by one upscaler or by two whose results are mixed (A1111's Extras)."""

    kind: Literal["upscale"] = "upscale"
    upscaler: str = Field("Lanczos", max_length=MAX_NAME, title="Upscaler")
    scale: float = Field(2.0, ge=0, le=16, title="Upscale by", description="0: as much as the upscaler's file makes of it.")
    width: int = Field(0, ge=0, le=MOST_SIDE, title="Width to", description="0: from Upscale by.")
    height: int = Field(0, ge=0, le=MOST_SIDE, title="Height to", description="0: from Upscale by.")
    crop: bool = Field(True, title="Crop to the size", description="Cut off what stands over when width and height are given.")
    second: str = Field("None", max_length=MAX_NAME, title="Second upscaler")
    second_visibility: float = Field(0.0, ge=0, le=1, title="Visibility of the second")


class RestoreStep(FrozenModel):
    """Find faces and mend each by a network (GFPGAN, RestoreFormer, CodeFormer)."""

    kind: Literal["restore"] = "restore"
    model: str = Field("", max_length=MAX_NAME, title="Face restoration model", description="A file's name. Empty: the first one.")
    visibility: float = Field(1.0, ge=0, le=1, title="Visibility")
    fidelity: float = Field(0.5, ge=0, le=1, title="CodeFormer weight", description="0: the most change, 1: the least.")
    aligned: bool = Field(False, title="The picture is one face", description="Cropped and upright already: no face is looked for.")
    detector: str = Field(
        FACE, max_length=MAX_NAME, title="Detector", description="What finds the faces: Face, or a file in models/adetailer."
    )
    confidence: float = Field(0.3, ge=0, le=1, title="Confidence", description="Faces of which the detector is less sure are left out.")


class MatchColorsStep(FrozenModel):
    """Give the picture the colours of another one, and keep its own light."""

    kind: Literal["match_colors"] = "match_colors"
    image: str | None = Field(
        None, max_length=PICTURE_ID, title="Picture with the colours", description="Its id. Empty: the start picture."
    )
    visibility: float = Field(1.0, ge=0, le=1, title="Visibility")

    _id = field_validator("image")(checked_id)


class SharpenStep(FrozenModel):
    """Raise the contrast of edges (unsharp mask)."""

    kind: Literal["sharpen"] = "sharpen"
    radius: float = Field(2.0, ge=0.1, le=50, title="Radius", description="Pixels.")
    amount: float = Field(0.5, ge=0, le=5, title="Amount", description="1 doubles the contrast of an edge.")
    threshold: int = Field(0, ge=0, le=255, title="Threshold", description="Differences up to this many grey levels stay as they are.")


class GrainStep(FrozenModel):
    """Add film grain, drawn from the picture's seed."""

    kind: Literal["grain"] = "grain"
    amount: float = Field(0.2, ge=0, le=1, title="Amount", description="1 is very grainy.")
    size: float = Field(1.0, ge=1, le=16, title="Size", description="Pixels of a grain.")
    color: bool = Field(False, title="Coloured grain")
    seed: int = Field(-1, ge=-1, le=MAX_SEED, title="Seed", description="-1 is the picture's own.")


class FormatStep(FrozenModel):
    """How the file is written; the last step."""

    kind: Literal["format"] = "format"
    format: Literal["png", "jpeg", "webp"] = Field("png", title="Format")
    quality: int = Field(95, ge=1, le=100, title="Quality", description="Of JPEG and WebP.")


class ExtensionStep(FrozenModel):
    """A step that an extension carries out."""

    kind: Literal["extension"] = "extension"
    name: str = Field(max_length=MAX_NAME, title="Name")
    values: dict[str, JsonValue] = Field(default_factory=dict, title="Values")

    @field_validator("values")
    @classmethod
    def _bounded(cls, value: dict[str, JsonValue]) -> dict[str, JsonValue]:
        try:
            letters = len(json.dumps(value))
        except RecursionError:
            raise ValueError("The step's values are nested too deeply.") from None
        if letters > MAX_VALUES:
            raise ValueError(f"The step's values have {letters} letters as JSON. They may have {MAX_VALUES}.")
        return value


BuiltinStep = UpscaleStep | SdUpscaleStep | RestoreStep | DetailStep | MatchColorsStep | SharpenStep | GrainStep | FormatStep
FinishStep = Annotated[BuiltinStep | ExtensionStep, Field(discriminator="kind")]
Steps = Annotated[tuple[FinishStep, ...], Field(max_length=MOST_STEPS)]
STEPS: Mapping[str, type[BuiltinStep] | type[ExtensionStep]] = {
    "upscale": UpscaleStep,
    "sd_upscale": SdUpscaleStep,
    "restore": RestoreStep,
    "detail": DetailStep,
    "match_colors": MatchColorsStep,
    "sharpen": SharpenStep,
    "grain": GrainStep,
    "format": FormatStep,
    "extension": ExtensionStep,
}
"""The steps by kind, in the order in which they are offered."""


def check_order(steps: tuple[FinishStep, ...]) -> None:
    """Raises `RequestError` for a format that is not the last step: after it there is nothing more to change."""
    for number, step in enumerate(steps[:-1]):
        if isinstance(step, FormatStep):
            raise RequestError(f"finish.{number}", "The format is the last step of the chain. Move it to the end, or take it out.")


def name_of(step: FinishStep) -> str:
    """The name of the finisher that carries a step out."""
    return step.name if isinstance(step, ExtensionStep) else step.kind


def details_of(steps: tuple[FinishStep, ...]) -> tuple[DetailStep, ...]:
    """How the steps that paint parts of a picture again do so: those that need a checkpoint."""
    paintings = (step.painting if isinstance(step, SdUpscaleStep) else step for step in steps)
    return tuple(each for each in paintings if isinstance(each, DetailStep))


def format_of(steps: tuple[FinishStep, ...]) -> FormatStep | None:
    """How the chain wants the file written; None: as the settings say."""
    last = steps[-1] if steps else None
    return last if isinstance(last, FormatStep) else None


def size_after(size: tuple[int, int], steps: tuple[FinishStep, ...]) -> tuple[int, int]:
    """The size that a picture of `size` has after the chain."""
    for step in steps:
        size = size_after_step(size, step)
    return size


def size_after_step(size: tuple[int, int], step: FinishStep) -> tuple[int, int]:
    """The size that a picture of `size` has after one step."""
    enlarging = enlarging_of(step)
    return size if enlarging is None else upscaled_size(size, enlarging)


def enlarging_of(step: FinishStep) -> UpscaleStep | None:
    """How a step enlarges the picture; None for one that does not."""
    if isinstance(step, SdUpscaleStep):
        return UpscaleStep(upscaler=step.upscaler, scale=step.scale)
    return step if isinstance(step, UpscaleStep) else None


def upscaled_size(size: tuple[int, int], step: UpscaleStep) -> tuple[int, int]:
    """The size that an upscale step brings a picture to: A1111's rule."""
    if step.upscaler.strip().lower() in ("", "none"):
        return size
    if step.width and step.height and step.crop:
        return step.width, step.height
    factor = factor_of(size, step)
    if is_own(step):
        return round(size[0] * factor), round(size[1] * factor)
    return max(int(size[0] * factor) // 8 * 8, 8), max(int(size[1] * factor) // 8 * 8, 8)


def factor_of(size: tuple[int, int], step: UpscaleStep) -> float:
    """The factor asked for, or that which covers the size asked for; the upscaler's own is known to the engine, and here by its name."""
    if step.width or step.height:
        return max(step.width / size[0], step.height / size[1])
    return step.scale or named_factor(step.upscaler) or _USUAL_FACTOR


def is_own(step: UpscaleStep) -> bool:
    """Whether the picture becomes as large as the upscaler's file makes it."""
    return not (step.scale or step.width or step.height)


def named_factor(upscaler: str) -> int | None:
    """How many times as large an upscaler makes a picture, by its file's name; None where that does not say it."""
    match = _FACTOR.search(upscaler)
    return int(match[1] or match[2]) if match else None


_ADAPTER: TypeAdapter[Steps] = TypeAdapter(Steps)


def dump_steps(steps: tuple[FinishStep, ...]) -> str:
    """The chain as compact JSON, without what is as usual: what stands in a picture's parameters text."""
    said = [{"kind": step.kind, **step.model_dump(mode="json", exclude_defaults=True, exclude={"kind"})} for step in steps]
    return json.dumps(said, ensure_ascii=False, separators=(",", ":"))


def load_steps(text: str) -> list[dict[str, Any]]:
    """The chain of a text that `dump_steps` made, as plain data. Raises `ValueError` for what is none."""
    try:
        return [step.model_dump(mode="json") for step in _ADAPTER.validate_json(text)]
    except (ValidationError, RequestError, RecursionError) as error:
        raise ValueError(text) from error
