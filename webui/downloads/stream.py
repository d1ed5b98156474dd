"""The bytes of an answer as fast as they come: read without a detour, hashed and flushed in threads beside the one that writes."""

import contextlib
import hashlib
import os
import queue
import threading
from collections.abc import Callable, Iterator
from typing import BinaryIO

import httpx

PIECE = 2**20
_WAITING = 16
"""Pieces that may wait for their hash: more would only take memory."""
_FLUSH = 2**26
"""Bytes after which the disk is asked to write: what is left for the end is short."""
Take = Callable[[bytes], None]


def pieces(response: httpx.Response, timeout: float) -> Iterator[bytes]:
    """The body as it is sent; it ends early where the connection does. Raises what `httpx` and `httpcore` raise.

    After the first piece the parser has nothing left in its buffer. The rest of a body of known length is then the connection's next
    bytes, and is read straight from it, which takes half the time. The connection is not used again.
    """
    body = response.iter_raw()
    first = next(body, b"")
    yield first
    stream, length = response.extensions.get("network_stream"), response.headers.get("content-length", "")
    if stream is None or not length.isdigit() or "transfer-encoding" in response.headers or response.http_version != "HTTP/1.1":
        yield from body
        return
    left = int(length) - len(first)
    while left > 0 and (piece := stream.read(min(PIECE, left), timeout)):
        left -= len(piece)
        yield piece


@contextlib.contextmanager
def hashed(digest: "hashlib._Hash") -> Iterator[Take]:
    """A function that takes pieces to be hashed in a thread beside; on leaving all of them are."""
    waiting: queue.Queue[bytes] = queue.Queue(_WAITING)

    def work() -> None:
        while piece := waiting.get():
            digest.update(piece)

    thread = threading.Thread(target=work, name="download-hash", daemon=True)
    thread.start()
    try:
        yield waiting.put
    finally:
        waiting.put(b"")
        thread.join()


@contextlib.contextmanager
def flushed(out: BinaryIO) -> Iterator[Take]:
    """A function that is told each piece that was written, so that the disk writes while more comes; what is left is not waited for."""
    due, ended, since = threading.Event(), threading.Event(), 0
    flush = getattr(os, "fdatasync", os.fsync)

    def work() -> None:
        while due.wait() and not ended.is_set():
            due.clear()
            with contextlib.suppress(OSError):  # who flushes at the end is told
                flush(out.fileno())

    def written(piece: bytes) -> None:
        nonlocal since
        since += len(piece)
        if since >= _FLUSH:
            since = 0
            due.set()

    thread = threading.Thread(target=work, name="download-flush", daemon=True)
    thread.start()
    try:
        yield written
    finally:
        ended.set()
        due.set()
        thread.join()
