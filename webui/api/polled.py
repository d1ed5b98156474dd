"""Who asks a hundred times a second how far a job is gets the same answer again for a moment, without the engine's losing time over it.

On a machine whose cores all work for the engine, every poll is taken from it.
"""

import time

import h11

FOR = 0.25
"""Seconds for which an answer is given again: shorter than any client waits between two looks (A1111's page half a second)."""
_PATHS = (b"/sdapi/v1/progress",)
_HEAD_END = b"\r\n\r\n"
_WITH_MORE = (b"\r\nexpect:", b"\r\ncontent-length:", b"\r\ntransfer-encoding:", b"\r\nupgrade:")
"""Headers of a request after which more comes."""


class Recording(h11.Connection):
    """h11's connection, which can keep what it is about to send."""

    kept: bytearray | None = None

    def send_with_data_passthrough(self, event: h11.Event) -> list[bytes] | None:
        """As h11's, whose `send` joins it."""
        said = super().send_with_data_passthrough(event)
        if self.kept is not None and said:
            self.kept += b"".join(said)
        return said


class Polled:
    """The last answer on one connection. The same bytes on the same connection come from the same caller with the same key."""

    def __init__(self, conn: Recording, seconds: float = FOR) -> None:
        self._conn, self._seconds = conn, seconds
        self._asked = b""
        self._answer = b""
        self._at = 0.0

    def answer(self, data: bytes) -> bytes:
        """What was answered to just this a moment ago; else nothing."""
        return self._answer if data == self._asked and time.monotonic() - self._at < self._seconds else b""

    def begin(self, data: bytes) -> None:
        """A request begins; keep its answer if it is a whole one that will be asked again and again."""
        self._answer = b""
        is_polled = data.startswith(b"GET ") and data.split(b" ", 2)[1].partition(b"?")[0].endswith(_PATHS)
        is_whole = data.endswith(_HEAD_END) and data.count(_HEAD_END) == 1 and not any(each in data.lower() for each in _WITH_MORE)
        self._asked = data if is_polled and is_whole else b""
        self._conn.kept = bytearray() if self._asked else None

    def end(self) -> None:
        """It was answered."""
        said, self._conn.kept = bytes(self._conn.kept or b""), None
        head = said.partition(_HEAD_END)[0].lower()
        if self._asked and said.startswith(b"HTTP/1.1 200") and b"\r\nset-cookie:" not in head and b"\r\nconnection: close" not in head:
            self._answer, self._at = said, time.monotonic()
