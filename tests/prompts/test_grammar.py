"""The prompt language makes of every prompt what A1111's users know, and no text breaks it."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webui.prompts import parse_attention, prompt_schedule, split_and, strip_comments, strip_tags
from webui.prompts.grammar import as_no_comment

CASES = json.loads((Path(__file__).parent.parent / "data/reference/prompts.json").read_text())["cases"]
SYNTAX = st.text(st.sampled_from(list("[]():|\\ \n.,-+ab15<>#")) | st.characters(), max_size=60)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["prompt"][:40])
def test_reference_prompts(case):
    prompt = case["prompt"]
    spans = parse_attention(prompt)
    assert [words for words, _ in spans] == [words for words, _ in case["attention"]]
    assert [weight for _, weight in spans] == pytest.approx([weight for _, weight in case["attention"]], rel=1e-6)
    assert prompt_schedule(prompt, 20) == case["schedule_20"]
    assert prompt_schedule(prompt, 20, 10) == case["schedule_20_hires_10"]
    assert split_and(prompt) == case["and"]


@pytest.mark.parametrize(
    ("prompt", "spans"),
    [
        ("(a:1.2.3)", [["a", 1.1]]),
        ("(a:..)", [["a", 1.1]]),
        ("", [["", 1.0]]),
        ("(a:-1) b", [["a", -1.0], [" b", 1.0]]),
        ("(a:" + "9" * 400 + ")", [["a", 1.1]]),
    ],
)
def test_numbers_that_are_none_keep_the_words(prompt, spans):
    assert parse_attention(prompt) == spans


def test_thousands_of_brackets_stay_finite():
    assert parse_attention("(" * 50_000 + "a")[0] == ["a", 1e30]


@given(SYNTAX)
def test_any_text_parses(text):
    assert all(isinstance(words, str) and abs(weight) < 1e31 for words, weight in parse_attention(text))
    for schedule, last in ((prompt_schedule(text, 20), 20), (prompt_schedule(text, 20, 7), 7)):
        ends = [end for end, _ in schedule]
        assert ends == sorted(set(ends)) and ends[0] >= 1 and ends[-1] == last
    assert split_and(text)
    clean, tags = strip_tags(strip_comments(text))
    assert len(clean) <= len(text) and all(isinstance(tag.unet_weight, float) for tag in tags)


@given(st.lists(st.tuples(st.text("abc ,", min_size=1), st.integers(-200, 300).map(lambda n: n / 100)), min_size=1, max_size=6))
def test_weights_round_trip(spans):
    """Written as (words:weight) spans come back; neighbours of equal weight are one."""
    back = parse_attention("".join(f"({words}:{weight})" for words, weight in spans))
    assert "".join(words for words, _ in back) == "".join(words for words, _ in spans)
    kept = [weight for number, (_, weight) in enumerate(spans) if number == 0 or weight != spans[number - 1][1]]
    assert [weight for _, weight in back] == kept


@given(st.text("ab ,.é", max_size=20), st.integers(1, 50))
def test_plain_text_is_one_span_and_one_entry(text, steps):
    assert parse_attention(text) == [[text, 1.0]]
    assert prompt_schedule(text, steps) == [[steps, text]]


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("[a:b:1e400]", [[20, "a"]]),
        ("[a:b:-3]", [[20, "b"]]),
        ("x\\", [[20, "x\\"]]),
        ("[a\\:b:5]", [[5, ""], [20, "a\\:b"]]),
    ],
)
def test_odd_editing(prompt, expected):
    assert prompt_schedule(prompt, 20) == expected


def test_deep_nesting_is_read():
    assert prompt_schedule("[a:" * 20_000 + "x" + ":1]" * 20_000, 20)[-1] == [20, "x"]


def test_tags_come_out_with_their_weights():
    clean, tags = strip_tags("a <lora:style:0.5:0.7>fox<lora:x:te=0.2><hypernet:h><lora:y:bad>")
    assert clean == "a fox"
    assert [(tag.kind, tag.name, tag.te_weight, tag.unet_weight) for tag in tags] == [
        ("lora", "style", 0.5, 0.7),
        ("lora", "x", 0.2, 0.2),
        ("hypernet", "h", 1.0, 1.0),
        ("lora", "y", 1.0, 1.0),
    ]


def test_comments_go_to_the_end_of_the_line():
    assert strip_comments("# all of it\na fox # red?\nin snow") == "a fox \nin snow"
    assert strip_comments(r"a \\# b") == r"a \\"


@pytest.mark.parametrize("text", ["house #12, # red", "# first\n#2", r"already \#, new #"])
def test_a_sign_that_is_no_comment_is_read_as_a_word(text):
    kept = strip_comments(as_no_comment(text))
    assert parse_attention(kept) == [[text.replace("\\", ""), 1.0]]
    assert as_no_comment("<lora:a#b:1>") == "<lora:a#b:1>"
