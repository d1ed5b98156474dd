"""Moving pictures of a grid: frames in order, there and back, made smaller; MP4 by ffmpeg, or a sentence."""

import io
import shutil

import pytest
from PIL import Image

from webui.errors import RequestError
from webui.grids.animation import Motion, animated

COLOURS = ((200, 0, 0), (0, 200, 0), (0, 0, 200))


@pytest.fixture
def paths(tmp_path):
    made = [tmp_path / f"{number}.png" for number in range(3)]
    for path, colour in zip(made, COLOURS, strict=True):
        Image.new("RGB", (40, 20), colour).save(path)
    return made


@pytest.mark.parametrize("format", ["gif", "webp"])
def test_frames_come_in_order_there_and_back(paths, format):
    with Image.open(io.BytesIO(animated(paths, Motion(format, 0.2, side=20, bounce=True)))) as made:
        assert (made.n_frames, made.size) == (4, (20, 10))
        for number, colour in enumerate((*COLOURS, COLOURS[1])):
            made.seek(number)
            assert made.convert("RGB").getpixel((5, 5)) == pytest.approx(colour, abs=12)


def test_what_cannot_be_shown_is_a_sentence(paths, tmp_path, monkeypatch):
    with pytest.raises(RequestError, match="No cell"):
        animated([], Motion())
    with pytest.raises(RequestError, match="too many"):
        animated(paths * 1000, Motion())
    (tmp_path / "1.png").write_bytes(b"no picture")
    with pytest.raises(RequestError, match=r"1\.png cannot be read"):
        animated(paths, Motion())
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(__import__("sys").modules, "imageio_ffmpeg", None)
    with pytest.raises(RequestError, match="MP4 needs ffmpeg"):
        animated(paths[:1], Motion("mp4"))


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")
def test_mp4_is_written_by_ffmpeg(paths):
    assert animated(paths, Motion("mp4"))[4:8] == b"ftyp"
