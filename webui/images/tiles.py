"""Images in overlapping tiles, and tiles joined to an image: A1111's rule, by which upscalers and SD upscale work.

All tiles have the same size. Joining fades the first pixels of a tile in over what is there, in 8 bits.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image


@dataclass(frozen=True)
class TileGrid:
    """Where the tiles of an image lie: squares of `side` pixels, or as high as `tall`, that overlap by at least `overlap`.

    A side of the image that is shorter than a tile is filled up with black at the left and top.
    """

    width: int
    height: int
    side: int
    overlap: int
    tall: int = 0

    @property
    def high(self) -> int:
        """How high a tile is."""
        return self.tall or self.side

    @property
    def columns(self) -> list[int]:
        """Left edges."""
        return _starts(self.width, self.side, self.overlap)

    @property
    def rows(self) -> list[int]:
        """Upper edges."""
        return _starts(self.height, self.high, self.overlap)

    def __len__(self) -> int:
        return len(self.columns) * len(self.rows)

    def cut(self, image: Image.Image) -> Iterator[Image.Image]:
        """Yield the tiles in reading order."""
        for top in self.rows:
            for left in self.columns:
                yield image.crop((left, top, left + self.side, top + self.high))

    def join(self, tiles: Iterator[Image.Image], scale: int = 1) -> Image.Image:
        """Return the image of these tiles, each `scale` times as large as it was cut. Takes them one after another."""
        whole = Image.new("RGB", (self.width * scale, self.height * scale))
        high, overlap = self.high * scale, self.overlap * scale
        down = Image.fromarray(np.repeat(_ramp(overlap)[:, None], whole.width, axis=1)) if overlap else None
        across = Image.fromarray(np.repeat(_ramp(overlap)[None], high, axis=0)) if overlap else None
        for row, top in enumerate(self.rows):
            strip = Image.new("RGB", (whole.width, high))
            for column, left in enumerate(self.columns):
                _lay(strip, next(tiles), (left * scale, 0), across if column else None)
            _lay(whole, strip, (0, top * scale), down if row else None)
        return whole


def _starts(length: int, side: int, overlap: int) -> list[int]:
    count = max(math.ceil((length - overlap) / max(side - overlap, 1)), 1)
    last = length - side
    return [min(int(place * last / (count - 1)), last) for place in range(count)] if count > 1 else [last]


def _ramp(length: int) -> np.ndarray:
    return (np.arange(length) * 255 / max(length, 1)).astype(np.uint8)


def _lay(onto: Image.Image, part: Image.Image, place: tuple[int, int], fade: Image.Image | None) -> None:
    """Lay `part` on an image; with `fade` its first columns or rows are mixed with what is there."""
    if fade is None:
        onto.paste(part, place)
        return
    mixed = part.crop((0, 0, *fade.size))
    across = fade.width < part.width
    rest = (fade.width, 0) if across else (0, fade.height)
    onto.paste(mixed, place, fade)
    onto.paste(part.crop((*rest, *part.size)), (place[0] + rest[0], place[1] + rest[1]))
