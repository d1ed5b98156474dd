"""Folders that people arrange: links among them lead to other drives, and are followed; a drive may not be there today."""

import os
from collections.abc import Iterator
from pathlib import Path

from webui.core.names import printable

LONGEST_NAME, LONGEST_PATH = 255, 4_000  # bytes: no file system takes more


def walk_linked(folder: Path, met: set[str] | None = None) -> Iterator[tuple[Path, list[str], list[str]]]:
    """`os.walk` that follows links and enters each folder once, in the order of names; none that is in `met`, to which it adds."""
    met = set[str]() if met is None else met
    for current, folders, names in os.walk(folder, followlinks=True):
        real = os.path.realpath(current)
        if real in met:
            folders.clear()
            continue
        met.add(real)
        folders.sort()
        yield Path(current), folders, sorted(names)


def lost_link(path: Path) -> str:
    """What to say of a path that lies in or behind a link whose target is not there; nothing where none is."""
    for place in (path, *path.parents):
        if place.is_symlink():
            return "" if place.exists() else f"{place} is a link to {os.readlink(place)}, which is not there"
    return ""


def place_of(folder: Path) -> tuple[int, int] | None:
    """Which folder is there now: another one, or none, when a drive was taken out or put back."""
    try:
        status = folder.stat()
    except (OSError, ValueError):
        return None
    return status.st_dev, status.st_ino


def whole_folder(path: Path) -> Path:
    """A folder as it was written, whole: `~` is the home folder, and what is relative begins where the program was started.

    Raises ValueError for one that cannot be passed on to an engine or shown.
    """
    try:
        whole = path.expanduser().absolute()
    except RuntimeError:
        raise ValueError(f"{str(path)!r} names the home folder of somebody who is not known here. Write the whole path.") from None
    try:
        str(whole).encode()
    except UnicodeEncodeError:
        raise ValueError(f"{printable(str(whole))} has bytes in its name that are no UTF-8 text. Rename the folder.") from None
    if "\0" in str(whole):
        raise ValueError("A path has no character of the number 0 in it.")
    if len(os.fsencode(whole)) > LONGEST_PATH or any(len(os.fsencode(part)) > LONGEST_NAME for part in whole.parts):
        raise ValueError(f"{str(whole)[:60]}… is too long for a path. Were several written into one? Write each on a line of its own.")
    return whole
