"""A picture with room beside it, and something to begin with in that room: for painting on where a picture ends."""

from typing import Literal

import numpy as np
from PIL import Image

Side = Literal["left", "right", "up", "down"]
SIDES: tuple[Side, ...] = ("left", "right", "up", "down")
Box = tuple[int, int, int, int]
Array = np.ndarray[tuple[int, ...], np.dtype[np.float32]]


def widened(image: Image.Image, count: int, sides: tuple[Side, ...]) -> tuple[Image.Image, Box]:
    """(a black canvas that is `count` pixels larger at each of these sides, with the picture on it; where that lies)."""
    left, up = count if "left" in sides else 0, count if "up" in sides else 0
    width = image.width + left + (count if "right" in sides else 0)
    height = image.height + up + (count if "down" in sides else 0)
    canvas = Image.new("RGB", (width, height))
    canvas.paste(image.convert("RGB"), (left, up))
    return canvas, (left, up, left + image.width, up + image.height)


def room(canvas: Image.Image, kept: Box, overlap: int) -> Image.Image:
    """What is to be painted, in white: all outside of `kept`, and `overlap` pixels of it where there is something outside."""
    left, up, right, down = kept
    inner = (
        left + (overlap if left else 0),
        up + (overlap if up else 0),
        right - (overlap if right < canvas.width else 0),
        down - (overlap if down < canvas.height else 0),
    )
    mask = Image.new("L", canvas.size, 255)
    if inner[0] < inner[2] and inner[1] < inner[3]:
        mask.paste(0, inner)
    return mask


def textured(canvas: Image.Image, kept: Box, seed: int, fall_off: float = 1.0, variation: float = 0.05) -> Image.Image:
    """The canvas with noise outside of `kept` that has the kept part's colours and, by its spectrum, its kind of detail.

    `fall_off`: the exponent of the spectrum, lower is finer. `variation`: how far the noise of the colours differs, 0 to 1.
    """
    source = np.asarray(canvas.crop(kept), np.float32) / 255
    size = (canvas.height, canvas.width)
    random = np.random.default_rng(seed)
    grey, colour = random.standard_normal(size), random.standard_normal((*size, 3))
    noise = grey[..., None] * (1 - variation) + colour * variation
    spectrum = np.fft.fft2(source - source.mean((0, 1)), s=size, axes=(0, 1))
    shaped = np.fft.ifft2(np.fft.fft2(noise, axes=(0, 1)) * np.abs(spectrum) ** fall_off, axes=(0, 1)).real
    spread = shaped.std((0, 1))
    made = (shaped - shaped.mean((0, 1))) / np.where(spread > 0, spread, 1) * source.std((0, 1)) + source.mean((0, 1))
    whole = Image.fromarray(np.asarray(made.clip(0, 1) * 255 + 0.5, np.uint8))
    whole.paste(canvas.crop(kept), kept)
    return whole
