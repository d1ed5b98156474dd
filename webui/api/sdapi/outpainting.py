"""A1111's two scripts that go on where a picture ends, as rounds of inpainting: "Outpainting mk2" and "Poor man's outpainting"."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from PIL import Image

from webui.api import encoding
from webui.api.sdapi import pictures
from webui.api.sdapi.arguments import Argument, Script, arguments_of
from webui.api.sdapi.bodies import Generation, Img2Img
from webui.api.sdapi.refusals import Refusal
from webui.api.sdapi.rounds import MOST_ROUNDS, Made, Make, Outcome, Read, without_script
from webui.api.sdapi.translate import side
from webui.errors import RequestError
from webui.images.decode import read_image
from webui.images.pixels import flatten
from webui.images.tiles import TileGrid
from webui.images.widen import SIDES, Box, Side, room, textured, widened

FILLS = ("fill", "original", "latent noise", "latent nothing")
_PIXELS = Argument("Pixels to expand", 128, 8, 256, 8)
MK2, POOR = "outpainting mk2", "poor man's outpainting"
SCRIPTS: dict[str, Script] = {
    MK2: (
        ("img2img",),
        (
            Argument("", ""),
            _PIXELS,
            Argument("Mask blur", 8, 0, 64, 1),
            Argument("Outpainting direction", list(SIDES), choices=SIDES),
            Argument("Fall-off exponent (lower=higher detail)", 1.0, 0, 4, 0.01),
            Argument("Color variation", 0.05, 0, 1, 0.01),
        ),
    ),
    POOR: (
        ("img2img",),
        (
            _PIXELS,
            Argument("Mask blur", 4, 0, 64, 1),
            Argument("Masked content", "fill", choices=FILLS),
            Argument("Outpainting direction", list(SIDES), choices=SIDES),
        ),
    ),
}


@dataclass(frozen=True)
class Piece:
    """One round: a part of the canvas as large as a picture that can be made, its mask, and where it lies. Past the canvas it is black."""

    image: Image.Image
    mask: Image.Image
    box: Box

    @classmethod
    def cut(cls, canvas: Image.Image, mask: Image.Image, box: Box) -> "Piece":
        """The part in this box, made larger to sides that are multiples of 8."""
        left, up, right, down = box
        larger = (left, up, left + _up(right - left), up + _up(down - up))
        return cls(canvas.crop(larger), mask.crop(larger), box)

    def body(self, body: Img2Img, seed: int, blur: int, fill: int) -> Img2Img:
        """The request that paints it."""
        changes = {
            "init_images": [encoding.encoded(encoding.png(self.image))],
            "mask": encoding.encoded(encoding.png(self.mask)),
            "width": self.image.width,
            "height": self.image.height,
            "seed": seed,
            "mask_blur": blur,
            "inpainting_fill": fill,
            "inpaint_full_res": False,
            "inpainting_mask_invert": 0,
            "resize_mode": 0,
            "batch_size": 1,
            "n_iter": 1,
        }
        return body.model_copy(update=changes)

    def painted(self, files: Sequence[bytes]) -> Image.Image | None:
        """What came of it, as large as its box; None where nothing did."""
        if not files:
            return None
        width, height = self.box[2] - self.box[0], self.box[3] - self.box[1]
        return read_image(files[0], "picture").convert("RGB").resize(self.image.size).crop((0, 0, width, height))


async def run(body: Generation, make: Make, read: Read) -> Outcome:
    """Run the one of the two that a body names. Raises `RequestError`, `Refusal`, and what `make` raises."""
    name = (body.script_name or "").lower()
    given, plain = arguments_of(body, SCRIPTS[name]), without_script(body)
    if not isinstance(plain, Img2Img) or not plain.init_images:
        raise Refusal(404, "Init image not found")
    _, start = pictures.picture_of(plain.init_images[0])
    picture = flatten(start).convert("RGB")
    made, whole = await (_by_sides if name == MK2 else _by_tiles)(plain, picture, _sides(given[3]), given, (make, read))
    return Outcome(made, whole=encoding.png(whole))


def _sides(given: Any) -> tuple[Side, ...]:
    sides = tuple(each for each in SIDES if each in given)
    if not sides:
        raise RequestError("script_args", f"Outpainting direction must name a side: {', '.join(SIDES)}.")
    return sides


async def _by_sides(
    body: Img2Img, picture: Image.Image, sides: tuple[Side, ...], given: list[Any], way: tuple[Make, Read]
) -> tuple[list[Made], Image.Image]:
    """One side after another, each over its whole length, beginning with noise that is like the picture."""
    _, count, blur, _, fall_off, variation = given
    made: list[Made] = []
    for number, each in enumerate(sides):
        canvas, kept = widened(picture, int(count), (each,))
        canvas = textured(canvas, kept, (body.seed or 0) + number, float(fall_off), float(variation))
        piece = Piece.cut(canvas, room(canvas, kept, int(blur)), _edge(canvas, each, body, int(count)))
        made.append(await way[0](piece.body(body, (body.seed or 0) + number, int(blur), FILLS.index("original"))))
        painted = piece.painted(way[1](made[-1][1]))
        if painted is None or made[-1][1].state == "cancelled":
            break
        canvas.paste(painted, piece.box)
        picture = canvas
    return made, picture


def _edge(canvas: Image.Image, each: Side, body: Img2Img, count: int) -> Box:
    """The new strip and as much of the picture beside it as the request's size has room for, over the whole length."""
    if each in ("left", "right"):
        deep = min(canvas.width, max(side("width", body.width), count + 64))
        return (0, 0, deep, canvas.height) if each == "left" else (canvas.width - deep, 0, canvas.width, canvas.height)
    deep = min(canvas.height, max(side("height", body.height), count + 64))
    return (0, 0, canvas.width, deep) if each == "up" else (0, canvas.height - deep, canvas.width, canvas.height)


async def _by_tiles(
    body: Img2Img, picture: Image.Image, sides: tuple[Side, ...], given: list[Any], way: tuple[Make, Read]
) -> tuple[list[Made], Image.Image]:
    """All sides at once, in tiles of the request's size; those with nothing new in them stay as they are."""
    count, blur, fill, _ = given
    canvas, kept = widened(picture, int(count), sides)
    mask = room(canvas, kept, int(blur))
    width, height = min(side("width", body.width), _up(canvas.width)), min(side("height", body.height), _up(canvas.height))
    grid = TileGrid(*canvas.size, width, min(int(count), width // 2, height // 2), height)
    boxes = [(left, top, left + width, top + height) for top in grid.rows for left in grid.columns]
    pieces = [Piece.cut(canvas, mask, box) for box in boxes]
    wanted = [place for place, piece in enumerate(pieces) if piece.mask.getextrema()[1]]
    if len(wanted) > MOST_ROUNDS:
        raise RequestError("script_args", f"These are {len(wanted)} tiles; at most {MOST_ROUNDS} can be made. Take larger tiles.")
    tiles, made = [piece.image for piece in pieces], []
    for number, place in enumerate(wanted):
        made.append(await way[0](pieces[place].body(body, (body.seed or 0) + number, int(blur), FILLS.index(fill))))
        tiles[place] = pieces[place].painted(way[1](made[-1][1])) or tiles[place]
        if made[-1][1].state == "cancelled":
            break
    return made, grid.join(iter(tiles))


def _up(value: int) -> int:
    return -(-value // 8) * 8
