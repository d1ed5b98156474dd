"""Large plain shapes: discs, rings, bars, polygons. Art has few long smooth edges; a network that saw none breaks them into stairs."""

import math

import torch
from PIL import Image, ImageDraw

from webui.train.default_model.compose import chance, pick

_FINER = 4
Point = tuple[float, float]


def drawn_shapes(count: int, side: int, source: torch.Generator) -> tuple[Image.Image, ...]:
    """So many pictures of a few shapes each, RGBA, drawn by lot."""
    return tuple(_shapes(side, source) for _ in range(count))


def disc(side: int, ground: tuple[int, int, int], colour: tuple[int, int, int]) -> Image.Image:
    """A disc that fills most of a picture: what stairs are seen on first."""
    large = Image.new("RGB", (side * _FINER, side * _FINER), ground)
    edge = side * _FINER // 10
    ImageDraw.Draw(large).ellipse((edge, edge, side * _FINER - edge, side * _FINER - edge), fill=colour)
    return large.resize((side, side), Image.Resampling.BOX)


def _shapes(side: int, source: torch.Generator) -> Image.Image:
    fine = side * _FINER
    large = Image.new("RGBA", (fine, fine))
    drawing = ImageDraw.Draw(large)
    for _ in range(2 + pick(4, source)):
        colour = (*torch.randint(256, (3,), generator=source).tolist(), 255)
        middle = chance(source) * fine, chance(source) * fine
        size = fine * (0.08 + 0.4 * chance(source))
        kind = pick(4, source)
        if kind < 2:
            high = size * (1 if chance(source) < 0.6 else 0.4 + chance(source))
            box = (middle[0] - size, middle[1] - high, middle[0] + size, middle[1] + high)
            width = 0 if kind == 0 else int(size * (0.05 + 0.3 * chance(source)))
            drawing.ellipse(box, fill=colour if kind == 0 else None, outline=colour, width=max(width, 1))
        elif kind == 2:
            end = middle[0] + size * 2 * (chance(source) - 0.5), middle[1] + size * 2 * (chance(source) - 0.5)
            drawing.line([middle, end], fill=colour, width=int(_FINER * (1 + 20 * chance(source))))
        else:
            drawing.polygon(_corners(middle, size, source), fill=colour)
    return large.resize((side, side), Image.Resampling.BOX)


def _corners(middle: Point, size: float, source: torch.Generator) -> list[Point]:
    count, turn = 3 + pick(4, source), chance(source) * math.tau
    around = [turn + math.tau * place / count for place in range(count)]
    return [(middle[0] + size * math.cos(angle), middle[1] + size * math.sin(angle)) for angle in around]
