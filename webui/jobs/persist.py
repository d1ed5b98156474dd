"""What an engine did is not thrown away because the database cannot be written for a while."""

import time
from collections.abc import Callable
from typing import TypeVar

from webui.errors import StorageError

Result = TypeVar("Result")
PAUSE = 0.5


def insist(act: Callable[[], Result], ending: Callable[[], bool], on_wait: Callable[[str], None], pause: float = PAUSE) -> Result | None:
    """Do `act`, again and again while the database refuses; None when the app ends first. `on_wait(why)` hears of each vain try."""
    while True:
        try:
            return act()
        except StorageError as error:
            on_wait(str(error))
            if ending():
                return None
            time.sleep(pause)
