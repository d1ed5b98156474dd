"""A1111's notation of values."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webui.errors import RequestError
from webui.grids.values import numbers_of, permutations_of, words_of


@pytest.mark.parametrize(
    ("text", "whole", "values"),
    [
        ("1-5", True, [1, 2, 3, 4, 5]),
        ("1-5 (+2)", True, [1, 3, 5]),
        ("10-5 (-3)", True, [10, 7]),
        ("1-10 [5]", True, [1, 3, 5, 7, 10]),
        ("0-1(+0.25)", False, [0.0, 0.25, 0.5, 0.75, 1.0]),
        ("0.2-0.8[4]", False, [0.2, 0.4, 0.6, 0.8]),
        ("20, 30,40-42", True, [20, 30, 40, 41, 42]),
        ("-1, -3-1", True, [-1, -3, -2, -1, 0, 1]),
        ("7.5", False, [7.5]),
        ("5-5", True, [5]),
        ("", True, []),
    ],
)
def test_numbers(text, whole, values):
    assert numbers_of(text, whole) == values


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a", "'a' is no number"),
        ("1-5 (-1)", "never gets from 1 to 5"),
        ("1-5 (+0)", "never gets"),
        ("1-1000000000", "1,000,000,000 values"),
        ("1-5 [1000000000]", "how many values"),
        ("2.5", "no whole number"),
        ("9" * 5000, "no number"),
    ],
)
def test_what_is_none_is_named(text, said):
    with pytest.raises(RequestError, match=said) as caught:
        numbers_of(text, True)
    assert caught.value.field == "values"


@given(st.text(alphabet='0123456789.-+()[] ,"e\n', max_size=30), st.booleans())
def test_any_text_is_numbers_or_a_sentence(text, whole):
    try:
        assert all(isinstance(value, int | float) for value in numbers_of(text, whole))
    except RequestError as error:
        assert str(error).endswith(".")


def test_words_between_commas_with_quotes():
    assert words_of('red, "yellow, shiny" ,blue\ngreen,,') == ["red", "yellow, shiny", "blue", "green"]


def test_orders():
    assert permutations_of(["a", "b", "c"])[:2] == [("a", "b", "c"), ("a", "c", "b")]
    with pytest.raises(RequestError, match="9 words"):
        permutations_of(list("abcdefghi"))
