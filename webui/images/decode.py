"""The one reading of a picture file: whoever wants its size or its pixels asks here.

A picture is turned upright by its EXIF block, brought to 8 bits and to sRGB, and is RGB or RGBA. Bounds are checked before anything is
decoded, and whatever is wrong with a file becomes a sentence for the field that it came in by. Of an animation the first picture counts.
Blocks beside the pixels that cannot be read (EXIF, colour profile, texts) are passed over: the picture is still one.
"""

import io
import struct
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageCms
from PIL.Image import Transpose

from webui.errors import RequestError
from webui.images import png

MAX_PIXELS = 64 * 2**20
MAX_SIDE = 2**16
MAX_BYTES = 512 * 2**20
READABLE = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF", "AVIF")
_ORIENTATION, _PHOTOMETRIC = 0x0112, 0x0106
_BITS, _COMPRESSION, _SAMPLES = 0x0102, 0x0103, 0x0153
_YCBCR, _JPEG_IN_TIFF, _UNSIGNED, _SIGNED = 6, (6, 7), (1,), (2,)
_TURNS = {
    2: Transpose.FLIP_LEFT_RIGHT,
    3: Transpose.ROTATE_180,
    4: Transpose.FLIP_TOP_BOTTOM,
    5: Transpose.TRANSPOSE,
    6: Transpose.ROTATE_270,
    7: Transpose.TRANSVERSE,
    8: Transpose.ROTATE_90,
}
_PNG_BITS = 24
"""Where in a PNG file the bits of a sample stand."""
_INTEGERS = {1: "B", 3: "H", 4: "I"}
_APPLE = (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1")
_BEGINNINGS = (png.SIGNATURE, b"\xff\xd8\xff", b"GIF8")
_NO_IMAGE = "This file is not a picture we can read. Use PNG, JPEG or WebP."
_HEIC = "This is a HEIC picture, which cannot be read here. Save it as PNG, JPEG or WebP."
_BROKEN = "This picture is cut off or broken: its pixels cannot be read to their end. Copy or download it again. Use PNG, JPEG or WebP."
_UNREADABLE_TIFF = "This TIFF keeps its colours as YCbCr without JPEG, which cannot be read here. Save it as PNG, JPEG or WebP."
_SAME = 2
"""Of 255: colours that a profile moves no further are taken for sRGB already."""
_INTENT, _FLAGS = ImageCms.Intent.RELATIVE_COLORIMETRIC, ImageCms.Flags.BLACKPOINTCOMPENSATION
_SPACES = {"RGB ": "RGB", "GRAY": "L", "CMYK": "CMYK"}


@dataclass(frozen=True)
class Look:
    """What a picture file is, without its pixels: the size is the upright one, `mode` is Pillow's word for the file's pixels.

    `plain` says that any browser shows the file as it is read here.
    """

    width: int
    height: int
    format: str
    mode: str
    transparent: bool
    orientation: int
    plain: bool

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, upright."""
        return self.width, self.height


def look(data: bytes, field: str = "init") -> Look:
    """Tell what a picture file is; nothing is decoded. Raises `RequestError` on `field` for what is no picture, or a too large one."""
    image = _open(data, field)
    try:
        return _look(image, data)
    except Exception:  # Pillow's readers raise any kind for what others wrote
        raise RequestError(field, _BROKEN) from None


def _look(image: Image.Image, data: bytes) -> Look:
    orientation = _orientation_of(image, data)
    width, height = image.size[::-1] if orientation > 4 else image.size
    plain = (
        image.format in ("PNG", "JPEG", "WEBP")
        and image.mode in ("RGB", "RGBA", "L", "LA", "P", "1")
        and orientation == 1
        and not _profile(image, data)
        and not getattr(image, "is_animated", False)
    )
    return Look(width, height, str(image.format), image.mode, image.has_transparency_data, orientation, plain)


def image_bytes(path: Path, field: str) -> bytes:
    """The content of a picture's file. Raises `RequestError` on `field` when it cannot be read, is no regular file, or is too large."""
    try:
        if path.exists() and not path.is_file():
            raise RequestError(field, f"{path} is not a file.")
        if path.stat().st_size > MAX_BYTES:
            raise RequestError(field, f"{path} is larger than {MAX_BYTES // 2**20} MB.")
        return path.read_bytes()
    except OSError as error:
        raise RequestError(field, f"{path} cannot be read: {error.strerror}.") from None


def read_image(data: bytes, field: str = "init") -> Image.Image:
    """Decode a picture: upright, RGB or RGBA, 8 bits, in sRGB. Raises `RequestError` on `field` when it is broken, none, or too large."""
    return _read(data, field, colours=True)


def read_mask(data: bytes, field: str = "mask") -> Image.Image:
    """Decode a mask as `read_image` does a picture, but keep its numbers: a colour profile does not move them."""
    return _read(data, field, colours=False)


def _read(data: bytes, field: str, *, colours: bool) -> Image.Image:
    image = _open(data, field)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image.load()
        converted = _eight_bits(image, data)
        if colours and (profile := _profile(image, data)):
            converted = _in_srgb(converted, profile)
        rgb = converted if converted.mode == "RGBA" else converted.convert("RGB")
        turn = _TURNS.get(_orientation_of(image, data))
        return rgb if turn is None else rgb.transpose(turn)
    except Exception:  # Pillow's readers raise any kind for what others wrote
        raise RequestError(field, _BROKEN) from None


def _open(data: bytes, field: str) -> Image.Image:
    """Read the head. What stands beside a PNG's pixels is left away, because Pillow gives the whole picture up for it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = Image.open(io.BytesIO(png.pixels_only(data) if png.is_png(data) else data), formats=READABLE)
    except Image.DecompressionBombError:
        raise RequestError(field, f"The picture has more than {MAX_PIXELS // 2**20} million pixels. Make it smaller.") from None
    except Exception:  # as above
        raise RequestError(field, _refusal(data)) from None
    if image.width * image.height > MAX_PIXELS or max(image.size) > MAX_SIDE:
        limit = f"{MAX_PIXELS // 2**20} million can be read, {MAX_SIDE} on a side"
        raise RequestError(field, f"The picture has {image.width}×{image.height} pixels; at most {limit}. Make it smaller.")
    if _tag(image, _PHOTOMETRIC) == _YCBCR and _tag(image, _COMPRESSION) not in _JPEG_IN_TIFF:  # Pillow takes them for RGB
        raise RequestError(field, _UNREADABLE_TIFF)
    return image


def _refusal(data: bytes) -> str:
    """Why a file whose head cannot be read is none."""
    if data[4:8] == b"ftyp" and data[8:12] in _APPLE:
        return _HEIC
    return _BROKEN if data.startswith(_BEGINNINGS) else _NO_IMAGE


# ---------------------------------------------------------------------------------------------------------- the way up
def _orientation_of(image: Image.Image, data: bytes) -> int:
    """1 to 8, as EXIF counts. Of TIFF it is always 1: Pillow has turned it."""
    block = png.exif_of(data) if image.format == "PNG" else image.info.get("exif", b"")
    return orientation(block) if isinstance(block, bytes) else 1


def as_png(image: Image.Image) -> bytes:
    """The pixels as a PNG file without anything beside them."""
    stream = io.BytesIO()
    Image.fromarray(np.asarray(image)).save(stream, "PNG", compress_level=1)
    return stream.getvalue()


def orientation(block: bytes) -> int:
    """The way up that an EXIF block tells; 1 (upright) for a block that is broken, or says nothing."""
    block = block.removeprefix(b"Exif\0\0")
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(block[:4])
    if order is None:
        return 1
    try:
        (start,) = struct.unpack_from(f"{order}I", block, 4)
        (count,) = struct.unpack_from(f"{order}H", block, start)
        entries = [struct.unpack_from(f"{order}HHI", block, start + 2 + 12 * number) for number in range(count)]
        struct.unpack_from("12x", block, start + 2 + 12 * max(count - 1, 0))  # a directory that is not whole says nothing
    except struct.error:
        return 1
    for number, (tag, kind, values) in enumerate(entries):
        if tag == _ORIENTATION and kind in _INTEGERS and values == 1:
            (told,) = struct.unpack_from(order + _INTEGERS[kind], block, start + 2 + 12 * number + 8)
            return int(told) if 1 <= told <= 8 else 1
    return 1


# ---------------------------------------------------------------------------------------------------------- 8 bits
def _tag(image: Image.Image, number: int) -> Any:
    """What a TIFF says of itself; None of other files, and where it does not."""
    return getattr(image, "tag_v2", {}).get(number)


def _eight_bits(image: Image.Image, data: bytes) -> Image.Image:
    """L, RGB, RGBA or CMYK of 8 bits."""
    if image.mode.startswith("I;16"):
        return _sixteen(image)
    if image.mode in ("I", "F"):
        whole = np.asarray(image)
        unsigned = image.mode == "I" and _tag(image, _BITS) == (32,) and _tag(image, _SAMPLES) in (None, _UNSIGNED)
        return Image.fromarray(_stretched(whole.view(np.uint32) if unsigned else whole))
    if image.mode == "L" and _tag(image, _SAMPLES) == _SIGNED:
        return Image.fromarray(_stretched(np.asarray(image).view(np.int8)))
    if image.mode == "LAB":
        return _from_lab(image)
    if image.has_transparency_data:
        return _small_key(image, data).convert("RGBA")
    return image.convert("L" if image.mode == "1" else image.mode if image.mode in ("L", "CMYK") else "RGB")


def _sixteen(image: Image.Image) -> Image.Image:
    """Grey of 16 bits, or of 12: the largest number is white, and in a TIFF that says so black. One value may be the transparent one."""
    values, most = np.asarray(image), 4095 if _tag(image, _BITS) == (12,) else 65535
    if _tag(image, _PHOTOMETRIC) == 0:
        values = most - values
    grey = Image.fromarray(((values.astype(np.uint32) * 255 + most // 2) // most).astype(np.uint8))
    key = image.info.get("transparency")
    if isinstance(key, int):
        grey = grey.convert("RGBA")
        grey.putalpha(Image.fromarray(np.where(values == key, 0, 255).astype(np.uint8)))
    return grey


def _stretched(whole: np.ndarray) -> np.ndarray:
    """Numbers of any range as bytes: 0…1, 0…255 and 0…65535 are what writers mean; another range is stretched from its least to its most.

    What is no number is black.
    """
    values = whole.astype(np.float32)
    values = np.where(np.isfinite(values), values, np.float32(0))
    least, most = float(values.min()), float(values.max())
    top = next((top for top in (1.0, 255.0, 65535.0) if most <= top), None) if least >= 0 else None
    if top is not None:
        return np.asarray(np.rint(values * (255 / top)), np.uint8)
    return np.asarray(np.rint((values.astype(np.float64) - least) * (255 / (most - least or 1))), np.uint8)


def _small_key(image: Image.Image, data: bytes) -> Image.Image:
    """A PNG names its transparent colour in its own bits; Pillow has read it as one of 8."""
    key: Any = image.info.get("transparency")
    if isinstance(key, tuple) and max(key) > 255:
        image.info["transparency"] = tuple(value >> 8 for value in key)
    elif isinstance(key, int) and key > 255:
        image.info["transparency"] = key >> 8
    elif isinstance(key, int) and image.mode == "L" and png.is_png(data) and (bits := data[_PNG_BITS]) < 8:
        image.info["transparency"] = key * 255 // (2**bits - 1)
    return image


# ---------------------------------------------------------------------------------------------------------- colours
def _profile(image: Image.Image, data: bytes) -> bytes:
    profile = png.profile_of(data) if image.format == "PNG" else image.info.get("icc_profile") or b""
    return profile if isinstance(profile, bytes) and len(profile) <= png.MAX_PROFILE else b""


def _in_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    """The colours in sRGB, alpha as it is. A profile that is broken, or of another kind of colours than the picture's, is passed over."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        mode = _SPACES.get(source.profile.xcolor_space, "")
        base = image if image.mode == mode else image.convert(mode) if image.mode == "RGBA" and mode in ("RGB", "L") else None
        if base is None:
            return image
        change = ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB", _INTENT, _FLAGS)
        moved = None if _is_same(change, mode) else ImageCms.applyTransform(base, change)
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return image
    if moved is None:
        return image
    if image.mode == "RGBA":
        moved.putalpha(image.getchannel("A"))
    return moved


def _is_same(change: ImageCms.ImageCmsTransform, mode: str) -> bool:
    """Whether a profile leaves RGB or grey where it is, so that the file's own numbers can stay."""
    if mode == "CMYK":
        return False
    steps = np.arange(0, 256, 15, dtype=np.uint8)
    sample = Image.fromarray(np.stack(np.meshgrid(steps, steps, steps), -1).reshape(-1, len(steps), 3)).convert(mode)
    moved = ImageCms.applyTransform(sample, change)
    apart = np.asarray(moved, np.int16) - np.asarray(sample.convert("RGB"), np.int16)
    return int(np.abs(apart).max()) <= _SAME


def _from_lab(image: Image.Image) -> Image.Image:
    change = ImageCms.buildTransform(ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB"), "LAB", "RGB")
    return ImageCms.applyTransform(image, change) or image.convert("L")
