"""Publish/subscribe for job events."""

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
class Subscription:
    """An open event stream. `lost` is set when it cannot keep up; it must then read the stored events again."""

    loop: asyncio.AbstractEventLoop
    queue: "asyncio.Queue[Message]" = field(default_factory=lambda: asyncio.Queue(BACKLOG))
    lost: bool = False

    def push(self, message: Message) -> None:
        """Queue a message; called in the subscriber's event loop."""
        if message.kind in ("step", "preview") and self.queue.qsize() > BACKLOG // 2:
            return
        try:
            self.queue.put_nowait(message)
        except asyncio.QueueFull:
            self.lost = True


class EventBus:
    """All subscriptions, and functions that are called with every message."""

    def __init__(self) -> None:
        self._subscriptions: set[Subscription] = set()
        self._lock = threading.Lock()
        self._listeners: list[Callable[[Message], None]] = []
        self._watchers: list[Callable[[], None]] = []
        self._elsewhere = False
        self.outlet: Callable[[Message], bool] = lambda message: False
        """Asked first for each message that is published; True: it sees to it that `deliver` is called."""

    def publish(self, message: Message) -> None:
        """Send a message to all subscriptions; callable from any thread."""
        if not self.outlet(message):
            self.deliver(message)

    def deliver(self, message: Message) -> None:
        """Send a message to the subscriptions of this process."""
        for listener in tuple(self._listeners):
            listener(message)
        with self._lock:
            subscriptions = tuple(self._subscriptions)
        for subscription in subscriptions:
            with contextlib.suppress(RuntimeError):
                subscription.loop.call_soon_threadsafe(subscription.push, message)

    @contextlib.contextmanager
    def subscribe(self) -> Iterator[Subscription]:
        """Subscribe from inside an event loop; unsubscribes on exit."""
        subscription = Subscription(asyncio.get_running_loop())
        with self._lock:
            self._subscriptions.add(subscription)
            first = len(self._subscriptions) == 1
        if first:
            self._call_watchers()
        try:
            yield subscription
        finally:
            with self._lock:
                self._subscriptions.discard(subscription)
                last = not self._subscriptions
            if last:
                self._call_watchers()

    def listen(self, listener: Callable[[Message], None]) -> None:
        """Call a function with every message, in the publisher's thread."""
        self._listeners.append(listener)

    def watch_subscribers(self, watcher: Callable[[], None]) -> None:
        """Call a function when the first subscription opens and when the last one closes."""
        self._watchers.append(watcher)

    def _call_watchers(self) -> None:
        for watcher in tuple(self._watchers):
            watcher()

    @property
    def count(self) -> int:
        """How many streams are open."""
        return len(self._subscriptions)

    @property
    def has_subscribers(self) -> bool:
        """Whether there is a subscription, to this process or to another one in front of the same queue."""
        return bool(self._subscriptions) or self._elsewhere

    @property
    def is_watched_elsewhere(self) -> bool:
        """Whether there is a subscription to another process."""
        return self._elsewhere

    def set_watched_elsewhere(self, watched: bool) -> None:
        """Keep whether another process has a subscription."""
        changed, self._elsewhere = watched != self._elsewhere, watched
        if changed:
            self._call_watchers()
