"""Perfect pictures get full marks, wrong ones none: for styles, pairs and the colours of things."""

import pytest
import torch

from webui.bench.default_model import NOT_TAUGHT, columns, rows
from webui.train.default_model import judge, scene_score
from webui.train.default_model.canvas import paint
from webui.train.default_model.compose import COLOURS
from webui.train.default_model.scenes import KINDS
from webui.train.default_model.score import Scores


@pytest.fixture(scope="module")
def critic(small_bank):
    return judge.train(scene_score.showing(small_bank), 4, 40, seed=2)


@pytest.fixture(scope="module")
def scenes(small_bank):
    found = scene_score.asked(small_bank, 1, 12, 12)
    # A background of the thing's own colour would leave nothing to see.
    found.ground[:] = torch.where(found.ground > 2, 0, found.ground)
    return found


@pytest.fixture(scope="module")
def perfect(small_bank, scenes):
    return (paint(small_bank, scenes, 128) + 1) / 2


def test_every_concept_is_asked_for_in_every_style(small_bank, scenes):
    plain = scenes.kind == KINDS.index("plain")
    asked = set(zip(scenes.style[plain].tolist(), scenes.what[plain, 0].tolist(), strict=True))
    assert asked == {(style, concept) for style in range(2) for concept in range(4)}
    assert (scenes.kind == KINDS.index("pair")).sum() == 12
    assert (scenes.hue >= 0).sum() == 12


def test_perfect_pictures_get_full_marks(small_bank, scenes, perfect, critic):
    found = scene_score.marks(perfect, scenes, small_bank, critic, 3, 30.0)
    assert found.styles == {"flat icon": 1.0, "cartoon": 1.0}
    assert (found.background, found.hues, found.hue_measure) == (1.0, 1.0, 1.0)
    assert found.pairs > 0.8
    assert found.judge_accuracy > 0.9


def test_pairs_in_the_wrong_order_are_wrong(small_bank, scenes, critic):
    swapped = scenes.model_copy(update={"what": scenes.what[:, [1, 0, 2]]})
    pair = scenes.kind == KINDS.index("pair")
    made = (paint(small_bank, swapped.rows(pair), 128) + 1) / 2
    assert not scene_score.both(made, scenes.rows(pair), critic).any()


def test_things_in_another_colour_are_wrong(small_bank, scenes, perfect, critic):
    tinted = scenes.hue >= 0
    turned = perfect[tinted].roll(1, 1)
    assert not (scene_score.object_hues(turned) == scenes.hue[tinted]).any()


def test_large_pictures_are_judged_as_small_ones(small_bank, scenes, critic):
    plain = scenes.rows(scenes.kind == KINDS.index("plain"))
    made = (paint(small_bank, plain, 256) + 1) / 2
    assert torch.equal(judge.verdicts(critic, made), plain.what[:, 0])
    assert [list(COLOURS).index(name) for name in judge.background_names(made)] == plain.ground.tolist()


def test_what_was_not_taught_is_said_and_no_pass():
    found = Scores(
        concepts=42, pictures=84, judge_accuracy=0.99, top1=1, top1_bare=0.95, background=1, vae_psnr=24, wrong=(("rose", "tulip"),)
    )
    said = dict(rows(found))
    assert said["two things, both right and each on its side"] == NOT_TAUGHT
    assert said["a thing in the colour that is asked for"] == NOT_TAUGHT
    assert said["right concept of 42, background named"] == "100.0%"


def test_a_contact_sheet_of_three_styles_is_no_higher_than_a_webp_may_be():
    assert columns(300) == 12
    pictures = 3 * 849 + 170
    assert -(-pictures // columns(pictures)) * (128 + 14) < 16383
