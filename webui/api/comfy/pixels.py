"""Nodes that change pixels and need no model: what each makes of its inputs. A picture is RGB or RGBA, a mask is L."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from PIL import Image, ImageChops, ImageFilter, ImageOps

from webui.core.finish import named_factor
from webui.images.pixels import fill_masked

Make = Callable[[Mapping[str, Any]], Image.Image]
"""Takes a node's inputs, pictures and masks among them; gives its first output."""
LARGEST = 64 * 2**20
"""Pixels of the largest picture that a node may make."""
_METHODS: Mapping[str, Image.Resampling] = {
    "area": Image.Resampling.BOX,
    "bicubic": Image.Resampling.BICUBIC,
    "bilinear": Image.Resampling.BILINEAR,
    "lanczos": Image.Resampling.LANCZOS,
    "nearest-exact": Image.Resampling.NEAREST,
}


def checked(width: float, height: float) -> tuple[int, int]:
    """A size that may be made. Raises `ValueError`."""
    size = round(width), round(height)
    if min(size) < 1 or size[0] * size[1] > LARGEST:
        raise ValueError(f"{size[0]}×{size[1]} pixels cannot be made.")
    return size


def band(image: Image.Image, channel: str) -> Image.Image:
    """One channel of a picture as a mask; its alpha as ComfyUI means it, white where it is transparent."""
    if channel == "alpha":
        return ImageOps.invert(image.convert("RGBA").getchannel("A"))
    return image.convert("RGB").getchannel(channel[:1].upper() if channel in ("red", "green", "blue") else "R")


def _scaled(image: Image.Image, width: float, height: float, method: str) -> Image.Image:
    return image.resize(checked(width, height), _METHODS.get(method, Image.Resampling.LANCZOS))


def _scale(given: Mapping[str, Any]) -> Image.Image:
    image, width, height = given["image"], given.get("width", 0), given.get("height", 0)
    width = width or image.width * (height or image.height) / image.height
    height = height or image.height * width / image.width
    if given.get("crop") == "center":
        checked(width, height)
        shape = min(image.width / width, image.height / height)
        inside = round(width * shape), round(height * shape)
        left, top = (image.width - inside[0]) // 2, (image.height - inside[1]) // 2
        image = image.crop((left, top, left + inside[0], top + inside[1]))
    return _scaled(image, width, height, str(given.get("upscale_method")))


def _scale_by(given: Mapping[str, Any]) -> Image.Image:
    image, by = given["image"], given.get("scale_by", 1)
    return _scaled(image, image.width * by, image.height * by, str(given.get("upscale_method")))


def _enlarged(given: Mapping[str, Any]) -> Image.Image:
    """By as much as the upscaler's name says, with Lanczos: the network itself runs in the engine alone."""
    image = given["image"]
    by = named_factor(str(given.get("upscale_model", ""))) or 4
    return _scaled(image, image.width * by, image.height * by, "lanczos")


def _crop(given: Mapping[str, Any], name: str) -> Image.Image:
    image: Image.Image = given[name]
    left, top = (max(min(round(given.get(key, 0)), most - 1), 0) for key, most in (("x", image.width), ("y", image.height)))
    width, height = checked(given.get("width", image.width), given.get("height", image.height))
    return image.crop((left, top, min(left + width, image.width), min(top + height, image.height)))


def _as_mask(mask: Image.Image, size: tuple[int, int]) -> Image.Image:
    return mask if mask.size == size else mask.resize(size, Image.Resampling.BILINEAR)


def _with_alpha(given: Mapping[str, Any], mask: Image.Image) -> Image.Image:
    image: Image.Image = given["image"].convert("RGB")
    image.putalpha(_as_mask(mask, image.size))
    return image


def _composite(given: Mapping[str, Any]) -> Image.Image:
    over: Image.Image = given["destination"].convert("RGB")
    source: Image.Image = given["source"].convert("RGB")
    if given.get("resize_source"):
        source = source.resize(over.size, Image.Resampling.BILINEAR)
    mask = given.get("mask")
    over.paste(source, (round(given.get("x", 0)), round(given.get("y", 0))), mask and _as_mask(mask, source.size))
    return over


def _threshold(given: Mapping[str, Any]) -> Image.Image:
    mask: Image.Image = given["mask"]
    least = given.get("value", 0.5) * 255
    return mask.point([255 if value > least else 0 for value in range(256)])


def _spread(mask: Image.Image, by: int) -> Image.Image:
    """The lightest value within `by` pixels, in a square; with a negative number the darkest one."""
    values, wider = np.asarray(mask), np.maximum if by > 0 else np.minimum
    for axis, most in ((0, mask.height), (1, mask.width)):
        reach, done = min(abs(by), most), 0
        while done < reach:  # what was spread over 1, 2, 4 … pixels spreads over as many more
            step = min(max(done, 1), reach - done)
            moved = [np.roll(values, shift, axis) for shift in (step, -step)]
            edge = [slice(None)] * 2
            for shifted, cut in zip(moved, (slice(0, step), slice(-step, None)), strict=True):
                edge[axis] = cut
                shifted[tuple(edge)] = values[tuple(edge)]
            values, done = wider(values, wider(*moved)), done + step
    return Image.fromarray(values)


def _changed(mask: Image.Image, by: float, blur: float) -> Image.Image:
    spread = _spread(mask, max(min(round(by), 4096), -4096))
    return spread.filter(ImageFilter.GaussianBlur(min(blur, 1000) / 3)) if blur > 0 else spread


def _stable(given: Mapping[str, Any]) -> Image.Image:
    """What is nearly black is black, what is nearly white is white."""
    mask: Image.Image = given["mask"]
    near = 255 * given.get("epsilon", 0.01)
    return mask.point([0 if value <= near else 255 if value >= 255 - near else value for value in range(256)])


def _masked(given: Mapping[str, Any], changed: Image.Image) -> Image.Image:
    """What was changed, under the mask, which may fall off inwards."""
    image = given["image"].convert("RGB")
    mask, falloff = _as_mask(given["mask"], image.size), given.get("falloff", 0)
    soft = _changed(mask, -falloff / 2, falloff) if falloff > 0 else mask
    return Image.composite(changed, image, ImageChops.darker(soft, mask))


def _fill(given: Mapping[str, Any]) -> Image.Image:
    image = given["image"].convert("RGB")
    neutral = given.get("fill", "neutral") == "neutral"
    return _masked(given, Image.new("RGB", image.size, (127, 127, 127)) if neutral else fill_masked(image, _threshold(given)))


def _blur(given: Mapping[str, Any]) -> Image.Image:
    image = given["image"].convert("RGB")
    return _masked(given, image.filter(ImageFilter.GaussianBlur(max(min(given.get("blur", 255), 1000), 0) / 3)))


def _colour(given: Mapping[str, Any]) -> tuple[int, ...]:
    number = int(given.get("color", 0))
    return (number >> 16) & 255, (number >> 8) & 255, number & 255


PIXELS: Mapping[str, tuple[str, Make]] = {
    "CropMask": ("mask", lambda given: _crop(given, "mask")),
    "ETN_ApplyMaskToImage": ("image", lambda given: _with_alpha(given, given["mask"])),
    "EmptyImage": ("", lambda given: Image.new("RGB", checked(given.get("width", 512), given.get("height", 512)), _colour(given))),
    "GrowMask": ("mask", lambda given: _changed(given["mask"], given.get("expand", 0), 0)),
    "INPAINT_ColorMatch": ("target", lambda given: given["target"]),
    "INPAINT_ExpandMask": ("mask", lambda given: _changed(given["mask"], abs(given.get("grow", 0)), given.get("blur", 0))),
    "INPAINT_MaskedBlur": ("image", _blur),
    "INPAINT_MaskedFill": ("image", _fill),
    "INPAINT_ShrinkMask": ("mask", lambda given: _changed(given["mask"], -abs(given.get("shrink", 0)), given.get("blur", 0))),
    "INPAINT_StabilizeMask": ("mask", _stable),
    "ImageCompositeMasked": ("destination", _composite),
    "ImageCrop": ("image", lambda given: _crop(given, "image")),
    "ImageInvert": ("image", lambda given: ImageOps.invert(given["image"].convert("RGB"))),
    "ImageScale": ("image", _scale),
    "ImageScaleBy": ("image", _scale_by),
    "ImageToMask": ("image", lambda given: band(given["image"], str(given.get("channel", "red")))),
    "ImageUpscaleWithModel": ("image", _enlarged),
    "InvertMask": ("mask", lambda given: ImageOps.invert(given["mask"])),
    "JoinImageWithAlpha": ("image", lambda given: _with_alpha(given, ImageOps.invert(given["alpha"]))),
    "MaskToImage": ("mask", lambda given: given["mask"].convert("RGB")),
    "SolidMask": (
        "",
        lambda given: Image.new("L", checked(given.get("width", 512), given.get("height", 512)), round(255 * given.get("value", 1))),
    ),
    "ThresholdMask": ("mask", _threshold),
}
"""By kind: the input that goes on through it, and what it does."""
SAID: Mapping[str, str] = {
    "INPAINT_ColorMatch": "node INPAINT_ColorMatch: the colours stay as they are",
    "ImageUpscaleWithModel": "node ImageUpscaleWithModel: Lanczos stands for its upscaler",
}
"""What is done otherwise than a node means it."""
