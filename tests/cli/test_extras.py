"""`extras` finishes files and folders, names what it passes over, and goes on where it ended."""

from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from webui.cli import main

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def extras(capsys, monkeypatch, tmp_path):
    """Run the command in this process: its code and what it said."""
    monkeypatch.chdir(ROOT)

    def run(*words):
        try:
            code = main(["extras", "--quiet", "--data-dir", str(tmp_path / "data"), *(str(word) for word in words)])
        except SystemExit as end:
            code = end.code
        said = capsys.readouterr()
        return SimpleNamespace(code=code, out=said.out, err=said.err)

    return run


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(3):
        Image.new("RGB", (40, 24), (number * 80, 0, 0)).save(folder / f"{number}.png")
    (folder / "notes.txt").write_text("hello")
    return folder


def test_a_folder_and_again(extras, folder, tmp_path):
    out = tmp_path / "out"
    words = (folder, "-o", out, "--upscaler", "Nearest", "--scale", "2", "--format", "webp", "--quality", "90")
    done = extras(*words)
    assert done.code == 0, done.err
    assert "Passed over: notes.txt: This file is not a picture" in done.err
    assert sorted(path.name for path in out.iterdir()) == ["0.webp", "1.webp", "2.webp"]
    with Image.open(out / "1.webp") as image:
        assert image.size == (80, 48)
    (out / "1.webp").unlink()
    again = extras(*words)
    assert again.code == 0 and again.out.split() == [str(out / "1.webp")]
    assert "Passed over: 0.png is in" in again.err


def test_the_chain_as_json(extras, folder, tmp_path):
    done = extras(folder / "2.png", "-o", tmp_path, "--finish", '[{"kind": "upscale", "upscaler": "Nearest", "scale": 3}]')
    assert done.code == 0, done.err
    with Image.open(tmp_path / "2.png") as image:
        assert np.asarray(image).shape == (72, 120, 3)


@pytest.mark.skipif(find_spec("spandrel") is None, reason="spandrel is not installed")
def test_a_size_alone_is_made_by_our_own_upscaler(extras, folder, tmp_path):
    small = folder / "giraffe.png"
    Image.open(ROOT / "tests" / "data" / "held_out_giraffe.png").convert("RGB").resize((32, 32)).save(small)
    made = []
    for words in ((), ("--upscaler", "darkroom-4x"), ("--upscaler", "Lanczos")):
        out = tmp_path / str(len(made))
        done = extras(small, "-o", out, "--scale", "2", *words)
        assert done.code == 0, done.err
        made.append(np.asarray(Image.open(out / "giraffe.png").convert("RGB")))
    assert np.array_equal(made[0], made[1]) and not np.array_equal(made[0], made[2])


def test_what_is_wrong_is_a_sentence(extras, folder, tmp_path):
    out = tmp_path / "out"
    for words, said in (
        (("--upscaler", "nobody"), "no upscaler named 'nobody'"),
        (("--upscaler", "Lanczos", "--size", "30000x30000"), "50000×30000 pixels"),
        ((), "add a step"),
        (("--grain", "nan"), "finite number"),
        (("--finish", "{"), "not JSON"),
        (("--upscaler", "Lanczos", "--size", "big"), "Write it as 512x768"),
        (("--upscaler", "Lanczos", "--scale", "0"), "no factor of its own"),
        (("--sd-upscale", "--size", "64x64"), "takes --scale"),
        (("--sd-upscale", "a fox", "--checkpoint", "nobody"), "no checkpoint named 'nobody'"),
        (("--restore",), "There is no network for faces yet"),
    ):
        done = extras(folder / "0.png", "-o", out, *words)
        assert done.code in (1, 2) and said in done.err, done
    cut = folder / "cut.png"
    cut.write_bytes((folder / "0.png").read_bytes()[:30])
    done = extras(cut, folder / "1.png", "-o", out, "--grain", "0.1")
    assert done.code == 1 and "cut.png" in done.err and [path.name for path in out.iterdir()] == ["1.png"]


def test_a_detailer_s_flags_are_a_step(extras, folder, tmp_path):
    pytest.importorskip("cv2")
    for words, said in (
        (("--detail", "a face", "--detector", "nobody"), "There is no detector named 'nobody'. There are: Face"),
        (("--detail", "--checkpoint", "nobody"), "There is no checkpoint named 'nobody'"),
    ):
        failed = extras(folder / "1.png", "-o", tmp_path / "out", *words)
        assert failed.code == 1 and said in failed.err
