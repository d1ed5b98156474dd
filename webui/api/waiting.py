"""Waiting for jobs to end: one listener for all calls that stay open until their pictures are there."""

import asyncio
import contextlib
import threading

from starlette.concurrency import run_in_threadpool

from webui.core.job import FINAL_STATES, Job
from webui.jobs.events import Message
from webui.jobs.queue import JobQueue

Waiter = tuple[asyncio.AbstractEventLoop, asyncio.Event]


class Endings:
    """Wakes whoever waits for a job. Waiting asks for no previews, as an open event stream would."""

    def __init__(self, queue: JobQueue) -> None:
        self._queue = queue
        self._lock = threading.Lock()
        self._waiting: dict[str, list[Waiter]] = {}
        queue.events.listen(self._heard)

    async def wait(self, job_id: str) -> Job:
        """The job once it is done, failed or cancelled. A caller that is cancelled leaves the job as it is. Raises `NotFound`."""
        loop, ended = asyncio.get_running_loop(), asyncio.Event()
        with self._lock:
            self._waiting.setdefault(job_id, []).append((loop, ended))
        try:
            while (job := await run_in_threadpool(self._queue.get, job_id)).state not in FINAL_STATES:
                await ended.wait()
                ended.clear()
            return job
        finally:
            with self._lock:
                left = [each for each in self._waiting.get(job_id, []) if each[1] is not ended]
                if left:
                    self._waiting[job_id] = left
                else:
                    self._waiting.pop(job_id, None)

    def _heard(self, message: Message) -> None:
        if message.kind not in FINAL_STATES:
            return
        with self._lock:
            waiting = tuple(self._waiting.get(message.job_id, ()))
        for loop, ended in waiting:
            with contextlib.suppress(RuntimeError):  # its loop is closed: the program ends
                loop.call_soon_threadsafe(ended.set)
