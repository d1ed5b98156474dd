"""Moving pictures of a grid: frames in order, there and back, made smaller; MP4 by ffmpeg, or a sentence."""

import io
import subprocess

import pytest
from PIL import Image

from webui.errors import RequestError
from webui.grids.animation import Motion, animated, ffmpeg

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


def has_ffmpeg():
    try:
        return bool(ffmpeg())
    except RequestError:
        return False


@pytest.mark.skipif(not has_ffmpeg(), reason="ffmpeg is not installed")
def test_mp4_has_the_frames_in_order_and_as_long_as_was_asked(paths, tmp_path):
    made = tmp_path / "made.mp4"
    made.write_bytes(animated(paths, Motion("mp4", 0.25, bounce=True)))
    seen = subprocess.run([ffmpeg(), "-i", made, "-f", "rawvideo", "-pix_fmt", "rgb24", "-"], capture_output=True, check=True)
    frames = [seen.stdout[start : start + 40 * 20 * 3] for start in range(0, len(seen.stdout), 40 * 20 * 3)]
    middles = [tuple(frame[(10 * 40 + 20) * 3 :][:3]) for frame in frames]
    assert middles == [pytest.approx(colour, abs=25) for colour in (*COLOURS, COLOURS[1])]
    said = seen.stderr.decode()
    assert "Duration: 00:00:01.00" in said and "4 fps" in said and "h264" in said
