"""What this room holds between calls: waiting callers, task names, the last frames of interrupted jobs, who watches previews."""

import asyncio
import contextlib
import threading
from collections import OrderedDict

from webui.api.sdapi.options import OwnerOptions
from webui.api.waiting import Endings
from webui.jobs.queue import JobQueue
from webui.services import Services

MOST = 1000
WATCHED = 5.0
"""Seconds that previews go on being made after somebody has looked."""


class Calls:
    """One per app. Every table is bounded and has a lock beside it."""

    def __init__(self, api: Services, endings: Endings) -> None:
        self.endings = endings
        self.options = OwnerOptions(api.queue.store, api.library)
        self.watch = Watch(api.queue)
        self.facts = Table(50)
        self.creating = threading.Lock()
        self._lock = threading.Lock()
        self._tasks: OrderedDict[tuple[str, str], str] = OrderedDict()
        self._frames: OrderedDict[str, bytes] = OrderedDict()

    def name_task(self, owner: str, task: str, job_id: str) -> None:
        """Remember which job a caller's task is."""
        with self._lock:
            self._tasks[owner, task] = job_id
            while len(self._tasks) > MOST:
                self._tasks.popitem(last=False)

    def job_of(self, owner: str, task: str) -> str | None:
        """The job of a caller's task."""
        with self._lock:
            return self._tasks.get((owner, task))

    def tasks_of(self, owner: str) -> dict[str, str]:
        """All of a caller's tasks: job by name."""
        with self._lock:
            return {task: job for (whose, task), job in self._tasks.items() if whose == owner}

    def keep_frame(self, job_id: str, frame: bytes) -> None:
        """Keep the newest preview of a job that is being interrupted."""
        with self._lock:
            self._frames[job_id] = frame
            while len(self._frames) > 50:
                self._frames.popitem(last=False)

    def take_frame(self, job_id: str) -> bytes | None:
        """That preview, once."""
        with self._lock:
            return self._frames.pop(job_id, None)


class Table:
    """Values by key, the newest `most` of them."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, object] = OrderedDict()

    def put(self, key: str, value: object) -> None:
        """Keep a value."""
        with self._lock:
            self._kept[key] = value
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)

    def get(self, key: str) -> object | None:
        """The value of this key."""
        with self._lock:
            return self._kept.get(key)


class Watch:
    """Keeps previews being made while somebody polls for them."""

    def __init__(self, queue: JobQueue) -> None:
        self._queue = queue
        self._seen = 0.0
        self._task: asyncio.Task[None] | None = None

    def look(self) -> None:
        """Somebody has looked; call it in the event loop."""
        self._seen = asyncio.get_running_loop().time()
        if self._task is None or self._task.done():
            self._task = asyncio.ensure_future(self._hold())

    async def _hold(self) -> None:
        clock = asyncio.get_running_loop().time
        with contextlib.suppress(asyncio.CancelledError), self._queue.events.subscribe() as subscription:
            while clock() - self._seen < WATCHED:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(subscription.queue.get(), 1.0)
