"""Colour correction: give a result the colours of the picture it was made from."""

import numpy as np
from PIL import Image

_RGB_TO_XYZ = np.array([[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]])
_WHITE = _RGB_TO_XYZ.sum(1)


def match_colors(image: Image.Image, reference: Image.Image) -> Image.Image:
    """Give a picture the colours of `reference` and keep its own luminosity: histogram matching per channel in CIE Lab.

    Fractions are cut off at both ends, as by the libraries that A1111 uses: its picture is half a grey level darker than the true one.

    Histogram matching: Gonzalez & Woods, Digital Image Processing, 3.3; the luminosity blend: W3C Compositing and Blending, 10.3.
    """
    lab, wanted = _to_lab(np.asarray(image.convert("RGB"))), _to_lab(np.asarray(reference.convert("RGB")))
    matched = np.stack([_match(lab[..., channel], wanted[..., channel]) for channel in range(3)], axis=-1)
    colour = _from_lab(matched).astype(np.float64) / 255
    return Image.fromarray((_set_luminosity(colour, _luminosity(np.asarray(image.convert("RGB")) / 255.0)) * 255).astype(np.uint8))


def _match(channel: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    values, where, counts = np.unique(channel.ravel(), return_inverse=True, return_counts=True)
    wanted_values, wanted_counts = np.unique(wanted.ravel(), return_counts=True)
    quantiles = np.cumsum(counts) / channel.size
    mapped = np.interp(quantiles, np.cumsum(wanted_counts) / wanted.size, wanted_values)
    return np.asarray(mapped[where].reshape(channel.shape).astype(np.uint8))


def _luminosity(rgb: np.ndarray) -> np.ndarray:
    return np.asarray(rgb @ np.array([0.299, 0.587, 0.114]), np.float64)


def _set_luminosity(rgb: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Shift to the wanted luminosity and pull back what leaves the cube towards it (W3C's ClipColor)."""
    rgb = rgb + (wanted - _luminosity(rgb))[..., None]
    grey = _luminosity(rgb)[..., None]
    low, high = rgb.min(-1, keepdims=True), rgb.max(-1, keepdims=True)
    rgb = np.where(low < 0, grey + (rgb - grey) * grey / np.maximum(grey - low, 1e-9), rgb)
    rgb = np.where(high > 1, grey + (rgb - grey) * (1 - grey) / np.maximum(high - grey, 1e-9), rgb)
    return np.asarray(np.clip(rgb, 0, 1), np.float64)


def _to_lab(rgb: np.ndarray) -> np.ndarray:
    """sRGB bytes to CIE Lab (D65) in the 8-bit coding a = a* + 128, L = L* · 255/100 that image libraries use."""
    linear = np.where(rgb / 255 <= 0.04045, rgb / 255 / 12.92, ((rgb / 255 + 0.055) / 1.055) ** 2.4)
    xyz = linear @ _RGB_TO_XYZ.T / _WHITE
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    lab = np.stack([(116 * f[..., 1] - 16) * 2.55, 500 * (f[..., 0] - f[..., 1]) + 128, 200 * (f[..., 1] - f[..., 2]) + 128], axis=-1)
    return np.asarray(np.clip(np.rint(lab), 0, 255), np.uint8)


def _from_lab(lab: np.ndarray) -> np.ndarray:
    lab = lab.astype(np.float64)
    fy = (lab[..., 0] / 2.55 + 16) / 116
    f = np.stack([fy + (lab[..., 1] - 128) / 500, fy, fy - (lab[..., 2] - 128) / 200], axis=-1)
    xyz = np.where(f > 0.206893, f**3, (f - 16 / 116) / 7.787) * _WHITE
    linear = np.clip(xyz @ np.linalg.inv(_RGB_TO_XYZ).T, 0, 1)
    rgb = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.asarray(np.clip(np.rint(rgb * 255), 0, 255), np.uint8)
