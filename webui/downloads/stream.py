"""The bytes of an answer as fast as they come: read without a detour, hashed and flushed in threads beside the one that writes."""

import contextlib
import hashlib
import os
import queue
import ssl
import threading
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

import httpcore
import httpx

PIECE = 2**20
_BUFFERS = 12
"""Pieces that may be under way to the disk and the hash: more would only take memory."""
_FLUSH = 2**26
"""Bytes after which the disk is asked to write: what is left for the end is short."""
Take = Callable[[memoryview], None]


class Buffers:
    """Memory for pieces, used again and again: fresh memory for each would cost as much as to read it."""

    def __init__(self) -> None:
        self._free: queue.SimpleQueue[bytearray] = queue.SimpleQueue()
        for _ in range(_BUFFERS):
            self._free.put(bytearray(PIECE))

    def take(self) -> bytearray:
        """One that is free, as soon as there is one."""
        return self._free.get()

    def give_back(self, piece: memoryview) -> None:
        """Nobody needs this piece any more."""
        if isinstance(piece.obj, bytearray):
            self._free.put(piece.obj)


def pieces(response: httpx.Response, timeout: float, buffers: Buffers) -> Iterator[memoryview]:
    """The body as it is sent; it ends early where the connection does. Raises what `httpx` and `httpcore` raise.

    Whoever takes a piece gives it back to `buffers`. After the first piece the parser has nothing left in its buffer. The rest of a body
    of known length is then the connection's next bytes, and is read straight from it, which takes half the time. The connection is not
    used again.
    """
    body = response.iter_raw()
    first = next(body, b"")
    yield memoryview(first)
    stream, length = response.extensions.get("network_stream"), response.headers.get("content-length", "")
    if stream is None or not length.isdigit() or "transfer-encoding" in response.headers or response.http_version != "HTTP/1.1":
        for piece in body:
            yield memoryview(piece)
        return
    left = int(length) - len(first)
    while left > 0:
        room = memoryview(buffers.take())[: min(PIECE, left)]
        if not (count := _read(stream, room, timeout)):
            return
        left -= count
        yield room[:count]


def _read(stream: Any, room: memoryview, timeout: float) -> int:
    """Wait for bytes and put in what there is, as much as fits: through TLS they come 16 KB at a time."""
    count = _read_once(stream, room, timeout)
    while 0 < count < len(room) and _has_more(stream):
        if not (more := _read_once(stream, room[count:], timeout)):
            break
        count += more
    return count


def _read_once(stream: Any, room: memoryview, timeout: float) -> int:
    connection = stream.get_extra_info("socket")
    if _is_wrapped(stream, connection):
        data = stream.read(len(room), timeout)
        room[: len(data)] = data
        return len(data)
    try:
        connection.settimeout(timeout)
        return int(connection.recv_into(room))
    except TimeoutError as error:
        raise httpcore.ReadTimeout(str(error)) from error
    except OSError as error:
        raise httpcore.ReadError(str(error)) from error


def _has_more(stream: Any) -> bool:
    """Whether more can be read without waiting."""
    connection = stream.get_extra_info("socket")
    if _is_wrapped(stream, connection):
        return False
    return bool(isinstance(connection, ssl.SSLSocket) and connection.pending()) or bool(stream.get_extra_info("is_readable"))


def _is_wrapped(stream: Any, connection: Any) -> bool:
    """Whether the socket does not give the body's bytes: TLS through a proxy that is itself reached by TLS."""
    return stream.get_extra_info("ssl_object") is not None and not isinstance(connection, ssl.SSLSocket)


@contextlib.contextmanager
def hashed(digest: "hashlib._Hash", buffers: Buffers) -> Iterator[Take]:
    """A function that takes pieces to be hashed in a thread beside, and given back then; on leaving all of them are."""
    waiting: queue.SimpleQueue[memoryview | None] = queue.SimpleQueue()

    def work() -> None:
        while (piece := waiting.get()) is not None:
            digest.update(piece)
            buffers.give_back(piece)

    thread = threading.Thread(target=work, name="download-hash", daemon=True)
    thread.start()
    try:
        yield waiting.put
    finally:
        waiting.put(None)
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

    def written(piece: memoryview) -> None:
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
