"""Retry while the database cannot be written."""

import time
from collections.abc import Callable
from typing import TypeVar

from webui.errors import StorageError

Result = TypeVar("Result")
PAUSE = 0.5


def retry_on_storage_error(
    act: Callable[[], Result], ending: Callable[[], bool], on_wait: Callable[[str], None], pause: float = PAUSE
) -> Result | None:
    """Call `act` until it succeeds and return its result; None when the app ends first.

    `on_wait(reason)` is called after each failed attempt.
    """
    while True:
        try:
            return act()
        except StorageError as error:
            on_wait(str(error))
            if ending():
                return None
            time.sleep(pause)
