"""Colours follow the reference, luminosity stays."""

import numpy as np
from PIL import Image

from webui.images.colors import match_colors


def picture(width, height):
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8))


def test_the_reference_gives_the_colours():
    image = picture(32, 32)
    blue = Image.fromarray((np.asarray(image) * (0.3, 0.3, 1.0)).astype(np.uint8))
    matched = np.asarray(match_colors(image, blue), np.float64)
    assert matched[..., 2].mean() > 1.3 * matched[..., 0].mean()
    luminosity = np.array([0.299, 0.587, 0.114])
    assert np.abs(matched @ luminosity - np.asarray(image) @ luminosity).mean() < 2


def test_its_own_colours_change_nothing():
    image = picture(32, 32)
    assert np.abs(np.asarray(match_colors(image, image), int) - np.asarray(image)).mean() < 3
