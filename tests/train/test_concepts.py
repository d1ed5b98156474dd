"""Which concepts a rule of the emoji standard picks, from a small stand-in for the data package."""

import json

import pytest

from webui.train.default_model import concepts

MESSAGES = {
    "groups": [{"order": 0, "key": "animals-nature"}, {"order": 1, "key": "food-drink"}, {"order": 2, "key": "travel-places"}],
    "subgroups": [
        {"order": 0, "key": "animal-mammal"},
        {"order": 1, "key": "food-fruit"},
        {"order": 2, "key": "plant-flower"},
        {"order": 3, "key": "transport-air"},
    ],
}
ENTRIES = [
    {"label": "rocket", "hexcode": "1F680", "order": 9, "group": 2, "subgroup": 3, "tags": ["space"]},
    {"label": "cat face", "hexcode": "1F431", "order": 1, "group": 0, "subgroup": 0, "tags": ["animal", "kitty"]},
    {"label": "cat", "hexcode": "1F408", "order": 2, "group": 0, "subgroup": 0, "tags": ["animal", "kitty"]},
    {"label": "dog face", "hexcode": "1F436", "order": 3, "group": 0, "subgroup": 0, "tags": ["animal", "puppy"]},
    {"label": "rose", "hexcode": "1F339", "order": 4, "group": 0, "subgroup": 2, "tags": ["“love”"]},
    {"label": "red apple", "hexcode": "1F34E-FE0F", "order": 5, "group": 1, "subgroup": 1, "tags": ["apple"]},
    {"label": "regional indicator A", "hexcode": "1F1E6", "tags": []},
]


@pytest.fixture
def everything(tmp_path):
    (tmp_path / "en").mkdir()
    (tmp_path / "en" / "data.json").write_text(json.dumps(ENTRIES))
    (tmp_path / "en" / "messages.json").write_text(json.dumps(MESSAGES))
    return concepts.read_concepts(tmp_path)


def labels(found):
    return [concept.label for concept in found]


def test_entries_come_in_the_standards_order_without_components(everything):
    assert labels(everything) == ["cat face", "cat", "dog face", "rose", "red apple", "rocket"]


def test_first_list_is_fruit_faces_and_flowers(everything):
    assert labels(concepts.chosen("first", everything)) == ["red apple", "cat face", "dog face", "rose"]


def test_second_list_begins_with_the_first(everything):
    first, second = (labels(concepts.chosen(name, everything)) for name in ("first", "second"))
    assert second[: len(first)] == first
    assert "rocket" in second


def test_a_face_is_also_known_by_its_animal(everything):
    cat = next(concept for concept in everything if concept.label == "cat face")
    assert cat.words == ("cat face", "cat", "kitty")


def test_tags_that_many_share_and_quotes_are_no_synonyms(everything):
    assert not [word for concept in everything for word in concept.words if word in ("animal", "“love”")]


def test_codepoints_drop_the_variation_selector():
    assert concepts.codepoints("2764-FE0F-200D-1F525") == "2764-200d-1f525"
