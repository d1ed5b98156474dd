"""Reconcile the image index with the files on disk, at start, before the queue resumes."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from webui.core.job import Job
from webui.core.record import ImageRecord
from webui.core.request import GenerationRequest
from webui.core.sentences import in_words
from webui.errors import NotFound, StorageError
from webui.gallery.index import ImageIndex
from webui.gallery.scan import find_images

ReadRequest = Callable[[Path], GenerationRequest | None]


class JobRows(Protocol):
    """The jobs that images belong to."""

    def get(self, job_id: str) -> Job:
        """Return a job. Raises `NotFound`."""

    def add_image(self, record: ImageRecord, request: GenerationRequest | None) -> object:
        """Index an image with the event that tells of it."""


def nothing_read(path: Path) -> GenerationRequest | None:
    """Return None: no request is read from files."""
    return None


def reconcile(root: Path, jobs: JobRows, index: ImageIndex, read_request: ReadRequest = nothing_read) -> int:
    """Index files that have no row, mark rows that have no file (and those whose file is back); returns how many files were found.

    A file that completes a job completes it when the queue recovers. An image whose job is not known any more
    (the database was broken) is indexed with the request that it carries.
    """
    found = find_images(root, mark_by_files(root, index))
    for record in found:
        try:
            _index(record, jobs, lambda path=root / record.path: read_request(path))  # type: ignore[misc]
        except StorageError:
            raise
        except Exception as error:  # the boundary around each picture: what one of them says keeps no other from being listed
            print(f"{record.path} is not listed{in_words(error)}.", file=sys.stderr)
    return len(found)


def mark_by_files(root: Path, index: ImageIndex) -> set[str]:
    """Mark rows that have no file, and those whose file is back; returns the paths that are there."""
    there, changed = set[str](), (list[str](), list[str]())
    for image_id, path, was_missing in index.files():
        is_there = os.path.isfile(f"{root}/{path}")  # a text: a hundred thousand `Path` take a second
        if is_there:
            there.add(path)
        if is_there == was_missing:
            changed[is_there].append(image_id)
    for missing in (True, False):
        if changed[not missing]:
            index.mark_missing(changed[not missing], missing)
    return there


def _index(record: ImageRecord, jobs: JobRows, read: Callable[[], GenerationRequest | None]) -> None:
    request = None
    if record.job_id is not None:
        try:
            job = jobs.get(record.job_id)
            record, request = record.model_copy(update={"owner": job.owner}), job.request
        except NotFound:
            request = read()
    jobs.add_image(record, request)
