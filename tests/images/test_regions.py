"""From what a detector found to masks: filters, limits, order, and how a mask is moved and grown."""

import numpy as np
import pytest
from PIL import Image
from pydantic import ValidationError

from webui.core.detail import DetailStep, worded
from webui.images.regions import choose, given, mask_of
from webui.plugins.types import Region

SIZE = (100, 80)


def step(**fields):
    return DetailStep(**{"grow": 0, "mask_blur": 0} | fields)


def white(mask):
    return mask.getbbox()


def test_regions_are_ordered():
    found = [Region((60, 0, 100, 40), 0.5), Region((0, 0, 10, 10), 0.9), Region((40, 30, 60, 50), 0.7)]

    def order(name):
        return [region.box[0] for region in choose(found, SIZE, step(order=name)).regions]

    assert order("left to right") == [0, 40, 60]
    assert order("large to small") == [60, 40, 0]
    assert order("confidence") == [0, 40, 60]
    assert order("center to edge") == [40, 60, 0]


def test_confidence_and_share_of_the_picture_leave_regions_out():
    found = [Region((0, 0, 50, 80), 0.9), Region((0, 0, 10, 8), 0.9), Region((0, 0, 30, 40), 0.2)]
    chosen = choose(found, SIZE, step(confidence=0.3, smallest=0.05, largest=0.4))
    assert chosen.regions == () and "3 other regions" in chosen.notes[0]
    assert len(choose(found, SIZE, step(confidence=0.3)).regions) == 2


def test_three_hundred_regions_are_a_limit_and_a_note():
    found = [Region((n % 100, n // 100, n % 100 + 1 + n % 7, n // 100 + 5), n / 300) for n in range(300)]
    chosen = choose(found, SIZE, step(confidence=0))
    assert len(chosen.masks) == 50 and "found 300 regions; the largest 50" in chosen.notes[0]
    asked = choose(found, SIZE, step(confidence=0, limit=3, limit_by="confidence", order="confidence"))
    assert [region.confidence for region in asked.regions] == [299 / 300, 298 / 300, 297 / 300] and asked.notes == ()


def test_nothing_found_is_a_note():
    assert "found nothing; the step changed nothing" in choose([], SIZE, step()).notes[0]
    assert choose([Region((200, 0, 300, 9), 1.0)], SIZE, step()).masks == ()


def test_a_mask_is_moved_then_grown_or_shrunk():
    region = Region((40, 30, 60, 50), 1.0)
    assert white(mask_of(region, SIZE, step())) == (40, 30, 60, 50)
    assert white(mask_of(region, SIZE, step(offset_x=5, offset_y=7))) == (45, 23, 65, 43)
    assert white(mask_of(region, SIZE, step(grow=1))) == (40, 30, 60, 50)
    assert white(mask_of(region, SIZE, step(grow=8))) == (37, 27, 64, 54)
    assert white(mask_of(region, SIZE, step(grow=-8))) == (44, 34, 57, 47)
    assert white(mask_of(region, SIZE, step(grow=-40))) is None
    assert white(mask_of(Region((0, 0, 10, 10), 1.0), SIZE, step(grow=9))) == (0, 0, 14, 14)


def test_a_shape_of_its_own_is_the_mask():
    shape = Image.new("L", SIZE)
    shape.paste(255, (45, 35, 50, 40))
    assert white(mask_of(Region((40, 30, 60, 50), 1.0, mask=shape), SIZE, step())) == (45, 35, 50, 40)


def test_masks_are_merged_and_inverted():
    found = [Region((0, 0, 10, 10), 1.0), Region((20, 0, 30, 10), 1.0)]
    [union] = choose(found, SIZE, step(merge="merge")).masks
    [rest] = choose(found, SIZE, step(merge="merge and invert")).masks
    assert np.asarray(union).sum() == 200 * 255 and np.asarray(rest).sum() == (8000 - 200) * 255


def test_the_step_s_own_regions():
    own = step(regions=[[1, 2, 3, 4]])
    assert choose(given(own), SIZE, own).regions[0].box == (1, 2, 3, 4)
    with pytest.raises(ValidationError, match="left, top, right, bottom"):
        step(regions=[[3, 2, 3, 4]])
    with pytest.raises(ValidationError, match="Nearest: 520"):
        step(width=517)


def test_each_region_has_its_prompt():
    parts = step(prompt="[PROMPT], smiling [SEP] [SKIP] [SEP]").prompts
    assert [worded(parts, number, "a fox") for number in range(4)] == ["a fox, smiling", None, "a fox", "a fox"]
