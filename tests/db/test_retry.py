"""Waiting for a database that cannot be written."""

import pytest

from webui.db.retry import retry_on_storage_error
from webui.errors import StorageError


def failing(times):
    """A function that fails so often before it succeeds."""
    left = iter(range(times))

    def act():
        if (n := next(left, None)) is not None:
            raise StorageError(f"full {n}")
        return "done"

    return act


def never():
    return False


def test_success_at_once_waits_for_nothing():
    said = []
    assert retry_on_storage_error(failing(0), never, said.append, pause=0) == "done" and said == []


def test_it_is_tried_until_it_succeeds_and_each_reason_is_said():
    said = []
    assert retry_on_storage_error(failing(3), never, said.append, pause=0) == "done"
    assert said == ["full 0", "full 1", "full 2"]


def test_the_apps_end_ends_it():
    said = []
    assert retry_on_storage_error(failing(9), lambda: len(said) == 2, said.append, pause=0) is None
    assert said == ["full 0", "full 1"]


def test_any_other_error_is_not_waited_for():
    def act():
        raise ValueError("wrong")

    with pytest.raises(ValueError, match="wrong"):
        retry_on_storage_error(act, never, lambda reason: None, pause=0)
