"""Two pictures are compared pixel by pixel."""

import math

import numpy as np
import pytest

from webui.cli.compare import compare
from webui.errors import RequestError


def test_equal_pictures_have_infinite_psnr():
    picture = np.full((4, 4, 3), 7, np.uint8)
    assert compare(picture, picture).psnr == math.inf


def test_one_grey_level_everywhere_is_48_db():
    a, b = np.zeros((4, 4, 3), np.uint8), np.ones((4, 4, 3), np.uint8)
    difference = compare(a, b)
    assert difference.psnr == pytest.approx(20 * math.log10(255)) and (difference.mean, difference.largest) == (1, 1)


def test_no_wrap_around_between_black_and_white():
    assert compare(np.zeros((1, 1, 3), np.uint8), np.full((1, 1, 3), 255, np.uint8)).largest == 255


def test_sizes_that_differ_are_named():
    with pytest.raises(RequestError, match="4×2 and 2×4"):
        compare(np.zeros((2, 4, 3), np.uint8), np.zeros((4, 2, 3), np.uint8))
