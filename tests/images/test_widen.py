"""Room beside a picture, and what it begins with."""

import numpy as np
from PIL import Image

from webui.images.widen import room, textured, widened


def test_room_is_beside_the_picture_and_a_little_into_it():
    canvas, kept = widened(Image.new("RGB", (20, 10), "red"), 8, ("left", "up"))
    assert canvas.size == (28, 18) and kept == (8, 8, 28, 18)
    mask = room(canvas, kept, 2)
    assert [mask.getpixel(place) for place in ((0, 0), (9, 9), (10, 10), (27, 17))] == [255, 255, 0, 0]
    assert room(canvas, kept, 40).getextrema() == (255, 255)


def test_the_texture_has_the_pictures_colours_and_leaves_it_as_it_is():
    random = np.random.default_rng(1)
    picture = Image.fromarray(np.asarray(random.normal((200, 60, 90), 12, (32, 32, 3)).clip(0, 255), np.uint8))
    canvas, kept = widened(picture, 16, ("right",))
    made = textured(canvas, kept, seed=3)
    assert made.crop(kept).tobytes() == picture.tobytes() and made.tobytes() == textured(canvas, kept, seed=3).tobytes()
    assert made.tobytes() != textured(canvas, kept, seed=4).tobytes()
    colours = np.asarray(made.crop((32, 0, 48, 32)), float).mean((0, 1))
    assert np.abs(colours - (200, 60, 90)).max() < 12


def test_a_picture_of_one_colour_goes_on_in_it():
    canvas, kept = widened(Image.new("RGB", (8, 8), "teal"), 8, ("down",))
    assert textured(canvas, kept, seed=1).getcolors() == [(128, (0, 128, 128))]
