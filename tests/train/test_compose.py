"""Pictures are the same for the same seed, and what they show is what was asked for."""

import pytest
import torch

from webui.train.default_model import judge
from webui.train.default_model.compose import COLOURS, SIZE, background, centred, generator, scattered, shifted, to_pixels
from webui.train.default_model.latents import layout_of, layouts
from webui.train.default_model.vae import pictures


def test_same_step_same_batch(lesson):
    one, other = (pictures(lesson.listed(), lesson.listed(), 6, generator(1, 2, 3)) for _ in range(2))
    assert torch.equal(one, other)


def test_other_step_or_worker_other_batch(lesson):
    batches = [pictures(lesson.listed(), [], 6, generator(1, step, rank)) for step, rank in ((0, 0), (1, 0), (0, 1))]
    assert not torch.equal(batches[0], batches[1])
    assert not torch.equal(batches[0], batches[2])


def test_pixels_are_between_minus_one_and_one(lesson):
    batch = pictures(lesson.listed(), [], 8, generator(4))
    assert batch.shape == (8, 3, SIZE, SIZE)
    assert batch.min() >= -1
    assert batch.max() <= 1


@pytest.mark.parametrize("colour", list(COLOURS))
def test_centred_object_leaves_the_frame_in_the_background_colour(lesson, colour):
    picture = centred(lesson.listed()[0][-1], colour)
    assert torch.equal(picture[:, 0, 0], background(colour)[:, 0, 0])
    assert picture[:, SIZE // 2, SIZE // 2].tolist() == [220, 30, 30]


def test_background_names_are_read_back_even_with_jitter(lesson):
    names = list(COLOURS)
    made = torch.stack([shifted(lesson.listed()[1], name, generator(5, index)) for index, name in enumerate(names)]) / 255
    assert judge.background_names(made) == names


def test_scattered_objects_stay_inside(lesson):
    for seed in range(20):
        picture = scattered(lesson.listed()[0], "white", generator(seed))
        reds = (picture[0] - picture[2] > 120).sum()
        assert reds > 0.6 * 84 * 84


def test_layouts_come_concept_by_concept(lesson):
    every = layouts(lesson.listed(), seed=3, count=2)
    assert len(every) == 4 * len(COLOURS) * 2
    number = (2 * len(COLOURS) + 5) * 2 + 1
    assert torch.equal(every[number], layout_of(lesson.listed()[2], 3, 2, 5, 1))


def test_pixels_round_trip():
    white = to_pixels([background("white")])
    assert torch.equal(white, torch.ones_like(white))
