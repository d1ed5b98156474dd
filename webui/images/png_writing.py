"""Writing a large PNG fast: one filter for all rows, and strips that are packed side by side."""

import struct
import zlib
from concurrent.futures import ThreadPoolExecutor
from os import cpu_count

import numpy as np
from PIL import Image, PngImagePlugin

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_UP = 2
"""The filter that writes each row as its difference from the one above."""
_STRIP = 2**20
"""Bytes that are packed at once."""
_HEADER = b"\x78\x01"
"""Of a zlib stream of the fastest level."""


def fast_png(image: Image.Image, texts: PngImagePlugin.PngInfo | None = None) -> bytes:
    """The picture as an RGB PNG of 8 bits with these texts. Some percent larger than Pillow's, in a part of its time."""
    rows = np.asarray(image.convert("RGB")).reshape(image.height, -1)
    filtered = np.empty((rows.shape[0], rows.shape[1] + 1), np.uint8)
    filtered[:, 0] = _UP
    filtered[0, 1:] = rows[0]
    np.subtract(rows[1:], rows[:-1], out=filtered[1:, 1:])
    head = struct.pack(">IIBBBBB", image.width, image.height, 8, 2, 0, 0, 0)
    before = [_chunk(name, data) for name, data, *_ in (texts.chunks if texts is not None else ())]
    return b"".join([SIGNATURE, _chunk(b"IHDR", head), *before, _chunk(b"IDAT", _packed(filtered)), _chunk(b"IEND", b"")])


def _packed(filtered: np.ndarray) -> bytes:
    """A zlib stream of strips that know nothing of each other: each ends at a whole byte, the last one ends the stream."""
    step = max(_STRIP // filtered.shape[1], 1)
    strips = [filtered[top : top + step].tobytes() for top in range(0, len(filtered), step)]

    def pack(number: int) -> bytes:
        packer = zlib.compressobj(1, zlib.DEFLATED, -zlib.MAX_WBITS)
        return packer.compress(strips[number]) + packer.flush(zlib.Z_FINISH if number == len(strips) - 1 else zlib.Z_SYNC_FLUSH)

    with ThreadPoolExecutor(min(cpu_count() or 1, 8), "png") as pool:
        parts = list(pool.map(pack, range(len(strips))))
    check = 1
    for strip in strips:
        check = zlib.adler32(strip, check)
    return b"".join([_HEADER, *parts, struct.pack(">I", check)])


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(data, zlib.crc32(name)))
