"""A picture with new sides, and where they are: what outpainting starts from."""

import math

import numpy as np
from PIL import Image, ImageChops

from webui.core.options import OutpaintOptions
from webui.errors import RequestError

_REACH = 5
"""Pixels around each new one that Telea's method looks at."""
_MOST_GROWN = 2**19
"""New pixels that are grown one by one, in a call that nothing can stop: a second of it. More are grown smaller, and enlarged."""


def extend(image: Image.Image, out: OutpaintOptions, seed: int) -> Image.Image:
    """An RGB picture with its new sides filled; the rest stays as it is. Raises `RequestError` where OpenCV is wanted and not there."""
    pixels = np.asarray(image)
    if out.fill == "mirror":
        return Image.fromarray(np.pad(pixels, _margins(out), "symmetric"))
    drawn = np.pad(pixels, _margins(out), "edge")
    if out.fill == "edge":
        return Image.fromarray(drawn)
    new = np.asarray(new_sides(image.size, out)) > 0
    if out.fill == "noise":
        noise = np.random.default_rng(seed).standard_normal(drawn.shape)
        colors = pixels.reshape(-1, 3)
        noise = noise * colors.std(axis=0) + colors.mean(axis=0)
        return Image.fromarray(np.where(new[..., None], np.clip(np.rint(noise), 0, 255), drawn).astype(np.uint8))
    return Image.fromarray(np.where(new[..., None], _grown_in(drawn, new), drawn))


def _grown_in(drawn: np.ndarray, new: np.ndarray) -> np.ndarray:
    try:
        import cv2
    except ImportError:
        raise RequestError("outpaint.fill", "This way to fill needs OpenCV, which is not installed. Choose edge or mirror.") from None
    high, wide = new.shape
    factor = max(math.sqrt(np.count_nonzero(new) / _MOST_GROWN), 1.0)
    size = max(round(wide / factor), 1), max(round(high / factor), 1)
    small = cv2.resize(new.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0.5
    if small.all():  # hardly anything of the picture is left in it
        return drawn
    grown = cv2.inpaint(cv2.resize(drawn, size, interpolation=cv2.INTER_AREA), small.astype(np.uint8), _REACH, cv2.INPAINT_TELEA)
    return np.asarray(cv2.resize(grown, (wide, high), interpolation=cv2.INTER_LINEAR))


def new_sides(size: tuple[int, int], out: OutpaintOptions, overlap: int = 0) -> Image.Image:
    """A mask of the extended picture: white in the new sides, and `overlap` pixels into the picture beside each of them."""
    wide, high = size[0] + out.left + out.right, size[1] + out.top + out.bottom
    inner = (
        out.left + (overlap if out.left else 0),
        out.top + (overlap if out.top else 0),
        wide - out.right - (overlap if out.right else 0),
        high - out.bottom - (overlap if out.bottom else 0),
    )
    mask = Image.new("L", (wide, high), 255)
    if inner[0] < inner[2] and inner[1] < inner[3]:
        mask.paste(0, inner)
    return mask


def extended_mask(mask: Image.Image | None, size: tuple[int, int], out: OutpaintOptions) -> Image.Image:
    """The mask of the extended picture: the new sides with their overlap, and what was painted over in the picture itself."""
    sides = new_sides(size, out, out.overlap)
    if mask is None:
        return sides
    painted = Image.new("L", sides.size)
    painted.paste(mask, (out.left, out.top))
    return ImageChops.lighter(sides, painted)


def _margins(out: OutpaintOptions) -> tuple[tuple[int, int], tuple[int, int], tuple[int, int]]:
    return (out.top, out.bottom), (out.left, out.right), (0, 0)
