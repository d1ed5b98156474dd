"""What looks the same is the same name; words of several alphabets are none."""

import pytest

from webui.people.names import folded, mixes_scripts


@pytest.mark.parametrize(
    ("one", "other"),
    [("Mia", "mia"), ("Mia", "Ｍｉａ"), ("Mia", "Міа"), ("Peter", "Реtеr"), ("Tom", "Τοm"), ("STRASSE", "straße"), ("Zoé", "Zoe\u0301")],
)
def test_names_that_look_the_same_are_the_same(one, other):
    assert folded(one) == folded(other)


def test_names_that_look_otherwise_are_others():
    assert len({folded(name) for name in ("Mia", "Mila", "Миша", "Анна", "Anna", "Jürgen", "Jurgen", "王芳", "はな")}) == 8 + 1


@pytest.mark.parametrize("name", ["Мiа", "Аnna", "Pαul", "anna.Смiт"])
def test_a_word_of_several_alphabets_is_seen(name):
    assert mixes_scripts(name)


@pytest.mark.parametrize(
    "name", ["Анна Smith", "иван@example.org", "王芳 Wang", "はなハナ花", "김철수", "Jürgen-2", "Μαρία", "a_б", "", "123"]
)
def test_names_as_people_write_them_are_not(name):
    assert not mixes_scripts(name)
