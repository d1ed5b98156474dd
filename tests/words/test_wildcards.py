"""Wildcard files of every kind, good and bad, in one or several folders."""

import json
import os
import shutil

import pytest

from webui.errors import RequestError
from webui.settings import load_settings
from webui.words.fill import fill
from webui.words.wildcards import Wildcards, wildcard_folders


@pytest.fixture
def folder(tmp_path):
    return tmp_path


@pytest.fixture
def wildcards(folder):
    return Wildcards(lambda: [folder])


def texts(wildcards, name):
    return [value.text for value in wildcards.values(name)]


def test_text_yaml_and_json_in_folders(folder, wildcards):
    (folder / "people").mkdir()
    (folder / "people" / "jobs.txt").write_text("cook\nsmith\ncook\n")
    (folder / "people" / "more.yaml").write_text("names:\n  old: [Ann, 2::Bob]\n  new:\n    - {text: Cid, weight: 3}\nflat: one\n")
    (folder / "list.json").write_text(json.dumps(["x", "y"]))
    assert [each.name for each in wildcards.all()] == ["list", "people/flat", "people/jobs", "people/names/new", "people/names/old"]
    assert texts(wildcards, "people/jobs") == texts(wildcards, r"people\jobs") == texts(wildcards, "jobs") == ["cook", "smith"]
    assert [tuple(value) for value in wildcards.values("people/names/*")] == [("Ann", 1.0), ("Bob", 2.0), ("Cid", 3.0)]
    assert texts(wildcards, "People/FLAT") == ["one"]
    assert texts(wildcards, "**/jobs") == ["cook", "smith"]


@pytest.mark.parametrize("weight", ["1e15", "1e999", "-1", '"1e15"', "NaN", "[1]", "true", "1" + "0" * 400])
def test_a_weight_that_cannot_be_counts_as_one_and_is_said(folder, wildcards, weight):
    entries = f'{{"text": "a", "weight": {weight}}}, {{"text": "b"}}, "{weight.strip(chr(34))}::c"'
    (folder / "hw.json").write_text(f"[{entries}]")
    assert all(value.weight == 1 for value in wildcards.values("hw"))
    assert "no weight from 0 to 10,000" in wildcards.all()[0].note
    assert set(fill("{2$$ $$__hw__}", range(9), wildcards)[0].split()) < {"a", "b", *f"{weight.strip(chr(34))}::c c".split()}


def test_weights_are_drawn_by_what_they_say_and_bounded_together(folder, wildcards):
    (folder / "hw.json").write_text('[{"text": "a", "weight": 9999}, {"text": "b", "weight": 9999}, {"text": "c", "weight": 9999}]')
    assert fill("__hw__", [1], wildcards)[0] in "abc"
    with pytest.raises(RequestError, match="takes too long"):
        fill("{2$$__hw__}", [1], wildcards)


def test_yamls_words_are_those_that_are_written(folder, wildcards):
    answers = "answers:\n  - yes\n  - no\n  - on\n  - 2020-01-01\n  - 1.50\n  - [x]\n  - {weight: 3}\n"
    (folder / "odd.yaml").write_text("2020: [a]\n" + answers + "more: {<<: {inner: [z]}}\n")
    assert texts(wildcards, "answers") == ["1.50", "2020-01-01", "no", "on", "yes"] and texts(wildcards, "2020") == ["a"]
    assert texts(wildcards, "more/inner") == ["z"]
    assert "2 of its entries are no words" in wildcards.all()[0].note


def test_a_file_that_changes_is_read_again(folder, wildcards):
    (folder / "a.txt").write_text("one")
    assert texts(wildcards, "a") == ["one"]
    (folder / "a.txt").write_text("one\ntwo")
    assert texts(wildcards, "a") == ["one", "two"]
    (folder / "a.txt").unlink()
    with pytest.raises(RequestError, match="no wildcard named 'a'"):
        texts(wildcards, "a")


def test_broken_files_are_listed_with_the_reason_and_harm_no_others(folder, wildcards):
    (folder / "good.txt").write_text("fine")
    (folder / "latin.txt").write_bytes("café\nnaïve".encode("latin-1"))
    (folder / "wide.txt").write_text("breit", encoding="utf-16")
    (folder / "bad.yaml").write_text("a: [b")
    (folder / "bomb.yaml").write_text(
        "a: &a [x, x, x, x, x, x, x, x, x]\n"
        + "".join(f"{n}: &{n} {{{', '.join(f'k{k}: *{chr(ord(n) - 1)}' for k in range(9))}}}\n" for n in "bcdefghij")
    )
    with (folder / "huge.txt").open("wb") as file:
        file.truncate(200 * 2**20)
    listed = {each.name: each for each in wildcards.all()}
    assert "200 MB; a .txt file of wildcards may have 16" in listed["huge"].error
    assert listed["bad"].error and "more than 1000000 values" in listed["bomb"].error
    assert "read as Windows-1252" in listed["latin"].note and texts(wildcards, "latin") == ["café", "naïve"]
    assert texts(wildcards, "wide") == ["breit"] and texts(wildcards, "good") == ["fine"]
    with pytest.raises(RequestError, match="'huge' cannot be used: huge.txt has 200 MB"):
        texts(wildcards, "huge")


@pytest.mark.skipif(os.name != "posix", reason="Windows has no pipes among files, and links need a right there")
def test_pipes_circles_and_folders_that_are_not_there(folder, wildcards):
    os.mkfifo(folder / "pipe.txt")
    (folder / "round").symlink_to(folder)
    assert [each.error for each in wildcards.all()] == ["pipe.txt is a pipe. Take it out of the folder."] or "pipe" in wildcards.all()[
        0
    ].error
    shutil.rmtree(folder)
    assert wildcards.all() == ()


def test_those_of_a1111_beside_a_models_folder(tmp_path):
    theirs = tmp_path / "a1111" / "extensions" / "sd-dynamic-prompts" / "wildcards"
    theirs.mkdir(parents=True)
    (tmp_path / "data" / "wildcards").mkdir(parents=True)
    for place, words in ((theirs, "theirs"), (tmp_path / "data" / "wildcards", "ours")):
        (place / "both.txt").write_text(words)
    (theirs / "only.txt").write_text("x")
    settings = load_settings({"data_dir": tmp_path / "data", "models_dirs": [tmp_path / "a1111" / "models"]}, {})
    found = Wildcards(lambda: wildcard_folders(settings))
    assert texts(found, "both") == ["ours"] and texts(found, "only") == ["x"]
