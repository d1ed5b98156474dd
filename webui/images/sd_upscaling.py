"""SD upscale: an enlarged picture painted over tile by tile, and over its seams. No torch: the engine paints, see `FinishRun.repaint`.

Each tile is an inpainting of what it alone is to change, with as much around it as its size has room for, so that it fits to what is
there. The passes over the seams are those that users of Ultimate SD upscale know: bands along them, or tiles moved by half a tile; where
these cross, by half a tile both ways.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from webui.core.detail import Box, DetailStep, worded
from webui.core.options import MAX_SIDE
from webui.core.sd_upscale import SdUpscaleStep
from webui.images.finishing import is_none, on_colors
from webui.plugins.types import FinishRun

Size = tuple[int, int]
Edges = Sequence[tuple[int, int]]


@dataclass(frozen=True)
class Piece:
    """What one painting changes, whole or fading towards its edges across and down, and the size that is seen of the picture for it."""

    box: Box
    seen: Size
    fades: tuple[bool, bool] = (False, False)

    @property
    def is_seam(self) -> bool:
        """Whether it lies over a seam of others."""
        return any(self.fades)

    def mask(self) -> Image.Image:
        """How much each of its pixels changes."""
        left, top, right, bottom = self.box
        across, down = (_slope(length, fades) for length, fades in zip((right - left, bottom - top), self.fades, strict=True))
        return Image.fromarray(np.rint(down[:, None] * across[None] * 255).astype(np.uint8))


def _slope(length: int, fades: bool) -> np.ndarray:
    """1 everywhere; or up to 1 in the middle, and down again."""
    places = np.arange(length) + 0.5
    return np.minimum(places, length - places) / (length / 2) if fades else np.ones(length)


def sd_upscale(image: Image.Image, step: SdUpscaleStep, run: FinishRun) -> Image.Image:
    """Enlarge the picture, then paint over its tiles and its seams."""
    large = image if is_none(step.upscaler) else run.enlarge(image, step.upscaler, step.scale)
    return on_colors(large, lambda plain: _painted(plain, step, run))


def _painted(image: Image.Image, step: SdUpscaleStep, run: FinishRun) -> Image.Image:
    tile = tile_of(step, (run.request.width or image.width, run.request.height or image.height))
    pieces = list(pieces_of(image.size, tile, step))
    prompt = worded((step.prompt,), 0, run.request.prompt) or ""
    painting = step.painting.model_copy(
        update={"prompt": prompt, "negative_prompt": step.negative_prompt or run.request.negative_prompt, "padding": MAX_SIDE}
    )
    image = image.copy()
    for number, piece in enumerate(pieces):
        run.progress(number, len(pieces))
        _paint(image, piece, _for_piece(painting, piece, step), number, run)
    return image


def _for_piece(painting: DetailStep, piece: Piece, step: SdUpscaleStep) -> DetailStep:
    return painting.model_copy(update={"strength": step.seam_strength, "mask_blur": 0} if piece.is_seam else {})


def _paint(image: Image.Image, piece: Piece, painting: DetailStep, number: int, run: FinishRun) -> None:
    """Paint a piece of the picture in place."""
    window = window_of(piece, image.size)
    mask = Image.new("L", (window[2] - window[0], window[3] - window[1]))
    mask.paste(piece.mask(), (piece.box[0] - window[0], piece.box[1] - window[1]))
    size = {"width": -(-mask.width // 8) * 8, "height": -(-mask.height // 8) * 8}
    made = run.repaint(image.crop(window), mask, painting.model_copy(update=size), number)
    image.paste(made, window[:2])


def window_of(piece: Piece, size: Size) -> Box:
    """What is seen for a piece: around its middle, moved to lie inside the picture."""
    left, right = _window(piece.box[0], piece.box[2], piece.seen[0], size[0])
    top, bottom = _window(piece.box[1], piece.box[3], piece.seen[1], size[1])
    return left, top, right, bottom


def _window(low: int, high: int, seen: int, length: int) -> tuple[int, int]:
    seen = min(max(seen, high - low), length)
    start = min(max((low + high - seen) // 2, 0), length - seen)
    return start, start + seen


def tile_of(step: SdUpscaleStep, made: Size) -> Size:
    """How large a tile is of a picture that was made at a size."""
    return step.width or made[0], step.height or made[1]


def count_of(size: Size, tile: Size, step: SdUpscaleStep) -> int:
    """How many pieces there are, without making them."""
    across, down = (len(edges) for edges in _grid(size, tile, step))
    seams = (across - 1) * down + across * (down - 1) if step.seams != "none" else 0
    return across * down + seams + ((across - 1) * (down - 1) if "intersections" in step.seams else 0)


def pieces_of(size: Size, tile: Size, step: SdUpscaleStep) -> Iterator[Piece]:
    """The tiles in their order, then what lies over their seams."""
    columns, rows = _grid(size, tile, step)
    boxes = [((x, y), (left, top, right, bottom)) for y, (top, bottom) in enumerate(rows) for x, (left, right) in enumerate(columns)]
    if step.order == "chess":
        boxes.sort(key=lambda each: sum(each[0]) % 2)
    yield from (Piece(box, tile) for _, box in boxes)
    if step.seams == "bands":
        yield from _bands(columns, rows, tile, step)
    elif step.seams != "none":
        yield from _half_tiles(columns, rows, tile, crossings="intersections" in step.seams)


def _grid(size: Size, tile: Size, step: SdUpscaleStep) -> tuple[Edges, Edges]:
    across, down = (_edges(length, side - 2 * min(step.padding, side // 4)) for length, side in zip(size, tile, strict=True))
    return across, down


def _edges(length: int, side: int) -> list[tuple[int, int]]:
    """A length in equal parts of at most `side`."""
    count = max(-(-length // max(side, 8)), 1)
    places = [round(length * number / count) for number in range(count + 1)]
    return list(zip(places, places[1:], strict=False))


def _bands(columns: Edges, rows: Edges, tile: Size, step: SdUpscaleStep) -> Iterator[Piece]:
    half, seen = step.seam_width // 2, step.seam_width + 2 * step.seam_padding
    for _, seam in columns[:-1]:
        for top, bottom in rows:
            yield Piece((max(seam - half, 0), top, min(seam + half, columns[-1][1]), bottom), (seen, tile[1]), (True, False))
    for _, seam in rows[:-1]:
        for left, right in columns:
            yield Piece((left, max(seam - half, 0), right, min(seam + half, rows[-1][1])), (tile[0], seen), (False, True))


def _half_tiles(columns: Edges, rows: Edges, tile: Size, crossings: bool) -> Iterator[Piece]:
    across, down = list(_moved(columns)), list(_moved(rows))
    yield from (Piece((left, top, right, bottom), tile, (True, False)) for left, right in across for top, bottom in rows)
    yield from (Piece((left, top, right, bottom), tile, (False, True)) for top, bottom in down for left, right in columns)
    if crossings:
        yield from (Piece((left, top, right, bottom), tile, (True, True)) for left, right in across for top, bottom in down)


def _moved(edges: Edges) -> Iterator[tuple[int, int]]:
    """From the middle of each part to the middle of the next: the seam between them lies in the middle."""
    for (low, seam), (_, high) in zip(edges, edges[1:], strict=False):
        half = min(seam - low, high - seam) // 2
        yield seam - half, seam + half
