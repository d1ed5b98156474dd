"""Outpainting: the picture goes on at its sides, and is made again from what it says of itself."""

import numpy as np
import pytest

from webui.errors import RequestError
from webui.images.metadata import read_metadata

WIDE = {"mode": "inpaint", "prompt": "fox", "width": 96, "height": 64, "strength": 0.9, "mask_blur": 0}


def test_what_is_beyond_the_overlap_stays_bit_for_bit(engine, start):
    fields = WIDE | {"init": engine.keep(start), "outpaint": {"left": 32, "overlap": 8}}
    made = engine.make(**fields)[0]
    assert made.shape == (64, 96, 3)
    assert np.array_equal(made[:, 40:], np.asarray(start)[:, 8:])
    assert not np.array_equal(made[:, 32:40], np.asarray(start)[:, :8])
    assert np.array_equal(engine.make(**fields)[0], made)
    mirrored = engine.make(**fields | {"outpaint": {"left": 32, "overlap": 8, "fill": "mirror"}})[0]
    assert not np.array_equal(mirrored, made)


def test_a_painted_mask_counts_too(engine, start, mask):
    fields = WIDE | {"init": engine.keep(start), "mask": engine.keep(mask), "outpaint": {"left": 32, "overlap": 0}}
    made, before = engine.make(**fields)[0], np.asarray(start)
    assert np.array_equal(made[:16, 32:], before[:16]) and not np.array_equal(made[16:48, 48:80], before[16:48, 16:48])


def test_only_masked_paints_the_new_side_at_the_size_asked_for(engine, start):
    fields = WIDE | {"init": engine.keep(start), "outpaint": {"right": 32, "overlap": 8}, "only_masked": True, "padding": 8}
    made = engine.make(**fields | {"width": 64})[0]
    assert made.shape == (64, 96, 3) and np.array_equal(made[:, :56], np.asarray(start)[:, :56])


def test_img2img_paints_all_of_the_larger_picture(engine, start):
    made = engine.make(**WIDE | {"mode": "img2img", "init": engine.keep(start), "outpaint": {"right": 32}})[0]
    assert made.shape == (64, 96, 3)


def test_the_sides_are_in_the_text_and_the_picture_is_made_again(engine, start):
    made = engine.make(**WIDE | {"init": engine.keep(start), "outpaint": {"left": 24, "right": 8, "fill": "noise"}, "mask_blur": 4})[0]
    record = next(event.record for event in engine.events if event.type == "image")
    read = read_metadata(engine.context.images.path(record))
    assert "Outpaint left: 24, Outpaint right: 8, Outpaint fill: noise, Outpaint overlap: 16" in read.text
    assert np.array_equal(engine.make(**{**read.request().model_dump(), "checkpoint": "tiny"})[0], made)


def test_no_side_is_refused(engine, start):
    with pytest.raises(RequestError, match="on which side"):
        engine.make(**WIDE | {"init": engine.keep(start), "outpaint": {}})
