"""One file from its address to the disk: goes on where it was, is checked against its hash, and counts as whole only then."""

import errno
import hashlib
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import httpx

from webui.downloads.net import Egress, FetchError, check, connected
from webui.downloads.offers import OfferedFile
from webui.downloads.staging import check_space
from webui.errors import StorageError

CHUNK = 2**20
_PAGE = re.compile(rb"\s*(?:\xef\xbb\xbf)?\s*<(?:!doctype html|html|head|body|\?xml)", re.IGNORECASE)
NO_MODEL = "A page came in place of the file. Open the model in a browser: it may ask you to sign in or to accept terms."
Progress = Callable[[int, int], None]
"""Called with the bytes that have just come, and the file's whole length (0 unknown). What it raises ends the transfer, for now."""


class Fetched:
    """What is known of a file after a try: its size by the server, and the sha256 of what has come."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.digest = hashlib.sha256()
        self.at = 0

    def begin(self, progress: Progress) -> None:
        """Hash what has come before."""
        self.digest, self.at = hashlib.sha256(), 0
        if self.path.exists():
            with self.path.open("rb") as file:
                while chunk := file.read(4 * CHUNK):
                    self.digest.update(chunk)
                    self.at += len(chunk)
                    progress(0, 0)


def fetch(egress: Egress, file: OfferedFile, part: Path, whole: Path, progress: Progress) -> None:
    """Bring a file to `part`, then, verified, to `whole`. What has come stays in `part` whatever is raised.

    Raises `FetchError` (`again` says when to try again), `StorageError`, and what `progress` raises.
    """
    if whole.exists():
        return
    try:
        part.parent.mkdir(parents=True, exist_ok=True)
        fetched = Fetched(part)
        fetched.begin(progress)
        resumed = fetched.at > 0
        if not (file.size and file.sha256 and fetched.at == file.size):
            _transfer(egress, file, fetched, progress)
        if file.sha256 and fetched.digest.hexdigest() != file.sha256:
            part.unlink(missing_ok=True)
            again = 0.0 if resumed else None
            raise FetchError(f"{whole.name} came with other content than its site says (sha256). It was thrown away: try again.", again)
        _flush(part)
        part.replace(whole)
    except OSError as error:
        if error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)):
            raise StorageError(f"The disk of {part.parent} is full. What has come is kept: free some space, then resume.") from None
        raise StorageError(f"{part.parent} cannot be written: {error.strerror}.") from None


def _transfer(egress: Egress, file: OfferedFile, fetched: Fetched, progress: Progress) -> None:
    headers = {"Range": f"bytes={fetched.at}-"} if fetched.at else {}
    with egress.open(file.url, headers) as response:
        if response.status_code == 416 and fetched.at:
            if fetched.at == _total(response):
                return
            _restart(fetched)
            raise FetchError("The file there has changed. It begins again.", 0)
        check(response, _site(response))
        _refuse_pages(response, file)
        if fetched.at and not (response.status_code == 206 and _start(response) == fetched.at):
            _restart(fetched)  # the server knows no ranges
        total = _total(response)
        check_space(fetched.path.parent, max(total - fetched.at, 0))
        with fetched.path.open("ab") as out:
            _copy(response, out, fetched, lambda count: progress(count, total))
    if total and fetched.at != total:
        if fetched.at > total:
            _restart(fetched)
        raise FetchError(f"The connection ended after {fetched.at} of {total} bytes.", 1)


def _copy(response: httpx.Response, out: BinaryIO, fetched: Fetched, progress: Callable[[int], None]) -> None:
    first = fetched.at == 0
    with connected(str(response.url)):
        for chunk in response.iter_raw():
            if first and _PAGE.match(chunk):
                raise FetchError(NO_MODEL)
            first = False
            out.write(chunk)
            fetched.digest.update(chunk)
            fetched.at += len(chunk)
            progress(len(chunk))


def _refuse_pages(response: httpx.Response, file: OfferedFile) -> None:
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind in ("text/html", "application/xhtml+xml") and not file.path.endswith((".html", ".htm")):
        raise FetchError(NO_MODEL)


def _restart(fetched: Fetched) -> None:
    fetched.path.unlink(missing_ok=True)
    fetched.digest, fetched.at = hashlib.sha256(), 0


def _start(response: httpx.Response) -> int:
    found = re.match(r"bytes (\d{1,18})-", response.headers.get("content-range", ""))
    return int(found[1]) if found else -1


def _total(response: httpx.Response) -> int:
    """How long the whole file is by the server; 0 where it does not say."""
    found = re.search(r"/(\d{1,18})$", response.headers.get("content-range", ""))
    length = response.headers.get("content-length", "")
    return int(found[1]) if found else int(length) if length.isdigit() and len(length) < 19 else 0


def _site(response: httpx.Response) -> str:
    return response.url.host


def _flush(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())
