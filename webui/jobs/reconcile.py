"""Reconcile the image index with the files on disk, at start, before the queue resumes."""

import sys
import traceback
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from webui.core.record import ImageRecord
from webui.core.request import GenerationRequest
from webui.core.sentences import in_words
from webui.errors import NotFound, StorageError
from webui.jobs.image_index import ImageIndex
from webui.jobs.store import JobStore

FindFiles = Callable[[Path, Collection[str]], Sequence[ImageRecord]]


ReadRequest = Callable[[Path], GenerationRequest | None]


def nothing_read(path: Path) -> GenerationRequest | None:
    """Return None: no request is read from files."""
    return None


def reconcile(root: Path, store: JobStore, pictures: ImageIndex, find_files: FindFiles, read_request: ReadRequest = nothing_read) -> int:
    """Index files that have no row, note rows that have no file (and those whose file is back); gives how many files were found.

    `find_files(root, known paths)` reads what pictures say of themselves. A file that completes a job completes it when the queue recovers.
    A picture whose job is not known any more (the database was broken) is indexed with the request that it carries.
    """
    known = pictures.paths()
    missing = [image_id for image_id, path in known.items() if not (root / path).is_file()]
    pictures.mark_missing(list(known), missing=False)
    pictures.mark_missing(missing)
    present = {path for image_id, path in known.items() if image_id not in set(missing)}
    found = find_files(root, present)
    for record in found:
        try:
            _index(record, store, lambda path=root / record.path: read_request(path))  # type: ignore[misc]
        except StorageError:
            raise
        except Exception as error:  # the boundary around each picture: what one of them says keeps no other from being listed
            traceback.print_exc()
            print(f"{record.path} is not listed{in_words(error)}.", file=sys.stderr)
    return len(found)


def _index(record: ImageRecord, store: JobStore, read: Callable[[], GenerationRequest | None]) -> None:
    request = None
    if record.job_id is not None:
        try:
            job = store.get(record.job_id)
            record, request = record.model_copy(update={"owner": job.owner}), job.request
        except NotFound:
            request = read()
    store.add_image(record, request)
