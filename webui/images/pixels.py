"""Pixels in and out of the engine: A1111's resize modes, masks, crops, fills, overlays, grids. `decode` reads the files.

The rules and their numbers are AUTOMATIC1111's (modules `images`, `masking` and `processing` of version 1.10), restated;
Pillow and numpy do the work.
"""

import contextlib
import math
import secrets
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter, ImageOps

from webui.core.request import ResizeMode
from webui.errors import StorageError
from webui.images.decode import read_image

Scale = Callable[[Image.Image, int, int], Image.Image]
"""Brings a picture to a width and a height."""
Region = tuple[int, int, int, int]
"""Left, top, right, bottom in pixels; right and bottom are outside."""

_NEARLY_BLACK = 8
"""The darkest grey that is meant as black where a mask has no 0 at all, as of 16 bits or of a scan."""
_FILL_BLURS = ((256, 1), (64, 1), (16, 2), (4, 4), (2, 2), (0, 1))


def flatten(image: Image.Image, background: str = "#ffffff") -> Image.Image:
    """RGB; transparent places show `background` (white, as A1111 does)."""
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        base = Image.new("RGBA", image.size, background)
        base.alpha_composite(image.convert("RGBA"))
        return base.convert("RGB")
    return image.convert("RGB")


def lanczos(image: Image.Image, width: int, height: int) -> Image.Image:
    """The picture at this size."""
    return image.resize((width, height), Image.Resampling.LANCZOS)


def resize(image: Image.Image, mode: ResizeMode, width: int, height: int, scale: Scale = lanczos) -> Image.Image:
    """Bring a picture to `width`×`height` by one of A1111's resize modes; the latent one resizes pixels like "Just resize".

    `scale` makes the sizes.
    """
    if mode is ResizeMode.CROP:
        return _cover(image, width, height, scale)
    if mode is ResizeMode.FILL:
        return _fit(image, width, height, scale)
    return scale(image, width, height)


def _cover(image: Image.Image, width: int, height: int, scale: Scale) -> Image.Image:
    """Fill the frame; what stands over is cut off on both sides."""
    wider = width / height > image.width / image.height
    inner = (width, image.height * width // image.width) if wider else (image.width * height // image.height, height)
    frame = Image.new(image.mode, (width, height))
    frame.paste(scale(image, *inner), (width // 2 - inner[0] // 2, height // 2 - inner[1] // 2))
    return frame


def _fit(image: Image.Image, width: int, height: int, scale: Scale) -> Image.Image:
    """Show the whole picture; bars beside it go on with its edge.

    The bars are what Pillow makes of a box without extent, as in A1111: 9/8 of the outermost pixels less 1/8 of their neighbours.
    """
    narrower = width / height < image.width / image.height
    inner = (width, image.height * width // image.width) if narrower else (image.width * height // image.height, height)
    scaled = scale(image, max(inner[0], 1), max(inner[1], 1))
    left, top = width // 2 - scaled.width // 2, height // 2 - scaled.height // 2
    frame = Image.new(image.mode, (width, height))
    frame.paste(scaled, (left, top))
    if top:
        first, last, bar, place = (0, 0, width, 0), (0, scaled.height, width, scaled.height), (width, top), (0, top + scaled.height)
    elif left:
        first, last, bar, place = (0, 0, 0, height), (scaled.width, 0, scaled.width, height), (left, height), (left + scaled.width, 0)
    else:
        return frame
    frame.paste(scaled.resize(bar, box=first), (0, 0))
    frame.paste(scaled.resize(bar, box=last), place)
    return frame


def prepare_mask(mask: Image.Image, *, invert: bool, blur: int, round_alpha: bool = True) -> Image.Image:
    """An L mask, white where the picture changes."""
    grey = mask_grey(mask, round_alpha)
    return blur_mask(ImageOps.invert(grey) if invert else grey, blur)


def mask_grey(mask: Image.Image, round_alpha: bool = True) -> Image.Image:
    """What a mask's picture means, white for "changes", as A1111 reads it in every mode that has an alpha channel.

    Where anything is transparent, the alpha channel is the mask (cut at one half by `round_alpha`) and colours say nothing; else the
    brightness is.
    """
    alpha = mask.convert("RGBA").getchannel("A") if mask.has_transparency_data else None
    if alpha is not None and alpha.getextrema() != (255, 255):
        return alpha.point(lambda value: 255 if value > 128 else 0) if round_alpha else alpha
    grey = mask.convert("L")
    darkest = grey.getextrema()[0]
    if not 0 < int(darkest) < _NEARLY_BLACK:  # type: ignore[arg-type]
        return grey  # a soft mask's faintest greys count, as in Forge
    return grey.point(lambda value: 0 if value < _NEARLY_BLACK else value)


def blur_mask(mask: Image.Image, blur: int) -> Image.Image:
    """Gaussian blur of standard deviation `blur` pixels with a kernel cut at 2.5 deviations, edges mirrored."""
    if blur <= 0:
        return mask
    kernel = _whole_kernel(blur)
    grey = np.asarray(mask, np.int64)
    for axis in (1, 0):
        grey = (_convolve(grey, kernel, axis) + 128) >> 8
    return Image.fromarray(grey.astype(np.uint8))


def _whole_kernel(blur: int) -> np.ndarray:
    """The kernel in whole 256ths, as A1111's library has it: what rounding leaves goes on inwards, the rest to the middle."""
    reach = int(2.5 * blur + 0.5)
    exact = np.exp(-0.5 * (np.arange(-reach, reach + 1) / blur) ** 2)
    side, over = [], 0.0
    for weight in (256 * exact / exact.sum())[:reach]:
        side.append(round(weight + over))
        over += weight - side[-1]
    return np.array([*side, 256 - 2 * sum(side), *reversed(side)])


def _convolve(grey: np.ndarray, kernel: np.ndarray, axis: int) -> np.ndarray:
    reach, size = len(kernel) // 2, grey.shape[axis]
    positions = np.arange(-reach, size + reach)
    period = max(2 * (size - 1), 1)
    mirrored = np.abs((positions + size - 1) % period - (size - 1)) if size > 1 else np.zeros_like(positions)
    padded = np.take(grey, mirrored, axis=axis)
    return np.apply_along_axis(lambda line: np.convolve(line, kernel, mode="valid"), axis, padded)


def crop_region(mask: Image.Image, padding: int) -> Region | None:
    """The box around the white of an L mask, `padding` pixels larger, inside the picture. None when nothing is white."""
    box = mask.getbbox()
    if box is None:
        return None
    return max(box[0] - padding, 0), max(box[1] - padding, 0), min(box[2] + padding, mask.width), min(box[3] + padding, mask.height)


def expand_region(region: Region, width: int, height: int, image_width: int, image_height: int) -> Region:
    """Grow a region to the shape of `width`×`height`, moved to stay inside the picture and cut where it cannot."""
    left, top, right, bottom = region
    shape = width / height  # divided first, as A1111 does: another order rounds to another pixel
    if (right - left) / (bottom - top) > shape:
        top, bottom = _grow(top, bottom, int((right - left) / shape - (bottom - top)), image_height)
    else:
        left, right = _grow(left, right, int((bottom - top) * shape - (right - left)), image_width)
    return left, top, right, bottom


def _grow(low: int, high: int, by: int, limit: int) -> tuple[int, int]:
    low, high = low - by // 2, high + by - by // 2
    if high >= limit:
        low, high = low - (high - limit), limit
    if low < 0:
        low, high = 0, high - low
    return low, min(high, limit)


def fill_masked(image: Image.Image, mask: Image.Image) -> Image.Image:
    """Spread the colours around the masked part into it ("Masked content: fill"), from wide blurs to narrow ones."""
    kept = Image.new("RGBa", image.size)
    kept.paste(image.convert("RGBA").convert("RGBa"), mask=ImageOps.invert(mask.convert("L")))
    result = Image.new("RGBA", image.size)
    for radius, repeats in _FILL_BLURS:
        blurred = kept.filter(ImageFilter.GaussianBlur(radius)).convert("RGBA")
        for _ in range(repeats):
            result.alpha_composite(blurred)
    return result.convert("RGB")


def overlay(image: Image.Image, mask: Image.Image) -> Image.Image:
    """The part of a picture that stays, as RGBA to lay over the result: transparent where the mask is white."""
    kept = Image.new("RGBa", image.size)
    kept.paste(image.convert("RGBA").convert("RGBa"), mask=ImageOps.invert(mask.convert("L")))
    return kept.convert("RGBA")


def apply_overlay(result: Image.Image, over: Image.Image, region: Region | None = None) -> Image.Image:
    """Lay the kept part over a result; with `region` the result is first put back where it was cut out."""
    if region is not None:
        base = Image.new("RGBA", over.size)
        base.paste(_cover(result, region[2] - region[0], region[3] - region[1], lanczos), region[:2])
        result = base
    result = result.convert("RGBA")
    result.alpha_composite(over)
    return result.convert("RGB")


def latent_mask(mask: Image.Image, width: int, height: int, rounded: bool) -> np.ndarray:
    """The mask on the latent's grid [height, width], float32 in 0..1; `rounded` makes each latent pixel change wholly or not at all."""
    grey = np.asarray(mask.convert("RGB").resize((width, height)), np.float32)[..., 0] / 255
    return np.asarray(np.around(grey) if rounded else grey)


def grid(images: Sequence[Image.Image]) -> Image.Image:
    """All pictures of a batch side by side, as square as possible."""
    rows = max(round(math.sqrt(len(images))), 1)
    columns = math.ceil(len(images) / rows)
    width, height = max(image.width for image in images), max(image.height for image in images)
    sheet = Image.new("RGB", (columns * width, rows * height), "black")
    for number, image in enumerate(images):
        sheet.paste(image, (number % columns * width, number // columns * height))
    return sheet


def write_thumbnail(source: Path, target: Path, size: int) -> None:
    """Write a WebP of at most `size` pixels a side, whole or not at all. Raises `RequestError` for a broken picture, and `StorageError`."""
    small = flatten(read_image(source.read_bytes(), "picture"))
    small.thumbnail((size, size), Image.Resampling.LANCZOS)
    part = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        small.save(part, "WEBP", quality=82)
        part.replace(target)
    except OSError as error:
        with contextlib.suppress(OSError):
            part.unlink()
        raise StorageError(f"{target} cannot be written: {error.strerror or error}. Make room on the drive, or clear the cache.") from None
