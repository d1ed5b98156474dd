"""Files and rows agree: pictures that lie on disk but are not in the index are found by what they say of themselves."""

import hashlib
import os
import stat
import sys
from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from pathlib import Path

from webui.core.foreign import FileError, read_foreign, read_whole, shown
from webui.core.names import printable
from webui.core.record import ImageRecord
from webui.errors import CheckpointError
from webui.images.decode import MAX_BYTES, look
from webui.images.metadata import ImageMetadata, read_metadata

_SUFFIXES = {".png", ".jpg", ".webp"}
MOST_IMAGES, LONGEST_ID = 2**31, 100


def find_images(root: Path, known: Collection[str], since: datetime | None = None) -> list[ImageRecord]:
    """Records of the pictures below `outputs/` that carry a job's id and that `known` (paths relative to `root`) lacks.

    A picture written just before a death is so neither lost nor made twice. `since` leaves out older files.
    The owner is the job's, which the picture does not name.
    """
    found = (_record(root, path) for path in _files(root / "outputs", since) if path.relative_to(root).as_posix() not in known)
    return [record for record in found if record is not None]


def _files(folder: Path, since: datetime | None) -> Iterator[Path]:
    """Regular files that are called like pictures, in the order of their names."""
    for current, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            path = Path(current, name)
            if path.suffix.lower() in _SUFFIXES and not name.startswith(".") and _is_wanted(path, since):
                yield path


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
    reading = read_metadata(data)
    if reading is None or not reading.job_id:
        return None
    size = look(data, "picture").size
    try:
        record = _make(root, path, data, reading, size)
        record.model_dump_json().encode()  # raises for texts that no database can hold
    except (ValueError, TypeError, OverflowError, AttributeError):
        raise CheckpointError("it is a picture, but what it says of how it was made is not as Darkroom writes it.") from None
    if not 0 <= record.index < MOST_IMAGES or len(reading.job_id) > LONGEST_ID:
        raise CheckpointError(f"{shown(path)} says that it is picture {record.index} of a job that cannot be.")
    return record


def _make(root: Path, path: Path, data: bytes, reading: ImageMetadata, size: tuple[int, int]) -> ImageRecord:
    return ImageRecord(
        id=hashlib.sha256(data).hexdigest(),
        path=path.relative_to(root).as_posix(),
        job_id=reading.job_id,
        index=reading.index,
        width=size[0],
        height=size[1],
        seed=reading.fields.get("seed"),
        created=datetime.fromtimestamp(path.stat().st_mtime, UTC),
        notes=tuple(reading.facts.get("notes", ())),
    )
