"""The truncated tokenizer: CLIP's ids where both have the token, and every prompt encodes."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webui.train.default_model.vocabulary import BOS, EOS, encode, tokenizer, truncate

MERGES = ["r e", "a p", "re d</w>", "p l", "pl e</w>", "ap ple</w>", "t h", "th e</w>"]


@pytest.fixture(scope="module")
def small():
    return truncate(MERGES, 512 + 2 + 6)


def test_ids_are_bytes_then_ends_of_words_then_merges_then_marks(small):
    assert small.ids["!"] == 0
    assert small.ids["!</w>"] == 256
    assert small.ids["re"] == 512
    assert (small.ids[BOS], small.ids[EOS]) == (518, 519)
    assert len(small.merges) == 6


def test_letter_a_has_clips_id(small):
    assert encode(tokenizer(small), ["a"], 3) == [[518, 320, 519]]


def test_words_merge_and_case_does_not_matter(small):
    made = tokenizer(small)
    expected = [518, small.ids["red</w>"], small.ids["apple</w>"], 519, 519]
    assert encode(made, ["red apple", "RED  Apple"], 5) == [expected, expected]


def test_long_captions_are_cut_and_still_end(small):
    (row,) = encode(tokenizer(small), ["red " * 100], 16)
    assert len(row) == 16
    assert row[-1] == 519
    assert row.count(519) == 1


def test_files_have_the_standards_form(small):
    assert json.loads(small.vocab_json) == small.ids
    assert small.merges_txt.splitlines()[:2] == ["#version: 0.2", "r e"]


@given(st.text(max_size=60))
def test_any_text_encodes_to_known_ids(text):
    small = truncate(MERGES, 520)
    (row,) = encode(tokenizer(small), [text], 77)
    assert len(row) == 77
    assert all(0 <= number < 520 for number in row)
