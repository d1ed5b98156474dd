"""One picture of a whole grid: cells in rows and columns, the axes' values beside them, a block for each value of the third axis."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from webui.core.foreign import FileError, read_foreign
from webui.core.grid import GridPlan
from webui.errors import RequestError
from webui.images.decode import image_bytes, read_image
from webui.settings import PROJECT

Place = tuple[int, int, int]
Corner = tuple[int, int, int, int]
FONT = PROJECT / "webui" / "ui" / "static" / "inter.woff2"
OTHER_FONTS = ("NotoSansCJK-Regular.ttc", "NotoSansCJKsc-Regular.otf", "msyh.ttc", "PingFang.ttc", "Hiragino Sans GB.ttc", "DejaVuSans.ttf")
"""For letters that ours does not have, where the system has one of them."""
MOST_PIXELS, USUAL_PIXELS = 60_000_000, 12_000_000
"""Of a picture whose cells' size was asked for, and of others, which are there in a moment."""
USUAL_SIDE = 512
MOST_SIDE = 16_000
LEAST_CELL = 16
PAPER, INK, EMPTY, MUTED = (255, 255, 255), (20, 20, 20), (236, 236, 236), (120, 120, 120)
GAP, EDGE = 4, 12
_LATIN = 0x2000


@dataclass(frozen=True)
class Sheet:
    """What is to be drawn. `files` and `states` are by place; a cell without a file shows its state.

    `side` is a cell's longest side, if it was asked for.
    """

    plan: GridPlan
    title: str
    files: Mapping[Place, Path | None]
    states: Mapping[Place, str]
    side: int | None = None
    labelled: bool = True

    @cached_property
    def cell(self) -> tuple[int, int]:
        """Width and height of a cell: the first picture's shape, small enough for the whole to be bearable."""
        size = next((found for path in self.files.values() if path is not None and (found := _size(path)) is not None), (64, 64))
        x, y, z = self.plan.sides
        scale = min(1.0, (self.side or USUAL_SIDE) / max(size), MOST_SIDE / (x * size[0]), MOST_SIDE / (y * z * size[1]))
        scale = min(scale, ((MOST_PIXELS if self.side else USUAL_PIXELS) / (x * y * z * size[0] * size[1])) ** 0.5)
        if scale * max(size) < LEAST_CELL:
            raise RequestError("grid", f"A picture of {x * y * z:,} cells cannot be drawn. Look at them one by one, or export the grid.")
        return max(round(size[0] * scale), 1), max(round(size[1] * scale), 1)


def draw_sheet(sheet: Sheet) -> Image.Image:
    """The picture. Raises `RequestError` when it would be too large to see anything."""
    wide, high = sheet.cell
    letters = _Letters(max(11, min(24, wide // 9))) if sheet.labelled else None
    x, y, z = sheet.plan.sides
    labels = [axis.beside for axis in sheet.plan.axes] + [("",)] * (3 - len(sheet.plan.axes))
    left = letters.width(labels[1], max(wide, 120)) + EDGE if letters and len(sheet.plan.axes) > 1 else 0
    columns = [letters.wrapped(label, wide) for label in labels[0]] if letters else [[] for _ in labels[0]]
    top = max(map(len, columns)) * letters.line + EDGE if letters else 0
    head = letters.line + EDGE if letters and z > 1 else 0
    title = letters.line + EDGE if letters and sheet.title else 0
    block = head + top + y * (high + GAP)
    canvas = Image.new("RGB", (left + x * (wide + GAP) + GAP, title + z * block + GAP), PAPER)
    drawn = ImageDraw.Draw(canvas)
    if letters and title:
        letters.write(drawn, (GAP + EDGE, GAP + EDGE // 2), [letters.cut(sheet.title, canvas.width - 2 * EDGE)])
    for level in range(z):
        above = title + level * block + GAP
        if letters:
            _labels(drawn, letters, sheet, (left, above, head, top), columns, level)
        _cells(canvas, drawn, letters, sheet, (left + GAP, above + head + top), level)
    return canvas


def _labels(
    drawn: ImageDraw.ImageDraw,
    letters: "_Letters",
    sheet: Sheet,
    at: Corner,
    columns: Sequence[Sequence[str]],
    level: int,
) -> None:
    """The third axis' value above a block, the first's above columns, the second's beside rows."""
    (left, above, head, top), (wide, high), axes = at, sheet.cell, sheet.plan.axes
    if head:
        said = letters.cut(f"{axes[2].title}: {axes[2].labels[level]}", left + len(columns) * (wide + GAP))
        letters.write(drawn, (GAP + EDGE, above + EDGE // 2), [said])
    for column, lines in enumerate(columns):
        middle = left + GAP + column * (wide + GAP) + wide // 2
        letters.write(drawn, (middle, above + head + top - EDGE // 2 - len(lines) * letters.line), lines, "ma")
    if len(axes) > 1:
        for row, label in enumerate(axes[1].beside):
            lines = letters.wrapped(label, left - EDGE)
            middle = above + head + top + row * (high + GAP) + high // 2
            letters.write(drawn, (left - EDGE // 2, middle - len(lines) * letters.line // 2), lines, "ra")


def _cells(
    canvas: Image.Image, drawn: ImageDraw.ImageDraw, letters: "_Letters | None", sheet: Sheet, at: tuple[int, int], level: int
) -> None:
    (left, above), (wide, high) = at, sheet.cell
    places = [(column, row, level) for row in range(sheet.plan.sides[1]) for column in range(sheet.plan.sides[0])]

    def small(place: Place) -> Image.Image | None:
        path = sheet.files.get(place)
        found = None if path is None else read_foreign(path, lambda file: _reduced(file, (wide, high)))
        return None if isinstance(found, FileError) else found

    with ThreadPoolExecutor(4, "sheet") as pool:
        for (column, row, _), image in zip(places, pool.map(small, places), strict=True):
            corner = left + column * (wide + GAP), above + row * (high + GAP)
            if image is not None:
                canvas.paste(image, (corner[0] + (wide - image.width) // 2, corner[1] + (high - image.height) // 2))
                continue
            drawn.rectangle((*corner, corner[0] + wide - 1, corner[1] + high - 1), EMPTY)
            if letters:
                state = sheet.states.get((column, row, level), "planned")
                letters.write(drawn, (corner[0] + wide // 2, corner[1] + high // 2), [letters.cut(state, wide)], "mm", MUTED)


def _size(path: Path) -> tuple[int, int] | None:
    def size(file: Path) -> tuple[int, int]:
        with Image.open(file) as image:
            return image.size

    found = read_foreign(path, size)
    return None if isinstance(found, FileError) else found


def _reduced(path: Path, size: tuple[int, int]) -> Image.Image:
    image = read_image(image_bytes(path, "grid"), "grid").convert("RGB")
    scale = min(size[0] / image.width, size[1] / image.height)
    if scale >= 1:
        return image
    return image.resize((max(round(image.width * scale), 1), max(round(image.height * scale), 1)), Image.Resampling.BOX, reducing_gap=2.0)


class _Letters:
    """Text of one size: measured, wrapped and written."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._fonts: dict[bool, ImageFont.FreeTypeFont] = {}
        self.line = round(size * 1.35)

    def _font(self, text: str) -> ImageFont.FreeTypeFont:
        is_far = any(ord(letter) >= _LATIN and letter not in "–—…’“”×" for letter in text)
        if is_far not in self._fonts:
            self._fonts[is_far] = _loaded(OTHER_FONTS if is_far else (), self._size)
        return self._fonts[is_far]

    def width(self, labels: Sequence[str], most: int) -> int:
        """Pixels of the longest word of the labels, or of the labels themselves, up to `most`."""
        return min(most, max((round(self._font(label).getlength(label[:200])) + 1 for label in labels), default=0))

    def wrapped(self, text: str, width: int, most: int = 6) -> list[str]:
        """Lines no wider than that; what does not fit ends with dots."""
        font, lines = self._font(text), [""]
        for word in " ".join(text.split()).split(" "):
            longer = f"{lines[-1]} {word}".strip()
            if not lines[-1] or font.getlength(longer) <= width:
                lines[-1] = longer
            else:
                lines.append(word)
        shown = [self.cut(line, width) for line in lines[:most]]
        return [*shown[:-1], self.cut(f"{lines[most - 1]} …", width)] if len(lines) > most else shown

    def cut(self, text: str, width: int) -> str:
        """The text, or as much of it as there is room for."""
        font = self._font(text)
        if font.getlength(text[:500]) <= width and len(text) <= 500:
            return text
        low, high = 0, min(len(text), 500)
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if font.getlength(f"{text[:middle]}…") <= width else (low, middle - 1)
        return f"{text[:low]}…"

    def write(
        self, drawn: ImageDraw.ImageDraw, at: tuple[int, int], lines: Sequence[str], anchor: str = "la", ink: tuple[int, int, int] = INK
    ) -> None:
        """Lines below each other."""
        for number, line in enumerate(lines):
            drawn.text((at[0], at[1] + number * self.line), line, fill=ink, font=self._font(line), anchor=anchor)


def _loaded(names: Sequence[str], size: int) -> ImageFont.FreeTypeFont:
    for name in (*names, str(FONT)):
        try:
            return ImageFont.truetype(name, size)
        except OSError:
            continue
    found = ImageFont.load_default(size)
    assert isinstance(found, ImageFont.FreeTypeFont)
    return found
