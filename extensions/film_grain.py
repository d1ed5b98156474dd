"""A panel with a typed value: its fold asks how much grain, the value travels in the request, the engine adds it to the picture."""

import numpy as np
from PIL import Image
from pydantic import BaseModel, ConfigDict, Field

from webui import GenerationRequest, Panel, hookimpl

TITLE = "Film grain"
VERSION = "1.0"


class FilmGrain(BaseModel):
    """What the panel asks for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    amount: float = Field(0.0, ge=0, le=1, title="Amount", description="0 is off; 1 is very grainy.")


@hookimpl
def register_panels(register) -> None:
    register(Panel(TITLE, FilmGrain))


@hookimpl
def process_image(image: Image.Image, request: GenerationRequest, index: int) -> Image.Image | None:
    amount = FilmGrain.model_validate(request.extras.get("film_grain", {})).amount
    if not amount:
        return None
    noise = np.random.default_rng(request.seed + index).normal(scale=40 * amount, size=(image.height, image.width, 1))
    return Image.fromarray(np.clip(np.asarray(image, np.float32) + noise, 0, 255).astype(np.uint8))
