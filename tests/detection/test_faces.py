"""The face detector on drawn faces: it finds each, says how sure it is, and nothing where there is none."""

import numpy as np
import pytest
from PIL import Image

from tests.faces import PLACES, SIDE, four_faces
from webui.detection.faces import find_faces

pytest.importorskip("cv2")


def centres(regions):
    return sorted(((box[0] + box[2]) // 2, (box[1] + box[3]) // 2) for box in (region.box for region in regions))


def assert_in_faces(regions, scale=1.0):
    expected = sorted((round((x + SIDE / 2) * scale), round((y + SIDE / 2) * scale)) for x, y in PLACES)
    assert len(regions) == 4
    for found, wanted in zip(centres(regions), expected, strict=True):
        assert max(abs(a - b) for a, b in zip(found, wanted, strict=True)) < SIDE * scale / 5


def test_four_faces_are_found_whatever_their_colour():
    found = find_faces(four_faces(), 0.3)
    assert_in_faces(found)
    assert all(region.label == "face" and 0.3 <= region.confidence <= 1 for region in found)
    assert [region.confidence for region in found] == sorted((region.confidence for region in found), reverse=True)


def test_a_large_picture_is_looked_at_smaller_and_answered_in_its_own_pixels():
    large = four_faces().resize((2048, 2048), Image.Resampling.LANCZOS)
    assert_in_faces(find_faces(large, 0.3), 4)


def test_the_confidence_asked_for_counts():
    assert find_faces(four_faces(), 1.0) == []


@pytest.mark.parametrize("size", [(1, 1), (15, 700), (256, 256)])
def test_nothing_is_found_where_nothing_is(size):
    assert find_faces(Image.new("RGB", size, (120, 130, 140)), 0.0) == []


def test_noise_has_no_faces():
    noise = np.random.default_rng(0).integers(0, 256, (256, 256, 3), dtype=np.uint8)
    assert find_faces(Image.fromarray(noise), 0.3) == []
