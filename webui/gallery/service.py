"""Everything done to images that exist: upload, find, show, delete, restore, and reconcile with the files on disk."""

import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from pathlib import Path

from webui.core.folders import place_of
from webui.core.foreign import FileError, read_foreign
from webui.core.record import ImageRecord
from webui.core.request import GenerationRequest
from webui.db.database import Database
from webui.errors import NotFound
from webui.gallery.index import ImageIndex
from webui.gallery.marks import Changed, ImageMarks
from webui.gallery.reconcile import JobRows, mark_by_files, reconcile
from webui.gallery.scan import find_images
from webui.gallery.sheet import ContactSheet
from webui.gallery.usage import Usage
from webui.images import decode, metadata, pixels
from webui.images.store import ImageStore

UPLOAD_SUFFIX = {
    "PNG": ".png",
    "JPEG": ".jpg",
    "MPO": ".jpg",
    "WEBP": ".webp",
    "BMP": ".bmp",
    "GIF": ".gif",
    "TIFF": ".tif",
    "AVIF": ".avif",
}
Uploading = Callable[[str, int], AbstractContextManager[Callable[[], None]]]


def _anything(owner: str, size: int) -> AbstractContextManager[Callable[[], None]]:
    return nullcontext(lambda: None)


class Gallery:
    """The images of one data directory: files in `store`, rows in `index`, found by `sheet`, marked by `marks`, thumbnails in a cache."""

    def __init__(self, store: ImageStore, database: Database, thumbnails: Path, uploading: Uploading | None = None) -> None:
        """`uploading(owner, bytes)` raises for more than an owner may send; what it gives is called once they are kept as new."""
        self.store, self._thumbnails, self._uploading = store, thumbnails, uploading or _anything
        self.usage = Usage(database, store)
        self._looking = threading.Lock()
        self._place: tuple[int, int] | None = None
        self.index, self.sheet, self.marks = ImageIndex(database), ContactSheet(database), ImageMarks(database, store)

    def upload(self, data: bytes, owner: str) -> ImageRecord:
        """Check and keep an uploaded image. Raises `RequestError` when it is none, `LimitReached` when the owner may send no more."""
        with self._uploading(owner, len(data)) as count:
            decode.read_image(data, "file")  # to its end: a picture that is cut off is refused now, not when it is used
            record, is_new = self._keep(data, owner)
            if is_new:
                count()
        return record

    def keep(self, data: bytes, owner: str) -> ImageRecord:
        """Keep a picture that work goes on with as an upload, whatever its owner may send. Raises `RequestError`, `StorageError`."""
        return self._keep(data, owner)[0]

    def _keep(self, data: bytes, owner: str) -> tuple[ImageRecord, bool]:
        seen = decode.look(data, "file")
        record = self.store.add_upload(data, seen.size, UPLOAD_SUFFIX.get(seen.format, ".png"), owner)
        return record, self.index.add_upload(record, len(data))

    def path_by_id(self, image_id: str) -> Path:
        """Return the file of an upload or a result. Raises `NotFound`."""
        try:
            return self.store.upload_path(image_id)
        except NotFound:
            return self.store.path(self.index.get(image_id).record)

    def keep_as_upload(self, image_id: str) -> None:
        """Copy a result to the uploads, so that a job that starts from it does not depend on it. Raises `NotFound`."""
        try:
            self.store.upload_path(image_id)
        except NotFound:
            record = self.index.get(image_id).record
            data = self.store.path(record).read_bytes()
            self.store.add_upload(data, (record.width, record.height), Path(record.path).suffix, record.owner)

    def path(self, record: ImageRecord) -> Path:
        """Return the file of an image. Raises `NotFound` when it is gone."""
        return self.store.path(record)

    def thumbnail(self, record: ImageRecord, size: int) -> Path:
        """Return a small WebP of an image, made once; also of one in the bin."""
        path = self._thumbnails / record.id[:2] / f"{record.id}-{size}.webp"
        if not path.is_file():
            pixels.write_thumbnail(self._file(record), path, size)
        return path

    def _file(self, record: ImageRecord) -> Path:
        """Return where an image lies, in the bin or not. Raises `NotFound`."""
        try:
            return self.store.path(record)
        except NotFound:
            return self.store.path_in_bin(record)

    def parameters(self, record: ImageRecord) -> str:
        """Return the parameters text inside an image's file; "" when there is none."""
        reading = metadata.read_metadata(self.store.path(record))
        return reading.text if reading is not None else ""

    def trash(self, record: ImageRecord, owner: str = "") -> None:
        """Delete an image so that it can come back. An upload that others have sent too is theirs still, and only `owner` loses it."""
        if record.kind == "upload" and self.index.disown(record.id, owner or record.owner):
            return
        self.store.trash(record)
        self.index.set_trashed(record.id, True)

    def restore(self, record: ImageRecord) -> None:
        """Bring an image back from the bin. Raises `NotFound`."""
        self.store.restore(record)
        self.index.set_trashed(record.id, False)

    def purge(self, owner: str | None, ids: Sequence[str]) -> Changed:
        """Delete images that lie in the bin for good, with their thumbnails."""
        gone = self.marks.purge(owner, ids)
        for image_id in gone.ids:
            for path in (self._thumbnails / image_id[:2]).glob(f"{image_id}-*.webp"):
                path.unlink(missing_ok=True)
        return gone

    def check_writable(self) -> None:
        """Raise `StorageError` while images cannot be written."""
        self.store.check_writable()
        self.look_again()

    def look_again(self) -> None:
        """Mark what is there and what is missing, if the folder of images is another one than before: a drive was plugged in or out."""
        place = place_of(self.store.outputs)
        with self._looking:
            changed, self._place = place != self._place, place
        if changed:
            mark_by_files(self.store.root, self.index)

    def sweep(self, older_than: float = 0.0) -> int:
        """Remove what a crash left half-written, if it is so many seconds old; returns how many files."""
        return self.store.sweep(older_than)

    def unlisted(self, since: datetime) -> Sequence[ImageRecord]:
        """Return images on disk, newer than that, which the index does not list."""
        return find_images(self.store.root, {path for _, path, _ in self.index.files()}, since)

    def reconcile(self, jobs: JobRows) -> int:
        """Index files that have no row and mark rows that have no file; returns how many files were found."""
        with self._looking:
            self._place = place_of(self.store.outputs)
        return reconcile(self.store.root, jobs, self.index, request_inside)


def request_inside(path: Path) -> GenerationRequest | None:
    """Return the request that an image carries, if it tells it whole."""

    def read(path: Path) -> GenerationRequest | None:
        reading = metadata.read_metadata(path)
        return None if reading is None else reading.request()

    request = read_foreign(path, read)
    return None if isinstance(request, FileError) else request
