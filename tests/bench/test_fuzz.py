"""A few seconds of strangers' files on every run; `bench fuzz` goes on for minutes."""

import random

import pytest

from webui import bench
from webui.bench import fuzz

CASES = 60


@pytest.mark.parametrize("name", sorted({"weights", "embeddings", "pictures"} & set(fuzz.targets())))
def test_no_file_brings_down_what_reads_it(name):
    said = [text for _, text in fuzz.violations(fuzz.targets()[name], seed=0, seconds=60, cases=CASES)]
    assert len(said) == CASES and [text for text in said if text is not None] == []


def test_a_violation_is_told_with_its_seed():
    def target(rng: random.Random) -> None:
        assert rng.random() < 0.5, "more than half"

    found = list(fuzz.violations(target, seed=3, seconds=60, cases=20))
    assert [seed for seed, _ in found] == list(range(3, 23))
    wrong = [seed for seed, said in found if said is not None and "more than half" in said]
    assert wrong == [seed for seed in range(3, 23) if random.Random(seed).random() >= 0.5]


def test_the_command_says_how_many_cases_and_fails_with_one_that_is_wrong(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(fuzz, "keep", lambda name, figures: tmp_path / f"{name}.json")
    assert bench.run("fuzz", ["--target", "embeddings", "--cases", "3", "--seed", "5"]) == 0
    assert "embeddings: 3 cases, 0 violations" in capsys.readouterr().out
