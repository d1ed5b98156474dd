"""Latents to pictures, a job's own one after another, so that memory stays low and a stop is heard between two."""

from collections.abc import Iterator

import numpy as np
from PIL import Image
from torch import Tensor

from webui.engine.telling import Phase, Teller
from webui.engine.turns import Decoding, Turns
from webui.errors import NumericalError
from webui.pipelines.model import Model


def decode(
    latents: Tensor, model: Model, tell: Teller, turns: Turns, profile: str = "a1111", phase: Phase = "decoding"
) -> Iterator[Image.Image]:
    """The pictures of a batch. Raises `NumericalError` for one that is NaN or Inf."""
    for place, latent in enumerate(latents):
        tell.step(phase, place, len(latents))
        pixels = turns.decode(Decoding(model, latent))
        if not bool(pixels.isfinite().all()):
            raise NumericalError("The VAE gave no picture (NaN or Inf).", step=0)
        yield to_image(pixels, profile)


def to_image(pixels: Tensor, profile: str = "a1111") -> Image.Image:
    """RGB from [3, height, width] in 0…1: A1111 cuts the fraction off, diffusers rounds."""
    values = pixels.permute(1, 2, 0).cpu().numpy() * np.float32(255)
    return Image.fromarray((np.rint(values) if profile == "diffusers" else values).astype(np.uint8))
