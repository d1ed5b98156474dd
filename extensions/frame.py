"""A step of the finish chain: a frame around the picture, whose width and colour the page asks for."""

from typing import Literal

from PIL import Image, ImageOps
from pydantic import BaseModel, ConfigDict, Field

from webui import Finisher, FinishRun, hookimpl

TITLE = "Frame"
VERSION = "1.0"


class Frame(BaseModel):
    """What the step asks for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    width: int = Field(16, ge=1, le=512, title="Width", description="Pixels on each side.")
    color: Literal["white", "black", "grey"] = Field("white", title="Colour")


def framed(image: Image.Image, values: Frame, run: FinishRun) -> Image.Image:
    return ImageOps.expand(image.convert("RGB"), values.width, values.color)


@hookimpl
def register_finishers(register) -> None:
    register(Finisher("frame", framed, Frame, "Frame"))
