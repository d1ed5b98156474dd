"""Who asks a hundred times a second how far a job is gets the same answer again for a moment, without the engine's losing time over it.

On a machine whose cores all work for the engine, every poll is taken from it. Whether a question may be asked, and what is answered,
follows from its bytes and from who is at the other end; so connections of the same sender share an answer.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable

import h11

FOR = 0.25
"""Seconds for which an answer is given again: shorter than any client waits between two looks (A1111's page half a second)."""
_MOST = 256
_PATHS = (b"/sdapi/v1/progress",)
_SAFE = (b"GET ", b"HEAD ", b"OPTIONS ")
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


class Recent:
    """The answers of the last moment, by sender and question, for all connections of one server. Used in its event loop alone.

    Whatever may change something (a job, a key, a role) takes all of them away when it begins and when it is answered.
    """

    def __init__(self, seconds: float = FOR, most: int = _MOST) -> None:
        self._seconds, self._most = seconds, most
        self._kept: OrderedDict[Hashable, tuple[float, bytes]] = OrderedDict()
        self.changes = 0

    def of(self, question: Hashable) -> bytes:
        """The answer, if its question was let in and asked a moment ago; else nothing."""
        found = self._kept.get(question)
        return found[1] if found is not None and not self._is_old(found[0]) else b""

    def keep(self, question: Hashable, answer: bytes, asked: float, changes: int) -> None:
        """Keep an answer from when it was asked for, unless something changed since `changes`. Old ones go: a preview may be in them."""
        if changes != self.changes:
            return
        self._kept.pop(question, None)
        self._kept[question] = (asked, answer)
        while self._kept and (len(self._kept) > self._most or self._is_old(next(iter(self._kept.values()))[0])):
            self._kept.popitem(last=False)

    def _is_old(self, asked: float) -> bool:
        return time.monotonic() - asked >= self._seconds

    def __len__(self) -> int:
        return len(self._kept)

    def change(self) -> None:
        """Something changes."""
        self.changes += 1
        self._kept.clear()


class Polled:
    """One connection's part in it. `sender` gives all that the guard can see of the other end beside the bytes that it sends."""

    def __init__(self, conn: Recording, recent: Recent, sender: Callable[[], Hashable]) -> None:
        self._conn, self._recent, self._sender = conn, recent, sender
        self._seen = b""
        self._question: Hashable = None
        self._asked, self._changes = 0.0, 0
        self._may_change = True

    def answer(self, data: bytes) -> bytes:
        """What was answered to just this a moment ago; else nothing."""
        if data != self._seen:
            self._seen = data
            self._question = (self._sender(), data) if _is_poll(data) else None
        return b"" if self._question is None else self._recent.of(self._question)

    def begin(self, data: bytes) -> None:
        """A request begins that `answer` had nothing for; keep its answer if it will be asked again and again."""
        self._may_change = not (_is_whole(data) and data.startswith(_SAFE))
        if self._may_change:
            self._recent.change()
        self._asked, self._changes = time.monotonic(), self._recent.changes
        self._conn.kept = None if self._question is None else bytearray()

    def more(self) -> None:
        """Bytes came that begin no request, or not alone: whatever they ask for may change something, and its answer is not kept."""
        self._may_change, self._question, self._seen = True, None, b""
        self._recent.change()

    def end(self) -> None:
        """It was answered."""
        said, self._conn.kept = bytes(self._conn.kept or b""), None
        if self._may_change:
            self._recent.change()
        if self._question is None:
            return
        head = said.partition(_HEAD_END)[0].lower()
        if said.startswith(b"HTTP/1.1 200") and b"\r\nset-cookie:" not in head and b"\r\nconnection: close" not in head:
            self._recent.keep(self._question, said, self._asked, self._changes)


def _is_whole(data: bytes) -> bool:
    """One request without a body."""
    return data.endswith(_HEAD_END) and data.count(_HEAD_END) == 1 and not any(each in data.lower() for each in _WITH_MORE)


def _is_poll(data: bytes) -> bool:
    return data.startswith(b"GET ") and data.split(b" ", 2)[1].partition(b"?")[0].endswith(_PATHS) and _is_whole(data)
