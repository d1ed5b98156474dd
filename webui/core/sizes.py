"""Sizes of pictures that nobody has chosen: from a picture to start from, and from what a checkpoint was made for."""

import math

from webui.core.canvas import TileOptions
from webui.core.options import OutpaintOptions
from webui.core.request import MAX_SIDE, MIN_SIDE
from webui.errors import RequestError

MOST_AREA = 2
"""Times the checkpoint's own area that a picture to start from is worked on as it is."""
MOST_TILES = 1000
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


def outpainted(size: Size, out: OutpaintOptions, multiple: int) -> tuple[Size, OutpaintOptions]:
    """The size of a picture with its new sides, and these, a little larger where the size would be no multiple of what a model takes.

    Raises `RequestError` for a picture that would be too large.
    """
    wide, high = -(size[0] + out.left + out.right) % multiple, -(size[1] + out.top + out.bottom) % multiple
    across, down = ("left" if out.left and not out.right else "right"), ("top" if out.top and not out.bottom else "bottom")
    whole = out.model_copy(update={across: getattr(out, across) + wide, down: getattr(out, down) + high})
    made = size[0] + whole.left + whole.right, size[1] + whole.top + whole.bottom
    if max(made) > MAX_SIDE:
        said = f"With its new sides the picture would have {made[0]}×{made[1]} pixels; a side has at most {MAX_SIDE}."
        raise RequestError("outpaint", f"{said} Make the picture smaller, or the sides.")
    return made, whole


def chosen_tiles(tiles: TileOptions | None, native: Size, canvas: Size) -> TileOptions | None:
    """The tiles with their size chosen: the checkpoint's own where it was left open. `canvas` is the largest picture on the way.

    Raises `RequestError` for more of them than are seen at a step.
    """
    if tiles is None:
        return None
    chosen = tiles.model_copy(update={"width": tiles.width or native[0], "height": tiles.height or native[1]})
    count = math.prod(_count(side, tile, tiles.overlap) for side, tile in zip(canvas, (chosen.width, chosen.height), strict=True))
    check_tiles("tiles", count, (chosen.width, chosen.height), "at each step")
    return chosen


def check_tiles(field: str, count: int, tile: Size, when: str) -> None:
    """Raises `RequestError` for more tiles than the network is to see."""
    if count > MOST_TILES:
        said = f"The network would see {count:,} tiles of {tile[0]}×{tile[1]} {when}. {MOST_TILES:,} are possible"
        raise RequestError(field, f"{said}: make them larger, or let them overlap by less.")


def _count(side: int, tile: int, overlap: int) -> int:
    """Tiles along a side; in steps of 8, as the latent image has them."""
    tile = min(tile, side)
    return math.ceil((side - tile) / max(tile - overlap, 8)) + 1
