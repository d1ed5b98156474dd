"""One file from its address to the disk: goes on where it was, is checked against its hash, and counts as whole only then."""

import contextlib
import errno
import hashlib
import os
import re
from collections.abc import Callable, Iterator
from io import FileIO
from pathlib import Path

import httpx

from webui.downloads.net import READ_TIMEOUT_S, Egress, FetchError, check, connected
from webui.downloads.offers import OfferedFile
from webui.downloads.staging import check_space
from webui.downloads.stream import Buffers, Take, flushed, hashed, pieces
from webui.errors import StorageError

CHUNK = 2**20
_PAGE = re.compile(rb"\s*(?:\xef\xbb\xbf)?\s*<(?:!doctype html|html|head|body|\?xml)", re.IGNORECASE)
NO_MODEL = "A page came in place of the file. Open the model in a browser: it may ask you to sign in or to accept terms."
Progress = Callable[[int, int], None]
"""Called with the bytes that have just come, and the file's whole length (0 unknown). What it raises ends the transfer, for now."""


class Fetched:
    """What has come of a file, kept from one try to the next: how much, and its sha256 where the site says what that should be."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.digest = hashlib.sha256()
        self.at = 0

    def begin(self, has_hash: bool, progress: Progress) -> None:
        """Meet what lies on the disk: what came by another process, or was not written wholly, is hashed."""
        there = self.path.stat().st_size if self.path.exists() else 0
        if there == self.at:
            return
        self.digest, self.at = hashlib.sha256(), there
        if there and has_hash:
            with self.path.open("rb") as file:
                while chunk := file.read(4 * CHUNK):
                    self.digest.update(chunk)
                    progress(0, 0)


def fetch(egress: Egress, file: OfferedFile, fetched: Fetched, whole: Path, progress: Progress) -> None:
    """Bring a file to `fetched.path`, then, verified, to `whole`. What has come stays whatever is raised.

    Raises `FetchError` (`again` says when to try again), `StorageError`, and what `progress` raises.
    """
    if whole.exists():
        return
    part = fetched.path
    try:
        part.parent.mkdir(parents=True, exist_ok=True)
        fetched.begin(bool(file.sha256), progress)
        resumed = fetched.at > 0
        if not (file.size and file.sha256 and fetched.at == file.size):
            _transfer(egress, file, fetched, progress)
        if file.sha256 and fetched.digest.hexdigest() != file.sha256:
            _restart(fetched)
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
        buffers = Buffers()
        with fetched.path.open("ab", buffering=0) as out, flushed(out) as written, _hashed(file, fetched, buffers) as hash_piece:
            for piece in _written(response, out, fetched, buffers):
                count = len(piece)
                written(piece)
                hash_piece(piece)
                progress(count, total)
    if total and fetched.at != total:
        if fetched.at > total:
            _restart(fetched)
        raise FetchError(f"The connection ended after {fetched.at} of {total} bytes.", 1)


def _hashed(file: OfferedFile, fetched: Fetched, buffers: Buffers) -> contextlib.AbstractContextManager[Take]:
    return hashed(fetched.digest, buffers) if file.sha256 else contextlib.nullcontext(buffers.give_back)


def _written(response: httpx.Response, out: FileIO, fetched: Fetched, buffers: Buffers) -> Iterator[memoryview]:
    """Each piece of the body when it is in the file."""
    first = fetched.at == 0
    with connected(str(response.url)):
        for piece in pieces(response, READ_TIMEOUT_S, buffers):
            if first and _PAGE.match(piece):
                raise FetchError(NO_MODEL)
            first = False
            _write(out, piece)
            fetched.at += len(piece)
            yield piece


def _write(out: FileIO, rest: memoryview) -> None:
    """All of it: an unbuffered file may take less at once, as when its disk is about to be full."""
    while rest:
        rest = rest[out.write(rest) :]


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
