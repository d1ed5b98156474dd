"""Waiting for what other threads and processes do."""

import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")


def until(look: Callable[[], Found], seconds: float = 240) -> Found:
    """Ask again until the answer is true; gives it. Fails with the last answer when it never comes."""
    limit = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < limit, f"it never came; the last answer was {found!r}"
        time.sleep(0.01)
    return found
