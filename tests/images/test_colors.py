"""Colours follow the reference, luminosity stays."""

import numpy as np
from PIL import Image

from webui.images.colors import _from_lab, _to_lab, match_colors

COLOURS = [
    [139, 74, 229],
    [241, 169, 65],
    [6, 160, 149],
    [106, 38, 175],
    [188, 205, 175],
    [229, 98, 249],
    [10, 148, 95],
    [86, 147, 198],
    [66, 39, 106],
    [213, 171, 45],
    [167, 57, 69],
    [81, 55, 14],
]
IN_LAB = [
    [120, 186, 60],
    [190, 145, 190],
    [151, 91, 124],
    [84, 183, 68],
    [205, 117, 141],
    [162, 199, 75],
    [138, 82, 147],
    [150, 123, 96],
    [57, 156, 93],
    [183, 132, 194],
    [103, 174, 146],
    [65, 135, 157],
]
FROM_LAB = [
    [57, 150, 0],
    [252, 217, 255],
    [53, 0, 0],
    [0, 124, 0],
    [255, 105, 100],
    [221, 238, 0],
    [6, 4, 59],
    [122, 66, 0],
    [0, 84, 94],
    [188, 188, 255],
    [0, 193, 255],
    [0, 110, 255],
]
"""COLOURS taken as sRGB and turned to Lab, and taken as Lab and turned to sRGB, measured with OpenCV 5.0."""


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


def test_lab_has_the_whole_numbers_of_a1111s_library():
    assert _to_lab(np.array(COLOURS, np.uint8)).tolist() == IN_LAB
    assert _from_lab(np.array(COLOURS, np.uint8)).tolist() == FROM_LAB


def test_every_corner_of_lab_is_a_colour():
    corners = np.stack(np.meshgrid(*[[0, 20, 21, 255]] * 3), axis=-1).astype(np.uint8)
    assert _from_lab(corners).shape == corners.shape
