"""Files and rows agree: pictures that lie on disk but are not in the index are found by what they say of themselves."""

import hashlib
import os
import stat
import sys
from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from pathlib import Path

from webui.core.folders import walk_linked
from webui.core.foreign import FileError, read_foreign, read_whole
from webui.core.names import printable
from webui.core.record import ImageRecord
from webui.errors import CheckpointError
from webui.images.decode import MAX_BYTES, look
from webui.images.metadata import ImageMetadata, is_ours, read_metadata

_SUFFIXES = {".png", ".jpg", ".webp"}
UNREAD = "How it was made cannot be read: its metadata is not as Darkroom writes it."
MOST_IMAGES, LONGEST_ID = 2**31, 100


def find_images(root: Path, known: Collection[str], since: datetime | None = None) -> list[ImageRecord]:
    """Records of the pictures of ours below `outputs/` that `known` (paths relative to `root`) lacks.

    They carry their job's id; one whose metadata lies, or holds what cannot be, is a picture without a job, with a note that says so.

    A picture written just before a death is so neither lost nor made twice. `since` leaves out older files.
    The owner is the job's, which the picture does not name.
    """
    found = (_record(root, path) for path in _files(root, known, since))
    return [record for record in found if record is not None]


def _files(root: Path, known: Collection[str], since: datetime | None) -> Iterator[Path]:
    """Regular files below `outputs/` that are called like pictures and are not known, in the order of their names."""
    for current, _, names in walk_linked(root / "outputs"):
        folder = current.relative_to(root).as_posix()
        for name in names:  # what is known is passed over as a text: of a hundred thousand, each `Path` counts
            if name.startswith(".") or f"{folder}/{name}" in known or os.path.splitext(name)[1].lower() not in _SUFFIXES:
                continue
            if _is_wanted(current / name, since):
                yield current / name


def _is_wanted(path: Path, since: datetime | None) -> bool:
    try:
        status = path.stat()
    except (OSError, ValueError):
        return False
    return stat.S_ISREG(status.st_mode) and (since is None or status.st_mtime >= since.timestamp())


def _record(root: Path, path: Path) -> ImageRecord | None:
    """The record of a picture of ours; None for others, and for one that cannot be read, which is said in the log."""
    record = read_foreign(path, lambda path: _read(root, path))
    if isinstance(record, FileError):
        print(f"{printable(str(path))} is not listed: {record.message}", file=sys.stderr)
        return None
    return record


def _read(root: Path, path: Path) -> ImageRecord | None:
    relative = path.relative_to(root).as_posix()
    if relative.encode(errors="replace").decode() != relative:
        raise CheckpointError("its name, or its folder's, has bytes that are no UTF-8 text. Rename it.")
    data = read_whole(path, MAX_BYTES)
    size = look(data, "picture").size
    plain = ImageRecord(
        id=hashlib.sha256(data).hexdigest(),
        path=relative,
        width=size[0],
        height=size[1],
        created=datetime.fromtimestamp(path.stat().st_mtime, UTC),
    )
    reading = read_metadata(data)
    if reading is not None and reading.source == "Darkroom":
        return _told(plain, reading) if reading.job_id else None
    return plain.model_copy(update={"notes": (UNREAD,)}) if is_ours(data) else None


def _told(plain: ImageRecord, reading: ImageMetadata) -> ImageRecord:
    """The record with what the picture says of itself; with a word on it where that cannot be."""
    try:
        own = {"job_id": reading.job_id, "index": reading.index, "seed": reading.fields.get("seed")}
        record = ImageRecord.model_validate({**dict(plain), **own, "notes": tuple(reading.facts.get("notes", ()))})
        record.model_dump_json().encode()  # raises for texts that no database can hold
    except (ValueError, TypeError, OverflowError, AttributeError):
        return plain.model_copy(update={"notes": (UNREAD,)})
    if not 0 <= record.index < MOST_IMAGES or len(reading.job_id) > LONGEST_ID:
        return plain.model_copy(update={"notes": (UNREAD,)})
    return record
