"""A face is turned upright by its eyes, and put back where it was; the rest of the picture stays."""

import numpy as np
import pytest
from PIL import Image

from tests.faces import BACKGROUND, HAIR, SIDE, SKINS, face
from webui.images.face_restoring import EYES, FACE, Alignment
from webui.plugins.types import Region

EYE = 0.385, 0.45
"""Where the left eye of a drawn face is, as shares of its side."""


def drawn(size, angle=0.0, at=(0, 0), canvas=(600, 500)):
    """A picture with a face of this size, turned, and where its eyes are."""
    picture = Image.new("RGB", canvas, BACKGROUND)
    picture.paste(face(size, SKINS[0], HAIR[0]).rotate(angle, Image.Resampling.BICUBIC, fillcolor=BACKGROUND), at)
    turn = np.exp(-1j * np.radians(angle))
    middle = complex(size / 2, size / 2)
    eyes = [complex(x * size, EYE[1] * size) for x in (EYE[0], 1 - EYE[0])]
    return picture, tuple((turn * (eye - middle) + middle + complex(*at)) for eye in eyes)


def region(eyes):
    return Region((0, 0, 10, 10), 1.0, "face", eyes=tuple((eye.real, eye.imag) for eye in eyes))


@pytest.mark.parametrize(("size", "angle", "at"), [(SIDE, 0, (100, 80)), (120, 12, (300, 200)), (450, -8, (60, 30)), (SIDE, 0, (-40, -30))])
def test_the_eyes_come_to_their_places_and_the_face_goes_back(size, angle, at):
    picture, eyes = drawn(size, angle, at)
    alignment = Alignment.of(region(eyes))
    upright = alignment.cut(picture)
    assert upright.size == (FACE, FACE)
    for place in EYES:
        assert max(upright.getpixel((round(place.real), round(place.imag)))) < 110, "the middle of an eye is dark"
    again = picture.copy()
    alignment.put_back(again, upright, 1.0)
    assert np.abs(np.asarray(again, int) - np.asarray(picture, int)).mean() < 1.0
    left, top, right, bottom = alignment.box
    outside = np.ones((picture.height, picture.width), bool)
    outside[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)] = False
    assert np.array_equal(np.asarray(again)[outside], np.asarray(picture)[outside])


def test_what_was_mended_is_as_visible_as_was_asked():
    picture, eyes = drawn(SIDE, 0, (100, 80))
    alignment, red = Alignment.of(region(eyes)), Image.new("RGB", (FACE, FACE), (255, 0, 0))
    middle = tuple(round(value) for value in ((eyes[0] + eyes[1]).real / 2, (eyes[0] + eyes[1]).imag / 2))
    for visibility in (0.0, 0.5, 1.0):
        made = picture.copy()
        alignment.put_back(made, red, visibility)
        before, after = picture.getpixel(middle), made.getpixel(middle)
        assert after == pytest.approx(
            tuple(one + (other - one) * visibility for one, other in zip(before, (255, 0, 0), strict=True)), abs=3
        )


def test_without_eyes_they_are_taken_to_be_where_faces_have_them():
    alignment = Alignment.of(Region((100, 100, 300, 300), 1.0))
    assert alignment.turn.imag == 0 and alignment.scale == pytest.approx(80 / 126)
    left, top, right, bottom = alignment.box
    assert left < 100 < 300 < right and top < 100 < 300 < bottom
