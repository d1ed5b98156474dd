"""Soft inpainting: the mask's greys say how much each place may change, at every step and in the composite.

Differential diffusion (Levin & Fried 2023, arXiv:2306.00950) in the form that A1111's "Soft inpainting" gave it: the latents are blended
with their lengths kept, the mask hardens as the noise falls, and the composite keeps the original where the latents hardly changed.
"""

import math

import numpy as np
import torch
from PIL import Image, ImageFilter, ImageOps
from torch import Tensor

from webui.core.request import ResizeMode, SoftInpaint
from webui.generation.img2img import Source
from webui.images.pixels import resize

_TINY = 1e-5
_REACH, _SPREAD = 2, 1.5


class SoftBlend:
    """The blend at every step, as `inpaint.MaskedDenoiser` calls it."""

    def __init__(self, options: SoftInpaint) -> None:
        self._options = options

    def __call__(self, denoised: Tensor, start: Tensor, mask: Tensor, sigma: Tensor) -> Tensor:
        """Between the start picture and the denoised one; the lower the noise, the less of the start picture shines through."""
        exponent = sigma[:1] ** self._options.schedule_bias * self._options.preservation
        return blend_keeping_length(start, denoised, mask ** exponent.reshape(1, 1, 1, 1), self._options.contrast)


def blend_keeping_length(first: Tensor, second: Tensor, amount: Tensor, contrast: float) -> Tensor:
    """Interpolate latent vectors, and their lengths by a power mean of exponent `contrast`, which leans to the longer."""
    mixed = first * (1 - amount) + second * amount
    length = torch.linalg.vector_norm(mixed, dim=1, keepdim=True).double() + _TINY
    lengths = [torch.linalg.vector_norm(part, dim=1, keepdim=True).double() ** contrast for part in (first, second)]
    wanted = (lengths[0] * (1 - amount) + lengths[1] * amount) ** (1 / contrast)
    result: Tensor = mixed * (wanted / length).to(mixed.dtype)
    return result


def soft_overlays(
    source: Source, start: Tensor, result: Tensor, mask: Tensor, size: tuple[int, int], options: SoftInpaint
) -> list[Image.Image]:
    """One RGBA overlay of the original per picture: opaque where the latents changed little."""
    distances = torch.linalg.vector_norm(result - start, dim=1).float().cpu().numpy()
    scale = _mask_scale(mask[0, 0].float().cpu().numpy(), options) * options.difference_threshold
    return [_overlay(source, _opacity(distance, scale, options.difference_contrast), size) for distance in distances]


def _mask_scale(mask: np.ndarray, options: SoftInpaint) -> np.ndarray:
    """How far a place must move to count as changed: less where the mask is white, by `mask_influence`."""
    black = 1 - np.clip(mask, 0, 1) ** (options.preservation / 2)
    share = 0.5 * (1 - options.mask_influence) + black * options.mask_influence
    return np.asarray(share / (1.00001 - share))


def _opacity(distance: np.ndarray, scale: np.ndarray, contrast: float) -> np.ndarray:
    """0 where the original stays, 1 where the result shows."""
    smooth = _windowed_mean(_windowed_mean(distance, 0.9, 1.0), 0.25, 0.75)
    kept = 1 / (1 + (smooth / np.maximum(scale, 1e-9)) ** contrast)
    return np.asarray(1 - kept**3 * (kept * (6 * kept - 15) + 10))


def _overlay(source: Source, opacity: np.ndarray, size: tuple[int, int]) -> Image.Image:
    mask = resize(Image.fromarray((255 * opacity).astype(np.uint8)), ResizeMode.FILL, *size).convert("L")
    mask = mask.filter(ImageFilter.GaussianBlur(radius=4))
    if source.region is not None:
        left, top, right, bottom = source.region
        whole = Image.new("L", source.original.size)
        whole.paste(resize(mask, ResizeMode.CROP, right - left, bottom - top), (left, top))
        mask = whole
    kept = Image.new("RGBa", source.original.size)
    kept.paste(source.original.convert("RGBA").convert("RGBa"), mask=ImageOps.invert(mask))
    return kept.convert("RGBA")


def _kernel() -> list[tuple[int, int, float]]:
    """(row, column, weight) of a Gaussian that reaches zero just outside its square."""
    edge = math.exp(-((_REACH + 1) ** 2) / _SPREAD**2)
    span = range(-_REACH, _REACH + 1)
    weights = ((row, column, (math.exp(-(row**2 + column**2) / _SPREAD**2) - edge) / (1 - edge)) for row in span for column in span)
    return [(row, column, max(weight, 0.0)) for row, column, weight in weights]


def _windowed_mean(image: np.ndarray, low: float, high: float) -> np.ndarray:
    """Around each pixel, sort the values by size and average those between two shares of the kernel's weight, at least 1 wide."""
    height, width = image.shape
    padded = np.pad(image.astype(np.float64), _REACH)
    inside = np.pad(np.ones_like(image, np.float64), _REACH)
    kernel = _kernel()
    at = [(slice(_REACH + row, _REACH + row + height), slice(_REACH + column, _REACH + column + width)) for row, column, _ in kernel]
    values = np.stack([padded[place] for place in at])
    weights = np.stack([inside[place] * weight for place, (_, _, weight) in zip(at, kernel, strict=True)])
    order = np.argsort(values, axis=0, kind="stable")
    values, weights = np.take_along_axis(values, order, 0), np.take_along_axis(weights, order, 0)
    ends = np.cumsum(weights, axis=0)
    begin, end = _window(ends[-1], low, high)
    overlap = np.clip(np.minimum(ends, end) - np.maximum(ends - weights, begin), 0, None)
    return np.asarray((values * overlap).sum(0) / np.maximum(overlap.sum(0), 1e-12))


def _window(total: np.ndarray, low: float, high: float) -> tuple[np.ndarray, np.ndarray]:
    """The part of the stack that is averaged; a part thinner than 1 is widened to 1 around its middle and kept inside."""
    begin, end = total * low, total * high
    thin = end - begin < 1
    middle = (begin + end) / 2
    begin, end = np.where(thin, middle - 0.5, begin), np.where(thin, middle + 0.5, end)
    over = thin & (end > total)
    begin, end = np.where(over, total - 1, begin), np.where(over, total, end)
    under = thin & (begin < 0)
    return np.where(under, 0, begin), np.where(under, 1, end)
