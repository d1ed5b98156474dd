"""Decode latents one image at a time, so that memory stays low and a cancel takes effect between two images."""

from collections.abc import Iterator

import numpy as np
from PIL import Image
from torch import Tensor

from webui.errors import NumericalError
from webui.generation.device import DecodeRequest, DeviceAccess
from webui.generation.profiles import A1111, Profile
from webui.generation.reporter import JobReporter, Phase
from webui.models.model import Model


def decode(
    latents: Tensor, model: Model, report: JobReporter, device: DeviceAccess, profile: Profile = A1111, phase: Phase = "decoding"
) -> Iterator[Image.Image]:
    """Yield the images of a batch. Raises `NumericalError` for one with NaN or Inf."""
    for place, latent in enumerate(latents):
        report.step(phase, place, len(latents))
        pixels = device.decode(DecodeRequest(model, latent))
        if not bool(pixels.isfinite().all()):
            raise NumericalError("The VAE gave no picture (NaN or Inf).", step=0)
        yield to_image(pixels, profile)


def to_image(pixels: Tensor, profile: Profile = A1111) -> Image.Image:
    """Return RGB from [3, height, width] in 0…1, rounded as the profile has it."""
    return Image.fromarray(profile.quantized(pixels.permute(1, 2, 0).cpu().numpy() * np.float32(255)))
