"""Captions say what the scene shows, and the bench asks in other sentences."""

import pytest

from webui.train.default_model.bank import HUES
from webui.train.default_model.compose import COLOURS, generator
from webui.train.default_model.scenes import ARRANGED, KINDS, PLACES, draw, kit
from webui.train.default_model.wording import TAUGHT, UNSEEN, captions, plural, sentences, uncoloured


@pytest.fixture(scope="module")
def scenes(small_bank):
    return draw(kit(small_bank), 600, ARRANGED, generator(2))


def told(wording, scenes, small_bank, named=False):
    return sentences(wording, scenes, small_bank.concepts, small_bank.styles, generator(6), named=named)


@pytest.mark.parametrize(
    ("noun", "expected"),
    [
        ("cat", "cats"),
        ("cherry", "cherries"),
        ("monkey", "monkeys"),
        ("mouse face", "mouse faces"),
        ("computer mouse", "computer mice"),
        ("fox", "foxes"),
        ("grapes", "grapes"),
        ("bus", "buses"),
        ("blue sheep", "blue sheep"),
    ],
)
def test_plurals(noun, expected):
    assert plural(noun) == expected


def test_an_object_of_another_colour_loses_its_own_colour_word():
    assert uncoloured("red apple") == "apple"
    assert uncoloured("orange") == "orange"


@pytest.mark.parametrize("wording", [TAUGHT, UNSEEN], ids=["taught", "unseen"])
def test_every_sentence_names_what_its_scene_shows(scenes, small_bank, wording):
    labels = [concept.label for concept in small_bank.concepts]
    for number, text in enumerate(told(wording, scenes, small_bank, named=True)):
        kind, (first, second, _) = KINDS[scenes.kind[number]], scenes.what[number].tolist()
        assert labels[first].split()[1] in text
        assert small_bank.styles[scenes.style[number]] in text
        assert list(COLOURS)[scenes.ground[number]] in text
        if kind == "pair":
            assert labels[second] in text
        if kind == "hue":
            assert list(HUES)[scenes.hue[number]] in text
            assert uncoloured(labels[first]) in text
        if kind == "place":
            assert list(PLACES)[scenes.detail[number]] in text


def test_left_and_right_are_told_as_they_are(scenes, small_bank):
    labels = [concept.label for concept in small_bank.concepts]
    beside = [text for text in told(TAUGHT, scenes, small_bank, named=True) if " to the left of " in text or " to the right of " in text]
    rows = [number for number, text in enumerate(told(TAUGHT, scenes, small_bank, named=True)) if text in beside]
    assert len(rows) > 10
    for number, text in zip(rows, beside, strict=True):
        left, right = (labels[place] for place in scenes.what[number, :2].tolist())
        order = text.index(left) < text.index(right)
        assert order == (" to the left of " in text)


def test_every_colour_but_white_is_always_told(scenes, small_bank):
    for number, text in enumerate(told(TAUGHT, scenes, small_bank)):
        ground = list(COLOURS)[scenes.ground[number]]
        assert ground == "white" or ground in text


def test_sentences_of_the_bench_are_not_those_of_training(small_bank):
    trained = set[str]()
    for seed in range(12):
        trained |= set(
            captions(draw(kit(small_bank), 500, ARRANGED, generator(seed)), small_bank.concepts, small_bank.styles, generator(seed))
        )
    scenes = draw(kit(small_bank), 500, ARRANGED, generator(99))
    asked = set(told(UNSEEN, scenes, small_bank, named=True))
    assert len(trained) > 2000
    assert not trained & asked


def test_articles_fit_what_follows(scenes, small_bank):
    text = " ".join(told(TAUGHT, scenes, small_bank))
    assert "a orange" not in text
    assert "an old ring" in text


def test_a_tenth_of_the_captions_say_nothing(scenes, small_bank):
    made = captions(scenes, small_bank.concepts, small_bank.styles, generator(1))
    assert 0.05 < made.count("") / len(made) < 0.16
    assert made == captions(scenes, small_bank.concepts, small_bank.styles, generator(1))
