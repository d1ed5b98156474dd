"""Waiting for what other threads and processes do."""

import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")


def until(look: Callable[[], Found], seconds: float = 240) -> Found:
    """Ask again until the answer is true; gives it. Fails with the last answer when it never comes."""
    limit, pause = time.monotonic() + seconds, 0.005
    while not (found := look()):
        assert time.monotonic() < limit, f"it never came; the last answer was {found!r}"
        time.sleep(pause)
        pause = min(pause * 1.2, 0.05)  # a server that starts is not asked a hundred times a second
    return found
