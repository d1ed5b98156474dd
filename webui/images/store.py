"""Where pictures lie: written whole or not at all, named by a pattern, never overwritten, deleted into a bin."""

import contextlib
import errno
import hashlib
import io
import itertools
import os
import re
import secrets
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Literal

from PIL import Image

from webui.core.filenames import check_pattern, file_name
from webui.core.finish import FormatStep
from webui.core.folders import lost_link, walk_linked
from webui.core.record import ImageRecord
from webui.core.request import FrozenModel, ResolvedRequest
from webui.errors import NotFound, StorageError

Format = Literal["png", "jpeg", "webp"]
WEBP_SIDE = 16_383
"""Pixels of a side that WebP can hold; a larger picture is written as PNG."""
SUFFIX = {"png": ".png", "jpeg": ".jpg", "webp": ".webp"}
PATTERN = "{date}/{index:05}-{seed}"
LONGEST_PATH = 255 if os.name == "nt" else 1000 if sys.platform == "darwin" else 4000
"""Bytes of a whole path that the system takes, with something to spare."""
_NAME_ERRORS = {errno.ENAMETOOLONG, errno.EILSEQ, errno.EINVAL, errno.ENOTDIR, errno.EISDIR, errno.EEXIST}
"""What a file system says of a name that it does not take, or whose folder's name is a file's."""

Encode = Callable[[Image.Image, BinaryIO, Format, int], None]
"""Writes one picture with its metadata: (picture, stream, format, quality)."""


class Origin(FrozenModel):
    """Where a result comes from: the job and its owner, which of the job's images it is (from 0), its seed, and notes about it."""

    job_id: str
    owner: str
    index: int
    seed: int
    notes: tuple[str, ...] = ()


class ImageStore:
    """Pictures below a data directory: results in `outputs/`, uploads in `data/uploads/`, deleted ones in `data/bin/`."""

    def __init__(self, root: Path, pattern: str = PATTERN, format: Format = "png", quality: int = 95, uploads: Path | None = None) -> None:
        """`uploads`: the data directory whose uploads are used, when it is another one. Raises `ValueError` for a wrong pattern."""
        self.root = root
        self._uploads = uploads or root
        self.pattern = check_pattern(pattern)
        self.format: Format = format
        self.quality = quality

    @property
    def outputs(self) -> Path:
        """The folder of results."""
        return self.root / "outputs"

    def save(
        self, image: Image.Image, request: ResolvedRequest, encode: Encode, origin: Origin, wanted: FormatStep | None = None
    ) -> ImageRecord:
        """Write a finished picture, in the wanted format if there is one, and give its record.

        Raises `StorageError` when the disk is full or the folder cannot be written.
        """
        stream = io.BytesIO()
        format, quality = (wanted.format, wanted.quality) if wanted is not None else (self.format, self.quality)
        if format == "webp" and max(image.size) > WEBP_SIDE:
            format = "png"
        encode(image, stream, format, quality)
        data = stream.getvalue()
        created = datetime.now(UTC)
        path = self._write_named(SUFFIX[format], request, created, origin.seed, data)
        return ImageRecord(
            id=hashlib.sha256(data).hexdigest(),
            path=path,
            job_id=origin.job_id,
            owner=origin.owner,
            index=origin.index,
            seed=origin.seed,
            width=image.width,
            height=image.height,
            created=created,
            notes=origin.notes,
        )

    def take_in(self, record: ImageRecord, request: ResolvedRequest, data: bytes) -> ImageRecord:
        """Keep a result that another machine has written, under a name of this one's; gives its record. Raises `StorageError`."""
        path = self._write_named(Path(record.path).suffix, request, record.created, record.seed or 0, data)
        return record.model_copy(update={"path": path})

    def add_upload(self, data: bytes, size: tuple[int, int], suffix: str, owner: str) -> ImageRecord:
        """Keep an uploaded picture (checked by the caller) under its content's hash; the same picture twice is one file."""
        digest = hashlib.sha256(data).hexdigest()
        relative = f"data/uploads/{digest[:2]}/{digest}{suffix}"
        if not (self._uploads / relative).exists():
            self._write(self._uploads / relative, data)
        return ImageRecord(id=digest, path=relative, kind="upload", owner=owner, width=size[0], height=size[1], created=datetime.now(UTC))

    def path(self, record: ImageRecord) -> Path:
        """Where a picture lies. Raises `NotFound` when it is gone or its record points outside the data directory.

        A link below it is whoever's who owns the directory, and may lead to another drive.
        """
        path = self.root / record.path
        if not _is_below(record.path) or not path.is_file():
            raise NotFound(f"The picture {record.path} is not there any more.")
        return path

    def path_in_bin(self, record: ImageRecord) -> Path:
        """Where a picture lies that was moved to the bin. Raises `NotFound`."""
        path = self._trash_path(record)
        if not path.is_file():
            raise NotFound(f"The picture {record.path} is not in the bin any more.")
        return path

    def upload_path(self, content_hash: str) -> Path:
        """The upload with this content. Raises `NotFound`."""
        found = next((self._uploads / "data" / "uploads" / content_hash[:2]).glob(f"{content_hash}.*"), None)
        if found is None:
            raise NotFound(f"There is no picture with the id {content_hash}.")
        return found

    def trash(self, record: ImageRecord) -> None:
        """Move a picture to the bin, from where `restore` brings it back."""
        self._move(self.path(record), self._trash_path(record))

    def restore(self, record: ImageRecord) -> None:
        """Bring a picture back from the bin to where it lay. Raises `NotFound`."""
        self._move(self.path_in_bin(record), self.root / record.path)

    def purge(self, record: ImageRecord) -> None:
        """Delete a picture that lies in the bin for good. Raises `StorageError`; one that is gone already is fine."""
        path = self._trash_path(record)
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise _storage_error(path, error) from None

    def sweep(self, older_than: float = 0.0) -> int:
        """Remove what a death left half-written; gives how many files. While others write, only files of so many seconds."""
        walked = (each for top in ("outputs", "data") for each in walk_linked(self.root / top))
        halves = [folder / name for folder, _, names in walked for name in names if name.startswith(".") and name.endswith(".part")]
        removed = 0
        for path in halves:
            with contextlib.suppress(OSError):
                if older_than and time.time() - path.stat().st_mtime < older_than:
                    continue
                path.unlink()
                removed += 1
        return removed

    def check_writable(self) -> None:
        """Raises `StorageError` when pictures could not be saved now."""
        folder = self.root / "outputs"
        probe = folder / f".probe-{secrets.token_hex(4)}.part"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            probe.write_bytes(b"x")
            probe.unlink()
        except OSError as error:
            with contextlib.suppress(OSError):
                probe.unlink()
            reason = lost_link(folder) or error.strerror or str(error)
            raise StorageError(
                f"{folder} cannot be written: {reason}. Jobs wait until it can: give yourself that right, make room, plug the drive in,"
                " or start with another --data-dir."
            ) from None

    def _trash_path(self, record: ImageRecord) -> Path:
        return self.root / "data" / "bin" / record.id[:2] / (record.id + Path(record.path).suffix)

    def _write_named(self, suffix: str, request: ResolvedRequest, created: datetime, seed: int, data: bytes) -> str:
        """Write under the pattern's name; where this file system does not take that name, under the plainest one."""
        for pattern in (self.pattern, PATTERN):
            try:
                return self._write_new("outputs", self._names(pattern, request, created, seed), suffix, data)
            except StorageError as error:
                if pattern == PATTERN or not isinstance(error.__cause__, OSError) or error.__cause__.errno not in _NAME_ERRORS:
                    raise
        raise AssertionError("unreachable")

    def _names(self, pattern: str, request: ResolvedRequest, created: datetime, seed: int) -> Callable[[int], str]:
        """The picture's path below outputs for a running number."""
        local = created.astimezone()
        facts: dict[str, str | int] = {
            "date": local.strftime("%Y-%m-%d"),
            "time": local.strftime("%H%M%S"),
            "seed": seed,
            "prompt": request.prompt[:80].strip() or "untitled",
            "sampler": request.sampler,
            "steps": request.steps,
            "checkpoint": request.checkpoint.split(" [")[0],
            "width": request.width,
            "height": request.height,
        }
        room = LONGEST_PATH - len(str(self.root / "outputs").encode("utf-8", "surrogatepass"))
        return lambda number: file_name(pattern, facts, number, room)

    def _write_new(self, top: str, names: Callable[[int], str], suffix: str, data: bytes) -> str:
        """Write under the first free name and give it, relative to the root."""
        for number in itertools.count(_next_number((self.root / top / names(1)).parent)):
            relative = f"{top}/{names(number)}{suffix}"
            if self._write(self.root / relative, data, replace=False):
                return relative
        raise AssertionError("unreachable")

    def _write(self, path: Path, data: bytes, replace: bool = True) -> bool:
        """Temporary name, flush to disk, rename, flush the folder: after a crash the file is whole or absent.

        False when the name is taken and `replace` is off: two writers never share a name.
        """
        part = path.with_name(f".{secrets.token_hex(8)}.part")
        try:
            if not replace and path.exists():
                return False
            path.parent.mkdir(parents=True, exist_ok=True)
            with part.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            placed = _place(part, path, replace)
            _sync_folder(path.parent)
            return placed
        except OSError as error:
            raise _storage_error(path, error) from error
        finally:
            with contextlib.suppress(OSError):
                part.unlink()

    def _move(self, source: Path, target: Path) -> None:
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                source.replace(target)
            except OSError as error:
                if error.errno != errno.EXDEV:
                    raise
                self._write(target, source.read_bytes())
                source.unlink()
        except OSError as error:
            raise _storage_error(target, error) from None


def _next_number(folder: Path) -> int:
    """One above the highest number that a file's name in the folder begins with. A folder's own, such as 2026-11-30, counts nothing."""
    leads = (re.match(r"\d{1,9}(?=\D)", name) for name in _files(folder))
    return max((int(lead.group()) for lead in leads if lead), default=0) + 1


def _files(folder: Path) -> Iterator[str]:
    """The names of the files in a folder; none where there is no such folder."""
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        yield from (entry.name for entry in entries if not entry.is_dir())


def _place(part: Path, path: Path, replace: bool) -> bool:
    """Give a finished file its name. A hard link fails when the name is taken; file systems without links check first."""
    if replace:
        part.replace(path)
        return True
    try:
        os.link(part, path)
    except FileExistsError:
        return False
    except OSError:
        if path.exists():
            return False
        part.replace(path)
    return True


def _sync_folder(folder: Path) -> None:
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _is_below(relative: str) -> bool:
    """Whether a path names something below the folder that it is relative to, whatever links there are."""
    path = Path(relative)
    return not path.anchor and ".." not in path.parts


def _storage_error(path: Path, error: OSError) -> StorageError:
    full = error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))
    reason = "the disk is full" if full else lost_link(path.parent) or error.strerror or str(error)
    if full:
        advice = "Free some space, or start with another --data-dir"
    elif error.errno in (errno.EACCES, errno.EPERM):
        advice = "Give yourself the right to write there, or start with another --data-dir"
    else:
        advice = "Plug the drive in or correct the folder, or start with another --data-dir"
    return StorageError(f"{path} cannot be written: {reason}. {advice}; nothing that was saved is lost.")
