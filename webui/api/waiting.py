"""Waiting for jobs to end: one listener for all calls that stay open until their pictures are there."""

import asyncio
import contextlib
import threading
from collections import OrderedDict

from starlette.concurrency import run_in_threadpool

from webui.core.job import FINAL_STATES, Job
from webui.jobs.events import Message
from webui.jobs.queue import JobQueue

Waiter = tuple[asyncio.AbstractEventLoop, asyncio.Event]
_REMEMBERED = 1000
"""Ends that are known for a caller that comes to wait a moment after them."""
_LOOK = 10.0
"""Seconds after which a new job is read all the same."""


class Endings:
    """Wakes whoever waits for a job. Waiting asks for no previews, as an open event stream would."""

    def __init__(self, queue: JobQueue) -> None:
        self._queue = queue
        self._lock = threading.Lock()
        self._waiting: dict[str, list[Waiter]] = {}
        self._ended: OrderedDict[str, None] = OrderedDict()
        queue.events.listen(self._heard)

    async def wait(self, job: Job) -> Job:
        """The job once it is done, failed or cancelled. A caller that is cancelled leaves the job as it is. Raises `NotFound`.

        `job` is as it was submitted: one of a moment ago is read from the database only when it has ended.
        """
        loop, ended = asyncio.get_running_loop(), asyncio.Event()
        with self._lock:
            self._waiting.setdefault(job.id, []).append((loop, ended))
            is_new = job.state == "queued" and job.id not in self._ended
        try:
            if is_new:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(ended.wait(), _LOOK)
            while (job := await run_in_threadpool(self._queue.get, job.id)).state not in FINAL_STATES:
                await ended.wait()
                ended.clear()
            return job
        finally:
            with self._lock:
                left = [each for each in self._waiting.get(job.id, []) if each[1] is not ended]
                if left:
                    self._waiting[job.id] = left
                else:
                    self._waiting.pop(job.id, None)

    def _heard(self, message: Message) -> None:
        if message.kind not in FINAL_STATES:
            return
        with self._lock:
            waiting = tuple(self._waiting.get(message.job_id, ()))
            self._ended[message.job_id] = None
            while len(self._ended) > _REMEMBERED:
                self._ended.popitem(last=False)
        for loop, ended in waiting:
            with contextlib.suppress(RuntimeError):  # its loop is closed: the program ends
                loop.call_soon_threadsafe(ended.set)
