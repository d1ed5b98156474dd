"""A PNG that is written fast holds the same pixels and texts."""

import io

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from webui.images.metadata import read_metadata
from webui.images.png_writing import fast_png


@pytest.mark.parametrize("size", [(1, 1), (3, 700), (1024, 5), (900, 800)])
def test_the_pixels_are_the_same(size):
    pixels = np.random.default_rng(1).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    with Image.open(io.BytesIO(fast_png(Image.fromarray(pixels)))) as read:
        read.load()
        assert read.mode == "RGB" and np.array_equal(np.asarray(read), pixels)


def test_texts_are_read_back():
    texts = PngImagePlugin.PngInfo()
    texts.add_text("parameters", "a fox\nSteps: 3, Sampler: Euler, Seed: 1")
    texts.add_itxt("title", "Füchse")
    data = fast_png(Image.new("RGB", (8, 8), "red"), texts)
    with Image.open(io.BytesIO(data)) as read:
        read.load()
        assert read.text == {"parameters": "a fox\nSteps: 3, Sampler: Euler, Seed: 1", "title": "Füchse"}
    assert read_metadata(data).fields["prompt"] == "a fox"
