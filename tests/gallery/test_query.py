"""The gallery's query language: what each part means, and what is said of what means nothing."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webui.errors import RequestError
from webui.gallery.query import MAX_QUERY, Term, parse_query

NOON = datetime(2026, 11, 29, 12, tzinfo=timezone(timedelta(hours=1)))


def terms(text):
    return [term.model_dump(exclude_defaults=True, exclude={"source"}) for term in parse_query(text).terms]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("owl", [{"key": "word", "text": "owl"}]),
        ('-"red apple"', [{"key": "word", "text": "red apple", "negated": True}]),
        ("model:photon", [{"key": "model", "text": "photon"}]),
        ('-model:"my model"', [{"key": "model", "text": "my model", "negated": True}]),
        ("steps>=20", [{"key": "steps", "text": "20", "operator": ">=", "number": 20}]),
        ("cfg:7.5", [{"key": "cfg", "text": "7.5", "number": 7.5}]),
        ("size:Portrait", [{"key": "shape", "text": "portrait"}]),
        ("size:512x768", [{"key": "size", "low": 512, "high": 768}]),
        ("KEPT -rejected", [{"key": "mark", "text": "kept"}, {"key": "mark", "text": "rejected", "negated": True}]),
        ('"kept"', [{"key": "word", "text": "kept"}]),
        ("(cat:1.2) <lora:x:1>", [{"key": "word", "text": "(cat:1.2)"}, {"key": "word", "text": "<lora:x:1>"}]),
        ("- ", []),
        ("2026-13 2026-02-30 1girl", [{"key": "word", "text": each} for each in ("2026-13", "2026-02-30", "1girl")]),
    ],
)
def test_what_a_line_means(text, found):
    assert terms(text) == found


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("today", (2026, 11, 29), (2026, 11, 30)),
        ("yesterday", (2026, 11, 28), (2026, 11, 29)),
        ("week", (2026, 11, 23), (2026, 11, 30)),
        ("2026-12", (2026, 12, 1), (2027, 1, 1)),
        ("2026-11-05", (2026, 11, 5), (2026, 11, 6)),
        ("2026", (2026, 1, 1), (2027, 1, 1)),
        ("2026-11-01..2026-11-20", (2026, 11, 1), (2026, 11, 21)),
        ("2025..2026-02", (2025, 1, 1), (2026, 3, 1)),
    ],
)
def test_days_are_those_of_the_clock_on_the_wall(text, low, high):
    (term,) = parse_query(text, lambda: NOON).terms
    assert [datetime.fromtimestamp(second, NOON.tzinfo) for second in (term.low, term.high)] == [
        datetime(*day, tzinfo=NOON.tzinfo) for day in (low, high)
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("modle:x", "There is no field named modle. Did you mean mode: or model:?"),
        ("steps>many", "steps is a number; 'many' is none."),
        ("cfg:nan", "cfg is a number"),
        ("seed:1e999", "seed is a number"),
        ("model>x", "model is a text: write model:x."),
        ("size:big", "size is portrait, landscape, square, or like 512x768."),
        ("steps:", "steps: needs a value behind it"),
        ("x" * (MAX_QUERY + 1), "at most 2,000 letters"),
        ("a " * 51, "at most 50 parts; this has 51"),
    ],
)
def test_what_means_nothing_is_said(text, said):
    with pytest.raises(RequestError, match="(?s)") as error:
        parse_query(text)
    assert error.value.field == "q" and said in str(error.value)


@given(st.text(max_size=200))
def test_any_text_is_a_query_or_a_sentence(text):
    try:
        query = parse_query(text)
    except RequestError as error:
        assert error.field == "q"
    else:
        assert terms(query.text) == terms(text), "a query's own text means the same"


def test_a_query_without_one_of_its_parts():
    query = parse_query("owl kept steps>20")
    assert query.without(query.terms[1]).text == "owl steps>20"
    assert query.without(Term(key="word", text="owl")) == query


def test_the_clock_is_read_when_it_is_asked():
    (term,) = parse_query("today").terms
    assert term.low <= datetime.now(UTC).timestamp() < term.high
