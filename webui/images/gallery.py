"""Files and rows agree: pictures that lie on disk but are not in the index are found by what they say of themselves."""

import hashlib
from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from webui.core.record import ImageRecord
from webui.images.metadata import Reading, read_metadata

_SUFFIXES = {".png", ".jpg", ".webp"}


def reconcile(root: Path, known: Collection[str], since: datetime | None = None) -> list[ImageRecord]:
    """Records of the pictures below `outputs/` that carry a job's id and that `known` (paths relative to `root`) lacks.

    A picture written just before a death is so neither lost nor made twice. `since` leaves out older files.
    The owner is the job's, which the picture does not name.
    """
    found = (_record(root, path) for path in _files(root / "outputs", since) if path.relative_to(root).as_posix() not in known)
    return [record for record in found if record is not None]


def _files(folder: Path, since: datetime | None) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in _SUFFIXES and not path.name.startswith(".") and path.is_file():
            if since is None or path.stat().st_mtime >= since.timestamp():
                yield path


def _record(root: Path, path: Path) -> ImageRecord | None:
    try:
        data = path.read_bytes()
        reading = read_metadata(data)
        if reading is None or not reading.job_id:
            return None
        with Image.open(path) as image:
            return _make(root, path, data, reading, image.size)
    except (OSError, UnidentifiedImageError):
        return None


def _make(root: Path, path: Path, data: bytes, reading: Reading, size: tuple[int, int]) -> ImageRecord:
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
