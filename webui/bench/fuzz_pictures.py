"""Picture files as strangers make them, at random: every format and mode, EXIF, profiles and texts that lie, files changed and cut."""

import io
import random
import struct
import time
import zlib
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TypeVar

import numpy as np
from PIL import Image, ImageCms

from webui.errors import RequestError
from webui.images import decode, metadata, pixels, png

T = TypeVar("T")
SECONDS = 20.0
"""Of computing that one case may take at most; a usual one takes a few milliseconds."""
_FORMATS = {
    "PNG": ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"),
    "JPEG": ("L", "RGB", "CMYK"),
    "WEBP": ("RGB", "RGBA"),
    "BMP": ("1", "L", "P", "RGB"),
    "GIF": ("L", "P", "RGB"),
    "TIFF": ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "LAB", "I;16", "I", "F"),
    "AVIF": ("RGB", "RGBA"),
}
_SIDES = (1, 2, 7, 8, 33, 64, 150)
_KINDS = (b"tEXt", b"zTXt", b"iTXt", b"iCCP", b"eXIf", b"tRNS", b"PLTE", b"acTL", b"fdAT", b"IDAT", b"IHDR", b"IEND", b"\0\xff\0\xff")


def pictures(rng: random.Random) -> None:
    """Read one file in every way that there is.

    Raises whatever they raise but refusals, and `AssertionError` for a picture that is not as it was told, a refusal that is no sentence,
    or a case that took too long.
    """
    data = _file(rng)
    began = time.process_time()
    told = _attempt(lambda: decode.look(data, "init"))
    for read in (decode.read_image, decode.read_mask):
        image = _attempt(partial(read, data, "init"))
        if isinstance(image, Image.Image):
            assert isinstance(told, decode.Look) and image.size == told.size, f"{image.size} is not {told}"
            assert image.mode in ("RGB", "RGBA"), image.mode
            assert pixels.flatten(image).size == pixels.prepare_mask(image, invert=False, blur=0).size == told.size
            assert decode.read_image(decode.as_png(image)).size == told.size
    reading = _attempt(lambda: metadata.read_metadata(data))
    if reading is None:
        metadata.why_unread(data).encode()
    assert time.process_time() - began < SECONDS, f"read for {time.process_time() - began:.1f} s"


def _attempt(read: Callable[[], T]) -> T | None:
    """What it gives; None when it refuses, in a sentence."""
    try:
        return read()
    except RequestError as error:
        said = str(error)
        assert said[:1].isupper() and said.rstrip().endswith(".") and "Error" not in said and len(said) < 400, said
        return None


def _file(rng: random.Random) -> bytes:
    format = rng.choice([*_FORMATS, "PNG", "PNG", "JPEG", "WEBP"])
    data = _saved(rng, format)
    if format == "PNG":
        data = _with_parts(rng, data)
    for _ in range(rng.choice((0, 0, 1, 1, 2, 6))):
        data = _changed(rng, data)
    return data


def _saved(rng: random.Random, format: str) -> bytes:
    mode = rng.choice(_FORMATS[format])
    width, height = rng.choice(_SIDES), rng.choice(_SIDES)
    image = _image(rng, mode, width, height)
    options: dict[str, object] = {}
    if format not in ("BMP", "GIF") and rng.random() < 0.5:
        options["exif"] = _exif(rng)
    if format not in ("BMP", "GIF") and rng.random() < 0.3:
        options["icc_profile"] = _profile(rng)
    if format in ("PNG", "GIF") and mode in ("L", "P", "1", "RGB") and rng.random() < 0.3:
        options["transparency"] = rng.choice((0, 1, 255)) if mode != "RGB" or format == "GIF" else (0, 0, 0)
    if format in ("GIF", "WEBP", "PNG", "TIFF") and mode != "I;16" and rng.random() < 0.2:
        options |= {"save_all": True, "append_images": [image.copy(), image.copy()]}
    stream = io.BytesIO()
    for given in (options, {}):
        with suppress(Exception):  # not every mix can be written; then the plain file is as good
            stream = io.BytesIO()
            image.save(stream, format, **given)
            return stream.getvalue()
    image.convert("RGB").save(stream, format)
    return stream.getvalue()


def _image(rng: random.Random, mode: str, width: int, height: int) -> Image.Image:
    numbers = np.random.default_rng(rng.randrange(2**32))
    if mode == "I;16":
        return Image.fromarray(numbers.integers(0, 65536, (height, width), np.uint16))
    if mode == "I":
        return Image.fromarray(numbers.integers(-(2 ** rng.choice((1, 8, 31))), 2 ** rng.choice((1, 8, 16, 31)), (height, width), np.int32))
    if mode == "F":
        values = numbers.normal(0, 10.0 ** rng.choice((-30, 0, 4, 30)), (height, width)).astype(np.float32)
        values[0, 0] = rng.choice((0.0, float("nan"), float("inf"), -float("inf")))
        return Image.fromarray(values)
    image = Image.fromarray(numbers.integers(0, 256, (height, width, 4), np.uint8))
    if mode == "LAB":
        return Image.frombytes("LAB", (width, height), image.convert("RGB").tobytes())
    return image.convert(mode) if mode in ("RGBA", "LA") else image.convert("RGB").convert(mode)


def _exif(rng: random.Random) -> bytes:
    """A block with an orientation, whole, cut, or with parts that point anywhere."""
    order = rng.choice(("<", ">"))
    count = rng.choice((0, 1, 1, 1, 2, 500, 65535))
    tags, ends = (0x0112, 0x8769, 0x9286, 0x927C, 0x010F), (6, 8, 38, 2**32 - 1)
    entries = [(rng.choice(tags), rng.randrange(14), rng.choice((1, 1, 9, 2**31)), rng.choice(ends)) for _ in range(min(count, 3))]
    block = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}IH", rng.choice((8, 8, 8, 0, 2**32 - 1)), count)
    block += b"".join(struct.pack(f"{order}HHII", *entry) for entry in entries)
    block += bytes(rng.choice((0, 4, 40)))
    return rng.choice((b"Exif\0\0", b"Exif\0\0", b"")) + block[: rng.choice((len(block), len(block), rng.randrange(len(block) + 1)))]


def _profile(rng: random.Random) -> bytes:
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile(rng.choice(("sRGB", "LAB", "XYZ")))).tobytes())
    for _ in range(rng.choice((0, 0, 1, 8))):
        profile[rng.randrange(len(profile))] = rng.randrange(256)
    return bytes(profile[: rng.choice((len(profile), len(profile), rng.randrange(len(profile))))])


def _with_parts(rng: random.Random, data: bytes) -> bytes:
    """A PNG with more parts, in places where they may stand or not."""
    for _ in range(rng.choice((0, 0, 1, 3))):
        kind = rng.choice(_KINDS)
        places = [33, len(data) - 12]
        at = rng.choice(places)
        data = data[:at] + _chunk(kind, _content(rng, kind), rng) + data[at:]
    return data


def _content(rng: random.Random, kind: bytes) -> bytes:
    big = bytes(rng.choice((10, 1000, 2_000_000, 20_000_000)))
    packed = zlib.compress(big, 1)
    text = b"x\nSteps: 7, Sampler: Euler a, CFG scale: 5, Seed: 1, Size: 64x64"
    key = rng.choice((b"parameters\0", b"prompt\0", b"darkroom\0", b"XML:com.adobe.xmp\0", b"Raw profile type exif\0", b"k" * 90, b""))
    sides = [rng.choice((0, 1, 64, 70_000, 2**31)) for _ in range(2)]
    return {
        b"tEXt": key + rng.choice((text, big[:1000])),
        b"zTXt": key + b"\0" + rng.choice((zlib.compress(text), packed, b"garbage")),
        b"iTXt": key + rng.choice((b"\0\0\0\0" + text, b"\1\0\0\0" + packed, b"\1\0en", b"")),
        b"iCCP": b"icc\0\0" + rng.choice((packed, zlib.compress(_profile(rng)), b"garbage")),
        b"eXIf": _exif(rng),
        b"IHDR": struct.pack(">IIBBBBB", *sides, rng.choice((8, 16, 1, 99)), rng.randrange(8), 0, 0, rng.randrange(3)),
    }.get(kind, bytes(rng.randrange(256) for _ in range(rng.choice((0, 1, 6, 30)))))


def _chunk(kind: bytes, content: bytes, rng: random.Random) -> bytes:
    length = len(content) if rng.random() < 0.9 else rng.randrange(2**32)
    check = zlib.crc32(kind + content) if rng.random() < 0.9 else 0
    return struct.pack(">I", length) + kind + content + struct.pack(">I", check)


def _changed(rng: random.Random, data: bytes) -> bytes:
    """A file with some bytes changed, cut, doubled, or exchanged for another file's."""
    if not data:
        return data
    how = rng.randrange(6)
    start = rng.choice((rng.randrange(len(data)), rng.randrange(min(len(data), 100))))
    end = min(len(data), start + rng.choice((1, 1, 4, 40)))
    if how == 0:
        return data[:start]
    if how == 1:
        return data[:start] + data[end:]
    if how == 2:
        return data[:end] + data[start:]
    if how == 3:
        return data[:start] + png.SIGNATURE + data[start:]
    return data[:start] + bytes(rng.randrange(256) for _ in range(end - start)) + data[end:]
