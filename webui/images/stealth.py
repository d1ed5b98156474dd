"""Texts hidden in a picture's lowest bits ("stealth PNG info"), as A1111's and Forge's extension and NovelAI write them.

The bits run down the columns, first column first: alpha's lowest bit, or red's, green's and blue's. A mark of 15 letters says which and
whether what follows is packed with gzip; then come 32 bits, the number of bits of the text, and the text itself in UTF-8.
"""

import io
import json
import zlib

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from webui.images.pixels import MAX_PIXELS

_MARKS = {"alpha": (b"stealth_pnginfo", b"stealth_pngcomp"), "color": (b"stealth_rgbinfo", b"stealth_rgbcomp")}
_MARK_BYTES = 15
_HEAD_BYTES = _MARK_BYTES + 4
_MAX_TEXT = 8 * 2**20
_GZIP = 16 + zlib.MAX_WBITS


def read_stealth(data: bytes) -> dict[str, str]:
    """Read the texts hidden in the pixels of a PNG or WebP file by key; empty when there are none, or they are cut or too long."""
    try:
        with Image.open(io.BytesIO(data), formats=("PNG", "WEBP")) as image:
            if image.mode not in ("RGB", "RGBA") or image.width * image.height > MAX_PIXELS:
                return {}
            pixels = np.asarray(image)
    except (OSError, ValueError, SyntaxError, TypeError, KeyError, EOFError, Image.DecompressionBombError):
        return {}
    planes = {"alpha": pixels[:, :, 3:4], "color": pixels[:, :, :3]} if pixels.shape[2] == 4 else {"color": pixels}
    for kind, plane in planes.items():
        if payload := _payload(plane, _MARKS[kind]):
            return _texts(payload)
    return {}


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
