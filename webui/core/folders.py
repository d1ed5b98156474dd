"""Folders that people arrange: links among them lead to other drives, and are followed; a drive may not be there today."""

import os
from collections.abc import Iterator
from pathlib import Path


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
