"""Points at which work that takes long may be stopped, without that work knowing whose it is."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_check: ContextVar[Callable[[], None] | None] = ContextVar("stop_check", default=None)


@contextmanager
def stoppable(check: Callable[[], None]) -> Iterator[None]:
    """Inside, every `stop_point` calls `check`, which raises where the work is to stop."""
    token = _check.set(check)
    try:
        yield
    finally:
        _check.reset(token)


def stop_point() -> None:
    """May be called as often as one likes, where it does no harm to go no further. Raises what the check raises."""
    check = _check.get()
    if check is not None:
        check()
