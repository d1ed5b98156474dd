"""Sizes of pictures that nobody has chosen: from a picture to start from, and from what a checkpoint was made for."""

import math

from webui.core.request import MAX_SIDE, MIN_SIDE

MOST_AREA = 2
"""Times the checkpoint's own area that a picture to start from is worked on as it is."""
Size = tuple[int, int]


def asked_size(asked: tuple[int | None, int | None], native: Size, init: Size | None) -> Size:
    """Return the size to make: what was asked, else the start picture's shape, else the checkpoint's own."""
    width, height = asked
    if init is None:
        return width or native[0], height or native[1]
    if width is None and height is None:
        return start_size(init, native)
    shape = init[0] / init[1]
    return width or nearest_side((height or 0) * shape), height or nearest_side((width or 0) / shape)


def start_size(image: Size, native: Size) -> Size:
    """The size to work at for a picture to start from, in its shape: its own, or the checkpoint's own area when it is more than twice that.

    `fitSource` of the page does the same.
    """
    area, own = image[0] * image[1], native[0] * native[1]
    scale = math.sqrt(own / area) if area > MOST_AREA * own else 1.0
    scale = min(scale, MAX_SIDE / max(image))
    return nearest_side(image[0] * scale), nearest_side(image[1] * scale)


def nearest_side(side: float) -> int:
    """The nearest side that a picture may have."""
    return min(max(int(side / 8 + 0.5) * 8, MIN_SIDE), MAX_SIDE)
