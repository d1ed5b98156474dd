"""Captions say what is in the picture, and the bench's sentences are not training's."""

import pytest
import torch

from webui.train.default_model import captions
from webui.train.default_model.compose import COLOURS, generator
from webui.train.default_model.concepts import Concept

APPLE = Concept(code="1f34e", label="red apple", group="food-drink", subgroup="food-fruit", words=("red apple", "apple"))


@pytest.mark.parametrize(
    ("noun", "expected"),
    [
        ("red apple", "a red apple"),
        ("orange", "an orange"),
        ("grapes", "grapes"),
        ("cherries", "cherries"),
        ("cactus", "a cactus"),
        ("spouting whale", "a spouting whale"),
    ],
)
def test_articles(noun, expected):
    assert captions.article(noun) == expected


@pytest.mark.parametrize("colour", [name for name in COLOURS if name != "white"])
def test_every_colour_but_white_is_always_named(colour):
    for seed in range(60):
        assert colour in captions.caption(APPLE, colour, generator(seed)).lower()


def test_every_caption_names_the_object():
    for seed in range(200):
        assert "apple" in captions.caption(APPLE, "white", generator(seed)).lower()


def test_white_mostly_goes_unnamed():
    unnamed = sum("white" not in captions.caption(APPLE, "white", generator(seed)).lower() for seed in range(200))
    assert 130 < unnamed < 190


def test_no_other_colour_is_ever_named():
    others = [name for name in COLOURS if name not in ("green", "red")]
    for seed in range(200):
        sentence = captions.caption(APPLE, "green", generator(seed)).lower()
        assert not [name for name in others if f" {name} " in f" {sentence} "]


def test_bench_sentences_are_not_training_sentences():
    trained = {captions.caption(APPLE, colour, generator(seed, index)) for index, colour in enumerate(COLOURS) for seed in range(300)}
    asked = {captions.fill(template, "red apple", colour) for template in captions.UNSEEN for colour in COLOURS}
    asked |= {captions.fill(template, "red apple", "") for template in captions.UNSEEN_BARE}
    assert len(trained) > 300
    assert not trained & asked


def test_same_generator_same_caption():
    one, other = (captions.caption(APPLE, "blue", generator(7, 3)) for _ in range(2))
    assert one == other
    assert isinstance(generator(1), torch.Generator)
