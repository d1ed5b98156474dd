"""`grid` makes every cell and the labelled picture, goes on where it ended, and says what is wrong."""

import json

import pytest
from PIL import Image

from webui.cli import main

WORDS = ("a red apple", "--steps", "2", "--size", "64x64", "--seed", "5")


@pytest.fixture
def grid(capsys, tmp_path):
    def run(*words):
        try:
            code = main(["grid", "--quiet", "--data-dir", str(tmp_path / "data"), "-o", str(tmp_path / "apples.png"), *words])
        except SystemExit as end:
            code = end.code
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def test_a_grid_alone_and_again(grid, tmp_path):
    axes = ("--x", 'Prompt S/R=red, "bright green"', "--y", "Steps=1-2")
    code, out, err = grid(*WORDS, *axes)
    assert code == 0, err
    assert out.strip() == str(tmp_path / "apples.png")
    cells = sorted((tmp_path / "apples-cells").glob("*.png"))
    assert [path.name for path in cells] == ["00000.png", "00001.png", "00002.png", "00003.png"]
    with Image.open(cells[1]) as cell:
        assert cell.info["parameters"].startswith("a bright green apple\nSteps: 1,")
    with Image.open(tmp_path / "apples.png") as sheet:
        assert sheet.width > 2 * 64 and sheet.height > 2 * 64
    before = [path.stat().st_mtime_ns for path in cells]
    cells[2].unlink()
    assert grid(*WORDS, *axes)[0] == 0
    after = [path.stat().st_mtime_ns for path in cells]
    assert [one == other for one, other in zip(before, after, strict=True)] == [True, True, False, True]
    assert json.loads((tmp_path / "apples-cells" / "grid.json").read_text())["plan"]["base"]["seed"] == 5
    code, _, err = grid(*WORDS, "--x", "Steps=1-3")
    assert code == 2 and "cells of another grid" in err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "Say what varies"),
        (("--x", "Steps"), "has no values"),
        (("--x", "Steps=x"), "X axis: 'x' is no number"),
        (("--x", "Nonsense=1"), "no axis 'Nonsense'"),
        (("--x", "Steps=1-1000", "--y", "Seed=1-1000"), "1,000,000 cells"),
    ],
)
def test_what_is_wrong_is_said(grid, words, said):
    code, _, err = grid("an apple", *words)
    assert code == 2 and said in err
