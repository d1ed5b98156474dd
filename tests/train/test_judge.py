"""The judge tells four shapes apart after a short lesson, and does not know what it was not shown."""

import pytest
import torch

from webui.train.default_model import judge
from webui.train.default_model.compose import generator
from webui.train.default_model.score import marks


@pytest.fixture(scope="module")
def critic(lesson):
    return judge.train(judge.showing(lesson.listed()), 4, 25, seed=2)


def test_judge_knows_the_art(lesson, critic):
    assert judge.own_accuracy(critic, judge.showing(lesson.listed()), 64, seed=2) > 0.9


def test_perfect_pictures_get_full_marks_and_wrong_ones_none(lesson, critic):
    listed = lesson.listed()
    plain = [judge.pictures([sizes], 1, generator(9))[0][0] for sizes in listed]
    asked = judge.background_names(torch.stack(plain))
    good = marks(torch.stack(plain * 2), lesson, critic, asked, 2, 30.0)
    bad = marks(torch.stack(plain * 2).roll(1, 0), lesson, critic, asked, 2, 30.0)
    assert (good.top1, good.background, good.wrong) == (1.0, 1.0, ())
    assert bad.top1 == 0
    assert len(bad.wrong) == 8


def test_kept_judge_is_the_same_judge(lesson, tmp_path):
    one, other = (judge.kept(tmp_path, judge.showing(lesson.listed()), 4, 2, 0) for _ in range(2))
    assert all(torch.equal(mine, theirs) for mine, theirs in zip(one.state_dict().values(), other.state_dict().values(), strict=True))
