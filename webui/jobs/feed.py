"""Telling followers what happens: one message, made once, handed to every open stream."""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

BACKLOG = 1000


class Message(NamedTuple):
    """`kind` names it, `owner` whose job it is about ("" is everybody's), `seq` is 0 for what is not stored."""

    kind: str
    body: dict[str, Any]
    owner: str = ""
    job_id: str = ""
    seq: int = 0


@dataclass(eq=False)
class Follower:
    """An open stream. When it cannot keep up, `lost` is set: it must read the stored events again."""

    loop: asyncio.AbstractEventLoop
    queue: "asyncio.Queue[Message]" = field(default_factory=lambda: asyncio.Queue(BACKLOG))
    lost: bool = False

    def push(self, message: Message) -> None:
        """Called in the follower's loop."""
        if message.kind in ("step", "preview") and self.queue.qsize() > BACKLOG // 2:
            return
        try:
            self.queue.put_nowait(message)
        except asyncio.QueueFull:
            self.lost = True


class Feed:
    """All followers. `on_watchers` is called when the first comes or the last leaves: nobody looking, no previews."""

    def __init__(self) -> None:
        self._followers: set[Follower] = set()
        self._lock = threading.Lock()
        self._listeners: list[Callable[[Message], None]] = []
        self.on_watchers: Callable[[bool], None] = lambda anybody: None

    def publish(self, message: Message) -> None:
        """Hand a message to everybody; from any thread."""
        for listener in tuple(self._listeners):
            listener(message)
        with self._lock:
            followers = tuple(self._followers)
        for follower in followers:
            with contextlib.suppress(RuntimeError):
                follower.loop.call_soon_threadsafe(follower.push, message)

    @contextlib.contextmanager
    def follow(self) -> Iterator[Follower]:
        """Join from inside an event loop; leave at the end, however it ends."""
        follower = Follower(asyncio.get_running_loop())
        with self._lock:
            self._followers.add(follower)
            first = len(self._followers) == 1
        if first:
            self.on_watchers(True)
        try:
            yield follower
        finally:
            with self._lock:
                self._followers.discard(follower)
                last = not self._followers
            if last:
                self.on_watchers(False)

    def listen(self, listener: Callable[[Message], None]) -> None:
        """Call a function with every message, in the publisher's thread."""
        self._listeners.append(listener)

    @property
    def count(self) -> int:
        """How many streams are open."""
        return len(self._followers)

    @property
    def watched(self) -> bool:
        """Whether anybody follows."""
        return bool(self._followers)
