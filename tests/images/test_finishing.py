"""The finish chain's steps of pixels alone: large pictures go through in bands, with the same pixels, and hear a stop in between."""

import numpy as np
import pytest
from PIL import Image, ImageFilter

from webui.core.finish import GrainStep, SharpenStep
from webui.core.stopping import stoppable
from webui.errors import JobCancelled
from webui.images import bands, colors, finishing


@pytest.fixture
def picture():
    rough = np.random.default_rng(3).integers(0, 256, (24, 16, 3), np.uint8)
    return Image.fromarray(rough).resize((160, 240), Image.Resampling.BICUBIC)


STEPS = {
    "fine grain": lambda image: finishing._grained(image, GrainStep(amount=0.7), 5),
    "coarse grain": lambda image: finishing._grained(image, GrainStep(amount=0.7, size=2.5, color=True), 5),
    "sharpen": lambda image: finishing._sharpened(image, SharpenStep(radius=2.3, amount=1.5, threshold=2)),
    "sharpen far": lambda image: finishing._sharpened(image, SharpenStep(radius=6, amount=3)),
    "match colours": lambda image: colors.match_colors(image, image.transpose(Image.Transpose.ROTATE_90).filter(ImageFilter.BLUR)),
}


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
def test_bands_leave_no_trace_and_hear_a_stop(step, picture, monkeypatch):
    whole = np.asarray(step(picture))
    assert not np.array_equal(whole, np.asarray(picture))
    monkeypatch.setattr(bands, "PIXELS", 160 * 7)
    assert np.array_equal(np.asarray(step(picture)), whole)

    def stop():
        raise JobCancelled("stopped")

    with stoppable(stop), pytest.raises(JobCancelled):
        step(picture)
