"""A grid's pictures one after another as a moving picture: GIF, WebP, or MP4 where ffmpeg is there."""

import importlib
import io
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from PIL import Image

from webui.core.names import printable
from webui.errors import RequestError

Format = Literal["gif", "webp", "mp4"]
SUFFIXES: Mapping[str, Format] = {".gif": "gif", ".webp": "webp", ".mp4": "mp4"}
MOST_FRAMES = 2000
MOST_PIXELS = 128 * 2**20
"""Pixels of all frames together, which are held as three bytes each."""
_PATIENCE = 600
"""Seconds that ffmpeg may take."""
_NO_FFMPEG = 'MP4 needs ffmpeg, which is not here. Install it, or `pip install "darkroom[video]"`, or take WebP or GIF.'


@dataclass(frozen=True)
class Motion:
    """How it moves: its format, seconds that a frame stands, pixels of its longest side (None: as it is), and there and back or not."""

    format: Format = "webp"
    seconds: float = 0.1
    side: int | None = None
    bounce: bool = False


def animated(paths: Sequence[Path], motion: Motion) -> bytes:
    """The file. Raises `RequestError` for nothing to show, too much of it, and for MP4 without ffmpeg."""
    if not paths:
        raise RequestError("grid", "No cell of this grid has a picture yet.")
    order = [*paths, *reversed(paths[1:-1])] if motion.bounce else list(paths)
    size = _size(paths[0], motion)
    if len(order) > MOST_FRAMES or len(order) * size[0] * size[1] > MOST_PIXELS:
        raise RequestError("side", f"{len(order)} frames of {size[0]}×{size[1]} pixels are too many. Ask for a smaller side.")
    frames = {path: _frame(path, size) for path in dict.fromkeys(order)}
    shown = [frames[path] for path in order]
    return _mp4(shown, motion) if motion.format == "mp4" else _by_pillow(shown, motion)


def _size(first: Path, motion: Motion) -> tuple[int, int]:
    """The first picture's, made smaller where that is asked for; even, as video wants it."""
    try:
        with Image.open(first) as image:
            width, height = image.size
    except OSError:
        raise RequestError("grid", f"{printable(first.name)} cannot be read any more.") from None
    scale = min((motion.side or max(width, height)) / max(width, height), 1)
    return max(round(width * scale / 2) * 2, 2), max(round(height * scale / 2) * 2, 2)


def _frame(path: Path, size: tuple[int, int]) -> Image.Image:
    try:
        with Image.open(path) as image:
            made = image.convert("RGB")
    except OSError:
        raise RequestError("grid", f"{printable(path.name)} cannot be read any more.") from None
    return made if made.size == size else made.resize(size, Image.Resampling.LANCZOS)


def _by_pillow(frames: Sequence[Image.Image], motion: Motion) -> bytes:
    stream = io.BytesIO()
    options = {"quality": 90, "method": 2} if motion.format == "webp" else {}
    first, *others = frames
    duration = max(round(motion.seconds * 1000), 20)
    try:
        first.save(stream, motion.format.upper(), save_all=True, append_images=others, duration=duration, loop=0, **options)
    except (ValueError, OSError):
        raise RequestError("format", f"This is too large for {motion.format}. Ask for a smaller side.") from None
    return stream.getvalue()


def ffmpeg() -> str:
    """The program. Raises `RequestError` where there is none."""
    if found := shutil.which("ffmpeg"):
        return found
    try:
        return str(importlib.import_module("imageio_ffmpeg").get_ffmpeg_exe())
    except (ImportError, RuntimeError):
        raise RequestError("format", _NO_FFMPEG) from None


def _mp4(frames: Sequence[Image.Image], motion: Motion) -> bytes:
    width, height = frames[0].size
    rate = f"{1 / max(motion.seconds, 0.005):g}"
    given = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-framerate", rate, "-i", "-"]
    with tempfile.TemporaryDirectory(prefix="darkroom-") as folder:
        target = Path(folder) / "made.mp4"
        words = [ffmpeg(), "-v", "error", "-y", *given, "-pix_fmt", "yuv420p", "-movflags", "+faststart", str(target)]
        pixels = b"".join(frame.tobytes() for frame in frames)
        try:
            done = subprocess.run(words, input=pixels, capture_output=True, check=False, timeout=_PATIENCE)
        except subprocess.TimeoutExpired:
            raise RequestError("format", f"ffmpeg took more than {_PATIENCE // 60} minutes. Ask for a smaller side.") from None
        if done.returncode or not target.is_file():
            said = printable(done.stderr.decode(errors="replace"))[-200:]
            raise RequestError("format", f"ffmpeg could not write it: {said or 'it gave no reason'}. Take WebP or GIF.")
        return target.read_bytes()
