"""The labelled picture: every cell at its place, whatever its files and labels are."""

import pytest
from PIL import Image

from webui.core.grid import Axis, GridPlan
from webui.errors import RequestError
from webui.grids.sheet import EMPTY, PAPER, Sheet, draw_sheet


def axis(name, count, label="{}"):
    labels = tuple(label.format(number) for number in range(count))
    return Axis(kind=name, name=name, values=labels, labels=labels)


def sheet(folder, *sides, label="{}", side=64, missing=(), labelled=True, title=""):
    plan = GridPlan(base={}, axes=tuple(axis(name, count, label) for name, count in zip("XYZ", sides, strict=False)))
    x, y, z = plan.sides
    files = {}
    for at in ((i, j, k) for i in range(x) for j in range(y) for k in range(z)):
        path = folder / f"{at}.png"
        Image.new("RGB", (64, 48), (at[0] * 40, at[1] * 40, 100 + at[2] * 60)).save(path)
        files[at] = None if at in missing else path
    return Sheet(plan, title, files, {}, side, labelled)


def colours(image):
    return {colour for _, colour in image.getcolors(1 << 24)}


def test_every_cell_is_there_where_it_belongs(tmp_path):
    drawn = draw_sheet(sheet(tmp_path, 3, 2, 2, labelled=False))
    assert {(i * 40, j * 40, 100 + k * 60) for i in range(3) for j in range(2) for k in range(2)} | {PAPER} == colours(drawn)
    assert [drawn.getpixel((20 + i * 68, 20)) for i in range(3)] == [(0, 0, 100), (40, 0, 100), (80, 0, 100)]
    assert drawn.getpixel((20, 20 + 52)) == (0, 40, 100)


def test_cells_without_a_picture_are_grey(tmp_path):
    broken = sheet(tmp_path, 2, 2, missing={(1, 1, 0)})
    (tmp_path / "(0, 0, 0).png").write_bytes(b"no picture")
    drawn = draw_sheet(broken)
    assert EMPTY in colours(drawn) and (0, 0, 100) not in colours(drawn) and (40, 0, 100) in colours(drawn)


@pytest.mark.parametrize(
    "label", ["short {}", "a very long prompt that goes on and on, with words " * 20 + "{}", "x" * 2000, "漢字 {} é\n", ""]
)
def test_any_label_can_be_written(tmp_path, label):
    drawn = draw_sheet(sheet(tmp_path, 3, 2, 2, label=label, title=label))
    assert drawn.width < 1000 and drawn.height < 2000


def test_large_grids_are_drawn_small_or_refused(tmp_path):
    drawn = draw_sheet(sheet(tmp_path, 30, 20, side=16))
    assert drawn.width < 30 * 40
    plan = GridPlan(base={}, axes=(axis("X", 10_000),))
    with pytest.raises(RequestError, match="10,000 cells cannot be drawn"):
        draw_sheet(Sheet(plan, "", {}, {}, 512))
