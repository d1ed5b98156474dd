"""The command's promises that need no training."""

import pytest

from webui.errors import CheckpointError
from webui.train.default_model import sources
from webui.train.default_model.command import budget, parser
from webui.train.default_model.workers import Budget, Clock


def test_time_is_shared_out_and_a_single_stage_has_all_of_it():
    options = parser().parse_args(["--hours", "2"])
    assert budget(options, 0.25).seconds == 1800
    assert budget(parser().parse_args(["--hours", "2", "--stage", "vae"]), 0.25).seconds == 7200


def test_steps_make_a_run_repeatable():
    assert budget(parser().parse_args(["--steps", "10"]), 0.25) == Budget(steps=10)


@pytest.mark.parametrize(("step", "worked", "expected"), [(0, 0.0, 0.0), (5, 0.0, 0.5), (5, 90.0, 0.9)])
def test_progress_is_the_further_of_steps_and_time(step, worked, expected):
    assert Budget(steps=10, seconds=100).progress(step, worked) == expected


def test_a_pause_counts_for_one_minute_at_most():
    clock = Clock(100.0)
    clock._last -= 5000
    assert clock.tick() == 160.0


def test_another_package_of_the_same_name_is_refused(tmp_path):
    package = sources.PACKAGES["flat icon"]
    (tmp_path / package.file).write_bytes(b"something else")
    with pytest.raises(CheckpointError, match="SHA-256"):
        sources.fetch("flat icon", tmp_path)
