"""Tokens get CLIP's ids and are laid out in chunks of 75 as A1111 lays them out."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from webui.prompts import ClipTokenizer, clip_l_tokenizer, count_tokens
from webui.prompts.chunks import Words, make_chunks

CASES = json.loads((Path(__file__).parent.parent / "data/reference/tokens.json").read_text())["cases"]
CLIP = clip_l_tokenizer()
FOX = CLIP.encode("fox")[0]


@pytest.mark.parametrize("case", CASES, ids=lambda case: repr(case["text"])[:30])
def test_ids_are_transformers_4_ids(case):
    assert CLIP.encode(case["text"]) == case["ids"]


def test_a_truncated_vocabulary_keeps_ids_and_moves_the_ends():
    merges = ["a b</w>", "c d"]
    small = ClipTokenizer.from_merges(merges)
    assert (len(small), small.start, small.end) == (516, 514, 515)
    assert small.encode("ab") == [512]


def used(chunk):
    """The tokens between start and the first end."""
    return chunk.tokens[1 : chunk.tokens.index(CLIP.end)]


def test_a_short_prompt_is_one_chunk_of_77():
    chunks, count = make_chunks("a (fox:1.5)", CLIP)
    assert count == 2 and len(chunks) == 1
    assert chunks[0].tokens == [CLIP.start, 320, FOX, *[CLIP.end] * 74] and chunks[0].weights[:4] == [1.0, 1.0, 1.5, 1.0]


def test_the_empty_prompt_is_one_empty_chunk():
    chunks, count = make_chunks("", CLIP)
    assert count == 0 and used(chunks[0]) == []


def test_break_fills_up_the_chunk():
    chunks, count = make_chunks("fox BREAK fox fox", CLIP)
    assert [used(chunk) for chunk in chunks] == [[FOX], [FOX, FOX]] and count == 77


@pytest.mark.parametrize(("backtrack", "lengths"), [(20, [61, 24]), (14, [75, 10]), (0, [75, 10])])
def test_a_chunk_wraps_at_a_comma_that_is_near(backtrack, lengths):
    """60 words, a comma, 24 words: the 15th after the comma would break the chunk."""
    prompt = " ".join(["fox"] * 60) + ", " + " ".join(["fox"] * 24)
    chunks, count = make_chunks(prompt, CLIP, backtrack=backtrack)
    assert [len(used(chunk)) for chunk in chunks] == lengths
    assert count == 75 + lengths[1]


def test_a_comma_as_token_76_begins_the_next_chunk():
    chunks, _ = make_chunks(" ".join(["fox"] * 75) + ", fox", CLIP)
    assert [len(used(chunk)) for chunk in chunks] == [75, 2]


def test_inversion_words_take_the_room_of_their_vectors():
    words = Words(CLIP, {"labfox": 3, "lab": 1})
    chunks, count = make_chunks("a (labfox:1.2) lab", CLIP, words)
    assert chunks[0].words == [(2, "labfox"), (5, "lab")] and count == 5
    assert chunks[0].weights[1:7] == [1.0, 1.2, 1.2, 1.2, 1.0, 1.0]


def test_an_inversion_word_that_does_not_fit_begins_a_chunk():
    chunks, _ = make_chunks(" ".join(["fox"] * 74) + " labfox", CLIP, Words(CLIP, {"labfox": 2}))
    assert [chunk.words for chunk in chunks] == [[], [(1, "labfox")]]


def test_without_emphasis_brackets_are_text():
    chunks, _ = make_chunks("(fox:1.5) BREAK", CLIP, emphasis=False)
    assert len(chunks) == 1 and set(chunks[0].weights) == {1.0} and used(chunks[0]) == CLIP.encode("(fox:1.5) BREAK")


@given(st.text(max_size=400), st.integers(0, 74))
@settings(max_examples=50)
def test_chunks_hold_every_token_in_order(text, backtrack):
    chunks, _ = make_chunks(text, CLIP, emphasis=False, backtrack=backtrack)
    assert all(len(chunk.tokens) == len(chunk.weights) == 77 for chunk in chunks)
    if CLIP.end not in CLIP.encode(text):
        assert [token for chunk in chunks for token in used(chunk)] == CLIP.encode(text)


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("", (0, 75)),
        ("a fox", (2, 75)),
        ("a fox <lora:x:1> # not this", (2, 75)),
        ("a [fox:red fox:0.5]", (3, 75)),
        ("a fox AND a red fox", (3, 75)),
        ("fox " * 76, (76, 150)),
    ],
)
def test_count(prompt, expected):
    assert count_tokens(prompt, CLIP) == expected
