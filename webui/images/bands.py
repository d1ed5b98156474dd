"""Work on large pictures, a band of rows at a time: memory stays bounded, and between two bands a job can be stopped."""

from collections.abc import Iterator

from webui.core.stopping import stop_point

PIXELS = 2**22
"""Pixels of a band, about: what every step does with so many takes well under a second."""


def bands(width: int, height: int, least: int = 1) -> Iterator[slice]:
    """The rows of a picture, at least so many at a time. Raises, between two bands, what `stop_point` raises."""
    rows = max(PIXELS // max(width, 1), least, 1)
    for top in range(0, height, rows):
        if top:
            stop_point()
        yield slice(top, min(top + rows, height))


def pause(width: int, height: int) -> None:
    """Ask for a stop between two pieces of work on a picture of this size. Small ones are not worth asking."""
    if width * height > PIXELS:
        stop_point()
