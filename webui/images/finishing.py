"""The steps of the finish chain that are pixels alone: enlarge, match colours, sharpen, film grain. No torch.

Transparency passes through all but what an upscaler's network drops.
"""

import math
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageFilter

from webui.core.finish import FormatStep, GrainStep, MatchColorsStep, SharpenStep, UpscaleStep, factor_of, is_own
from webui.errors import RequestError
from webui.images import colors
from webui.images.bands import bands, pause
from webui.plugins.types import FinishRun

GRAIN = 40.0
"""Grey levels of the standard deviation at amount 1."""
LONGEST = {"webp": 16_383, "jpeg": 65_500}
"""Pixels of a side at most."""
NO_COLORS = "Choose the picture whose colours are wanted."


def upscale(image: Image.Image, step: UpscaleStep, run: FinishRun) -> Image.Image:
    """Enlarge by one upscaler or by two, as A1111's Extras do: both start from the picture, and their results are blended in 8 bits."""
    if is_none(step.upscaler):
        return image
    factor = 0.0 if is_own(step) else factor_of(image.size, step)
    made = run.enlarge(image, step.upscaler, factor)
    if step.second_visibility and not is_none(step.second):
        other = run.enlarge(image, step.second, factor or made.width / image.width).convert(made.mode)
        other = other if other.size == made.size else other.resize(made.size, Image.Resampling.LANCZOS)
        made = Image.blend(made, other, step.second_visibility)
    return middle(made, (step.width, step.height)) if step.width and step.height and step.crop else made


def is_none(name: str) -> bool:
    """Whether this is A1111's word for no upscaler."""
    return name.strip().lower() in ("", "none")


def middle(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """The middle of a picture, of this size, on black."""
    frame = Image.new("RGB", size)
    frame.paste(image, (size[0] // 2 - image.width // 2, size[1] // 2 - image.height // 2))
    return frame


def match_colors(image: Image.Image, step: MatchColorsStep, run: FinishRun) -> Image.Image:
    """Give the picture another one's colours; in part where the visibility is below 1."""
    source = step.image or run.request.init
    if source is None:
        raise RequestError("finish", NO_COLORS)
    reference = run.picture(source)

    def matched(plain: Image.Image) -> Image.Image:
        made = colors.match_colors(plain, reference)
        return made if step.visibility == 1 else Image.blend(plain, made, step.visibility)

    return run.off_device(lambda: on_colors(image, matched))


def sharpen(image: Image.Image, step: SharpenStep, run: FinishRun) -> Image.Image:
    """Unsharp mask."""
    return run.off_device(lambda: on_colors(image, lambda plain: _sharpened(plain, step)))


def _sharpened(image: Image.Image, step: SharpenStep) -> Image.Image:
    """In bands, each with as much around it as the blur reaches: three passes of a box that is about the radius wide each way."""
    mask = ImageFilter.UnsharpMask(step.radius, round(step.amount * 100), step.threshold)
    reach, made = 3 * (math.ceil(step.radius) + 2), Image.new(image.mode, image.size)
    for rows in bands(image.width, image.height, least=4 * reach):
        top = max(rows.start - reach, 0)
        band = image.crop((0, top, image.width, min(rows.stop + reach, image.height))).filter(mask)
        made.paste(band.crop((0, rows.start - top, image.width, rows.stop - top)), (0, rows.start))
    return made


def grain(image: Image.Image, step: GrainStep, run: FinishRun) -> Image.Image:
    """Add noise drawn from the picture's seed, the same for the same seed and size."""
    return run.off_device(lambda: on_colors(image, lambda plain: _grained(plain, step, run.seed if step.seed < 0 else step.seed)))


def _grained(image: Image.Image, step: GrainStep, seed: int) -> Image.Image:
    """In bands, so that memory stays bounded by the picture itself and a stop is heard."""
    drawn, channels = np.random.default_rng(seed), 3 if step.color else 1
    cells = max(round(image.width / step.size), 1), max(round(image.height / step.size), 1)
    noise = np.empty((cells[1], cells[0], channels), np.float32)
    for rows in bands(*cells):
        noise[rows] = drawn.standard_normal(noise[rows].shape, dtype=np.float32) * np.float32(GRAIN * step.amount)
    pixels = np.array(image)
    planes: list[Image.Image] = []
    for channel in range(channels):
        planes.append(Image.fromarray(noise[..., channel]).resize(image.size, Image.Resampling.BICUBIC))
        pause(*image.size)
    for rows in bands(*image.size):
        band = np.stack([np.asarray(plane.crop((0, rows.start, image.width, rows.stop))) for plane in planes], axis=-1)
        pixels[rows] = np.clip(np.rint(pixels[rows] + band), 0, 255)
    return Image.fromarray(pixels)


def on_colors(image: Image.Image, change: Callable[[Image.Image], Image.Image]) -> Image.Image:
    """Change the colours of a picture and leave its transparency as it is."""
    if image.mode != "RGBA":
        return change(image.convert("RGB"))
    made = change(image.convert("RGB"))
    made.putalpha(image.getchannel("A"))
    return made


def fits_format(image: Image.Image, step: FormatStep, run: FinishRun) -> Image.Image:
    """The picture as it is: how it is written is decided where it is saved. Raises `RequestError` for one that the format cannot hold."""
    check_format(image.size, step)
    return image


def check_format(size: tuple[int, int], step: FormatStep) -> None:
    """Raises `RequestError` for a picture of a size that the format cannot hold."""
    most = LONGEST.get(step.format, 0)
    if most and max(size) > most:
        said = f"{step.format.upper()} holds at most {most} pixels a side; the picture would have {size[0]}×{size[1]}. Choose PNG."
        raise RequestError("finish", said)
