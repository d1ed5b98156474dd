"""Texts hidden in a picture's lowest bits ("stealth PNG info"), as A1111's and Forge's extension and NovelAI write them.

The bits run down the columns, first column first: alpha's lowest bit, or red's, green's and blue's. A mark of 15 letters says which and
whether what follows is packed with gzip; then come 32 bits, the number of bits of the text, and the text itself in UTF-8.
"""

import io
import json
import warnings
import zlib

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from webui.images import png

_MARKS = {"alpha": (b"stealth_pnginfo", b"stealth_pngcomp"), "color": (b"stealth_rgbinfo", b"stealth_rgbcomp")}
_MARK_BYTES = 15
_HEAD_BYTES = _MARK_BYTES + 4
_PNG_HEAD = 13
_MAX_TEXT = 8 * 2**20
_MOST_PIXELS = 16 * 2**20
"""Of a picture that has to be decoded to find out whether there is a mark."""
_MOST_MARKED = 64 * 2**20
_GZIP = 16 + zlib.MAX_WBITS


def read_stealth(data: bytes) -> dict[str, str]:
    """Read the texts hidden in the pixels of a PNG or WebP file by key; empty when there are none, or they are cut or too long."""
    try:
        return _read(data)
    except Exception:  # Pillow's readers raise any kind for what others wrote
        return {}


def _read(data: bytes) -> dict[str, str]:
    marked = _first_column_is_marked(data) if png.is_png(data) else None
    if marked is False:
        return {}
    source = png.pixels_only(data) if png.is_png(data) else data
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        image = Image.open(io.BytesIO(source), formats=("PNG", "WEBP"))
    with image:
        if image.mode not in ("RGB", "RGBA") or image.width * image.height > (_MOST_MARKED if marked else _MOST_PIXELS):
            return {}
        pixels = np.asarray(image)
    planes = {"alpha": pixels[:, :, 3:4], "color": pixels[:, :, :3]} if pixels.shape[2] == 4 else {"color": pixels}
    for kind, plane in planes.items():
        if payload := _payload(plane, _MARKS[kind]):
            return _texts(payload)
    return {}


def _first_column_is_marked(data: bytes) -> bool | None:
    """Whether a PNG's first column holds a mark, told from its first rows alone; None when it has to be decoded for that.

    Of the first column each of PNG's filters needs only what stands above it.
    """
    head = next((chunk.content for chunk in png.chunks(data)), memoryview(b""))
    if len(head) != _PNG_HEAD:
        return False
    width, height = int.from_bytes(head[:4], "big"), int.from_bytes(head[4:8], "big")
    depth, kind, interlaced = head[8], head[9], head[12]
    channels = {2: 3, 6: 4}.get(kind)
    if channels is None or depth != 8:
        return False
    rows = _MARK_BYTES * 8
    if interlaced or height < rows:
        return None
    row = width * channels + 1
    packed = b"".join(chunk.content for chunk in png.chunks(data) if chunk.kind == b"IDAT")
    lines = zlib.decompressobj().decompress(packed, row * rows)
    column = _first_column([lines[start : start + 1 + channels] for start in range(0, len(lines) - channels, row)])
    planes = {"alpha": column[:, 3:4], "color": column[:, :3]} if channels == 4 else {"color": column}
    return any(np.packbits(plane.reshape(-1)[:rows] & 1).tobytes() in _MARKS[name] for name, plane in planes.items())


def _first_column(lines: list[bytes]) -> NDArray[np.uint8]:
    """The first pixel of each row; `lines` are a row's filter and the bytes of that pixel."""
    above = np.zeros(len(lines[0]) - 1 if lines else 3, np.uint8)
    column = []
    for line in lines:
        kind, raw = line[0], np.frombuffer(line[1:], np.uint8)
        above = raw + (above if kind in (2, 4) else above // 2 if kind == 3 else np.uint8(0))
        column.append(above)
    return np.array(column, np.uint8).reshape(len(column), -1)


def _payload(plane: NDArray[np.uint8], marks: tuple[bytes, bytes]) -> bytes:
    """The text's bytes, unpacked; empty when the mark is another or the length is more than there are pixels."""
    head = _bytes(plane, 0, _HEAD_BYTES)
    mark, length = head[:_MARK_BYTES], int.from_bytes(head[_MARK_BYTES:], "big") // 8
    if mark not in marks or not 0 < length <= min(plane.size // 8 - _HEAD_BYTES, _MAX_TEXT):
        return b""
    body = _bytes(plane, _HEAD_BYTES, length)
    return body if mark == marks[0] else _unpacked(body)


def _bytes(plane: NDArray[np.uint8], start: int, count: int) -> bytes:
    """`count` bytes from byte `start` of the stream of lowest bits; only the columns that hold them are touched."""
    height, _, channels = plane.shape
    columns = -(-(start + count) * 8 // (height * channels))
    bits = plane[:, :columns].transpose(1, 0, 2).reshape(-1) & 1
    return np.packbits(bits[start * 8 : (start + count) * 8]).tobytes()


def _unpacked(body: bytes) -> bytes:
    """What gzip packed; empty when it is broken or longer than a text may be."""
    unpacker = zlib.decompressobj(_GZIP)
    try:
        text = unpacker.decompress(body, _MAX_TEXT)
    except zlib.error:
        return b""
    return b"" if unpacker.unconsumed_tail else text


def _texts(payload: bytes) -> dict[str, str]:
    """A parameters text; or JSON that holds a PNG's texts by key, as NovelAI and ComfyUI's node write it."""
    text = payload.decode(errors="replace")
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {"parameters": text}
    if isinstance(found, dict) and found.keys() & {"Comment", "prompt", "workflow", "parameters"} and "seed" not in found:
        return {str(key): value if isinstance(value, str) else json.dumps(value) for key, value in found.items()}
    return {"parameters": text}
