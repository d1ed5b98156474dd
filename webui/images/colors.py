"""Colour correction: give a result the colours of the picture it was made from."""

import numpy as np
from PIL import Image

from webui.images.bands import bands

_RGB_TO_XYZ = np.array([[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]])
_WHITE = np.array([0.950456, 1.0, 1.088754])

# Lab in whole numbers, as A1111's library computes it (measured with OpenCV, all but 5 of 100,000 colours the same): histogram matching
# makes much of a single step. Curves are tables; 12, 14 and 15 are the bits behind the point.
_ONE = 1 << 14
_BYTES = np.arange(256)
_LINEAR = np.rint(2040 * np.where(_BYTES / 255 <= 0.04045, _BYTES / 255 / 12.92, ((_BYTES / 255 + 0.055) / 1.055) ** 2.4)).astype(np.int64)
_SHARE = np.arange(3072) / 2040
_ROOT = np.rint((1 << 15) * np.where(_SHARE < 216 / 24389, _SHARE * 841 / 108 + 16 / 116, np.cbrt(_SHARE))).astype(np.int64)
_TO_XYZ = np.rint(4096 * _RGB_TO_XYZ / _WHITE[:, None]).astype(np.int64)
_TO_RGB = np.rint(4096 * np.linalg.inv(_RGB_TO_XYZ) * _WHITE).astype(np.int64)
_L = _BYTES / 2.55
_Y = np.rint(_ONE * np.where(_BYTES <= 20, _L / 903.3, ((_L + 16) / 116) ** 3)).astype(np.int64)
_ROOT_OF_Y = np.rint(_ONE * np.where(_BYTES <= 20, 7.787037 * _L / 903.3 + 16 / 116, (_L + 16) / 116)).astype(np.int64)
_LOWEST = -8145
_ROOTS = np.arange(_LOWEST, _ONE * 9 // 4 + _LOWEST)
_STRAIGHT = np.trunc(_ROOTS * 108 / 841).astype(np.int64) - _ONE * 16 * 108 // (116 * 841)
_CUBE = np.where(_ROOTS <= 3390, _STRAIGHT, _ROOTS * _ROOTS // _ONE * _ROOTS // _ONE)
_LIGHT = np.arange(4096) / 4096
_GAMMA = np.rint(255 * np.where(_LIGHT <= 0.0031308, 12.92 * _LIGHT, 1.055 * _LIGHT ** (1 / 2.4) - 0.055)).astype(np.uint8)


def match_colors(image: Image.Image, reference: Image.Image) -> Image.Image:
    """Give a picture the colours of `reference` and keep its own luminosity: histogram matching per channel in CIE Lab.

    Fractions are cut off at both ends, as by the libraries that A1111 uses: its picture is half a grey level darker than the true one.

    Histogram matching: Gonzalez & Woods, Digital Image Processing, 3.3; the luminosity blend: W3C Compositing and Blending, 10.3.
    """
    pixels, wanted = np.array(image.convert("RGB")), _lab_in_bands(np.asarray(reference.convert("RGB")))
    lab = _lab_in_bands(pixels)
    tables = [_match(_histogram(lab[..., channel]), _histogram(wanted[..., channel])) for channel in range(3)]
    for rows in bands(image.width, image.height):
        matched = np.stack([table[lab[rows, :, channel]] for channel, table in enumerate(tables)], axis=-1)
        colour = _from_lab(matched).astype(np.float64) / 255
        pixels[rows] = (_set_luminosity(colour, _luminosity(pixels[rows] / 255.0)) * 255).astype(np.uint8)
    return Image.fromarray(pixels)


def _lab_in_bands(rgb: np.ndarray) -> np.ndarray:
    lab = np.empty_like(rgb)
    for rows in bands(rgb.shape[1], rgb.shape[0]):
        lab[rows] = _to_lab(rgb[rows])
    return lab


def _histogram(channel: np.ndarray) -> np.ndarray:
    """How often each of the 256 values occurs."""
    counts = np.zeros(256, np.int64)
    for rows in bands(channel.shape[1], channel.shape[0]):
        counts += np.bincount(channel[rows].ravel(), minlength=256)
    return counts


def _match(counts: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """What each value becomes, so that its share of the picture is at the height that it has in the wanted one."""
    values, there = np.flatnonzero(counts), np.flatnonzero(wanted)
    table = np.zeros(256, np.uint8)
    quantiles = np.cumsum(counts[values]) / counts.sum()
    table[values] = np.interp(quantiles, np.cumsum(wanted[there]) / wanted.sum(), there).astype(np.uint8)
    return table


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
    root = _ROOT[_rounded(_LINEAR[rgb] @ _TO_XYZ.T, 12)]
    x, y, z = root[..., 0], root[..., 1], root[..., 2]
    grey = 128 << 15
    lab = np.stack([296 * y - (16 * 255 * (1 << 15) + 50) // 100, 500 * (x - y) + grey, 200 * (y - z) + grey], axis=-1)
    return np.asarray(np.clip(_rounded(lab, 15), 0, 255), np.uint8)


def _from_lab(lab: np.ndarray) -> np.ndarray:
    lightness, a, b = (lab[..., place].astype(np.int64) for place in range(3))
    root = _ROOT_OF_Y[lightness]
    x = root + _rounded(5 * a * 53687, 13, half=1 << 7) - 128 * _ONE // 500
    z = root - _rounded(b * 41943, 9, half=1 << 4) + 128 * _ONE // 200 - 1
    xyz = np.stack([_CUBE[x - _LOWEST], _Y[lightness], _CUBE[z - _LOWEST]], axis=-1)
    return np.asarray(_GAMMA[np.clip(_rounded(xyz @ _TO_RGB.T, 14), 0, 4095)])


def _rounded(values: np.ndarray, bits: int, half: int | None = None) -> np.ndarray:
    """Without so many bits behind the point."""
    return np.asarray((values + (half or 1 << (bits - 1))) >> bits)
