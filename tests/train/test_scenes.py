"""A batch of scenes: the same for the same seed, every kind in its share, and painted where and in the colour it says."""

import pytest
import torch

from webui.train.default_model.bank import FILLING, HUES, MANY, hsv, turned
from webui.train.default_model.canvas import paint
from webui.train.default_model.compose import COLOURS, generator
from webui.train.default_model.scenes import ARRANGED, KINDS, LAYERS, OBJECTS, PLACES, Mix, draw, joined, kit

SIZE = 128


def only(kind, **others):
    shares = dict.fromkeys(KINDS[1:], 0.0)
    return Mix(**{**shares, **({kind: 1.0} if kind != "plain" else {}), **others})


def scenes_of(small_bank, kind, count=24, seed=1):
    return draw(kit(small_bank), count, only(kind), generator(seed))


def test_same_generator_same_scenes(small_bank):
    one, other, third = (draw(kit(small_bank), 40, ARRANGED, generator(seed)) for seed in (3, 3, 4))
    assert all(torch.equal(getattr(one, name), getattr(other, name)) for name in type(one).model_fields)
    assert not torch.equal(one.what, third.what)
    assert torch.equal(paint(small_bank, one, 64), paint(small_bank, other, 64))


@pytest.mark.parametrize(("mix", "arranged"), [(OBJECTS, 0.10), (ARRANGED, 0.40)])
def test_two_objects_and_places_have_the_share_of_the_study(small_bank, mix, arranged):
    kinds = draw(kit(small_bank), 20_000, mix, generator(5)).kind
    share = sum(float((kinds == KINDS.index(kind)).float().mean()) for kind in ("place", "pair"))
    assert share == pytest.approx(arranged, abs=0.02)


def test_plain_scenes_are_the_art_itself_pixel_by_pixel(small_bank):
    scenes = scenes_of(small_bank, "plain")
    pictures = ((paint(small_bank, scenes, SIZE) + 1) * 127.5).round()
    side = int(SIZE * FILLING)
    at = (SIZE - side) // 2
    for number in range(len(scenes)):
        art = small_bank.art[scenes.style[number], scenes.what[number, 0]].float()
        ground = torch.tensor(list(COLOURS.values())[scenes.ground[number]], dtype=torch.float32)[:, None, None]
        expected = art[:3] + ground * (1 - art[3:] / 255)
        assert (pictures[number, :, at : at + side, at : at + side] - expected).abs().max() <= 1
        assert torch.equal(pictures[number, :, 0, 0], ground[:, 0, 0])


def test_bfloat16_around_it_moves_nothing(small_bank):
    scenes = draw(kit(small_bank), 16, ARRANGED, generator(7))
    wanted = paint(small_bank, scenes, 64)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(paint(small_bank, scenes, 64), wanted)


def test_small_is_smaller_than_large(small_bank):
    scenes = scenes_of(small_bank, "size", 60)
    sides = scenes.boxes[:, 0, 2]
    assert sides[scenes.detail == 0].max() < 0.5
    assert sides[scenes.detail == 1].min() > FILLING


def test_objects_lie_at_the_place_that_is_named(small_bank):
    scenes = scenes_of(small_bank, "place", 80)
    empty = paint(small_bank, scenes.model_copy(update={"what": torch.full_like(scenes.what, -1)}), 64)
    seen = (paint(small_bank, scenes, 64) - empty).abs().sum(1) > 0.05
    for number in range(len(scenes)):
        down, across = (seen[number].nonzero().float().mean(0) / 64).tolist()
        x, y = list(PLACES.values())[scenes.detail[number]]
        assert across == pytest.approx(x, abs=0.06)
        assert down == pytest.approx(y, abs=0.06)


def test_two_and_three_are_counted(small_bank):
    scenes = scenes_of(small_bank, "count", 60)
    assert torch.equal((scenes.what >= 0).sum(1), scenes.detail)
    assert set(scenes.detail.tolist()) == {2, 3}
    assert torch.equal(scenes.what[:, 0], scenes.what[:, 1])


def test_a_pair_is_two_things_on_two_sides(small_bank):
    scenes = scenes_of(small_bank, "pair", 80)
    assert (scenes.what[:, 0] != scenes.what[:, 1]).all()
    assert (scenes.what[:, 2] == -1).all()
    beside = scenes.detail == 0
    assert (scenes.boxes[beside, 0, 0] < scenes.boxes[beside, 1, 0] - 0.4).all()
    assert (scenes.boxes[~beside, 0, 1] < scenes.boxes[~beside, 1, 1] - 0.4).all()


def test_a_colour_word_gives_the_object_that_hue(small_bank):
    scenes = scenes_of(small_bank, "hue", 60)
    middle = paint(small_bank, scenes, SIZE)[:, :, 56:72, 56:72]
    hue, saturation, _ = hsv((middle + 1) / 2)
    for number in range(len(scenes)):
        # A ring's middle is empty.
        if int(scenes.what[number, 0]) != 3 and saturation[number, 8, 8] > 0.3:
            wanted = list(HUES.values())[scenes.hue[number]]
            apart = abs((float(hue[number, 8, 8]) - wanted + 180) % 360 - 180)
            assert apart < 4
    names = list(COLOURS)
    assert not [1 for ground, hue in zip(scenes.ground.tolist(), scenes.hue.tolist(), strict=True) if names[ground] == list(HUES)[hue]]


def test_art_of_many_colours_is_not_given_a_hue(small_bank):
    mixed = small_bank.art.clone()
    mixed[:, 0, :3, :, 56:] = mixed[:, 0, :3, :, 56:].roll(1, 1)
    from webui.train.default_model.bank import hues

    found = torch.stack([hues(pictures) for pictures in mixed])
    assert (found[:, 0] == MANY).all()
    assert (found[:, 1:] != MANY).all()


def test_turning_by_a_whole_circle_changes_nothing():
    colours = torch.rand((2, 3, 5, 5), generator=generator(1))
    assert torch.allclose(turned(colours, torch.tensor([360.0, 0.0])), colours, atol=1e-5)
    third = turned(torch.tensor([1.0, 0.0, 0.0])[None, :, None, None], torch.tensor([120.0]))
    assert torch.allclose(third[0, :, 0, 0], torch.tensor([0.0, 1.0, 0.0]), atol=1e-5)


def test_batches_join(small_bank):
    parts = [scenes_of(small_bank, "pair", 3), scenes_of(small_bank, "plain", 2)]
    both = joined(parts)
    assert len(both) == 5
    assert both.boxes.shape == (5, LAYERS, 3)
    assert torch.equal(both.rows(torch.tensor([3, 4])).what, parts[1].what)
