"""A folder of pictures that somebody points at: its pictures are kept as uploads, whatever else lies there is named and left alone."""

import os
from dataclasses import dataclass
from pathlib import Path

from webui.core.finish import FinishStep, size_after
from webui.core.names import printable
from webui.core.record import ImageRecord
from webui.errors import RequestError
from webui.gallery.service import Gallery
from webui.images.decode import MAX_PIXELS, MAX_SIDE, image_bytes, look

MOST_FILES = 10_000


@dataclass(frozen=True)
class PassedOver:
    """A file that was left alone, and why."""

    name: str
    why: str


@dataclass(frozen=True)
class Folder:
    """The pictures of a folder in the order of their names, and its other files."""

    records: tuple[ImageRecord, ...]
    passed_over: tuple[PassedOver, ...]


def take_folder(folder: Path, gallery: Gallery, owner: str, steps: tuple[FinishStep, ...] = ()) -> Folder:
    """Keep a folder's pictures, those that these steps leave small enough. Raises `RequestError` for what is no folder.

    Folders inside it are not entered, and hidden files not looked at.
    """
    records: list[ImageRecord] = []
    passed_over: list[PassedOver] = []
    for path in files_of(folder):
        try:
            records.append(kept(path, gallery, owner, steps))
        except RequestError as error:
            passed_over.append(PassedOver(printable(path.name), error.message))
    return Folder(tuple(records), tuple(passed_over))


def files_of(folder: Path) -> list[Path]:
    """The folder's own files by name, without hidden ones. Raises `RequestError` for what is no folder, or has too many."""
    if not folder.is_absolute():
        raise RequestError("folder", "Give the folder's whole path.")
    try:
        found = sorted(Path(entry.path) for entry in os.scandir(folder) if not entry.name.startswith(".") and not entry.is_dir())
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "it is no folder"
        raise RequestError("folder", f"{printable(str(folder))} cannot be opened: {reason}.") from None
    if len(found) > MOST_FILES:
        raise RequestError("folder", f"There are {len(found)} files in this folder; at most {MOST_FILES} are taken at once.")
    return found


def kept(path: Path, gallery: Gallery, owner: str, steps: tuple[FinishStep, ...] = ()) -> ImageRecord:
    """Keep one picture. Raises `RequestError` for what is none, or becomes too large."""
    data = image_bytes(path, "folder")
    width, height = size_after(look(data, "folder").size, steps)
    if width * height > MAX_PIXELS or max(width, height) > MAX_SIDE:
        raise RequestError("folder", f"The result would have {width}×{height} pixels; at most {MAX_PIXELS // 2**20} million can be made.")
    return gallery.upload(data, owner)
