"""What users want of the jobs that run here: stops, skips, previews. Written by the reader's thread, read by the jobs'."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

from webui.core.events import Event, ImageSaved, StepDone
from webui.core.protocol import Cancel, Watch
from webui.errors import JobCancelled


class SkipBatch(JobCancelled):
    """Raised by `emit`: leave out the pictures being made now and go on with the next batch."""


@dataclass(frozen=True)
class PreviewWish:
    """How often (seconds; 0 is never) and how somebody wants to watch."""

    period: float = 0.0
    method: Literal["linear", "taesd", "full"] = "linear"


def unwatched() -> PreviewWish:
    """Nobody watches."""
    return PreviewWish()


class Wishes:
    """By job, from when it was given to this engine until it has ended: a stop that comes too late must not stop the job's next try."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._wishes: dict[str, str] = {}
        self._watch: dict[str, Watch] = {}
        self._last_step: dict[str, StepDone] = {}

    def expect(self, job_id: str) -> None:
        """A job was given to this engine: from now on it can be stopped."""
        with self._lock:
            self._last_step[job_id] = StepDone(job_id=job_id)

    def end(self, job_id: str) -> StepDone:
        """It has ended; gives its last step."""
        with self._lock:
            self._wishes.pop(job_id, None)
            self._watch.pop(job_id, None)
            return self._last_step.pop(job_id, StepDone(job_id=job_id))

    def wish(self, message: Cancel) -> None:
        """The user wants a job stopped somehow; a stop outranks the others."""
        with self._lock:
            if message.job_id in self._last_step and self._wishes.get(message.job_id) != "stop":
                self._wishes[message.job_id] = message.how

    def watch(self, message: Watch) -> None:
        """Somebody looks, or nobody any more."""
        with self._lock:
            if message.period > 0 and message.job_id in self._last_step:
                self._watch[message.job_id] = message
            else:
                self._watch.pop(message.job_id, None)

    def is_stopped(self, job_id: str) -> bool:
        """Whether the job shall end now."""
        return self._wishes.get(job_id) == "stop"

    def previews_of(self, job_id: str) -> Callable[[], PreviewWish]:
        """What to ask before each frame of a job."""
        return partial(self._preview_wish, job_id)

    def _preview_wish(self, job_id: str) -> PreviewWish:
        with self._lock:
            watch = self._watch.get(job_id)
        return PreviewWish() if watch is None else PreviewWish(period=watch.period, method=watch.method)

    def obey(self, event: Event) -> None:
        """Raise what the user asked for: at any event for a stop or a skip, after a saved picture for "after"."""
        job_id = event.job_id
        with self._lock:
            if isinstance(event, StepDone):
                self._last_step[job_id] = event
            wish = self._wishes.get(job_id)
            skips = wish == "skip" and isinstance(event, StepDone) and event.phase != "loading"
            if skips:
                del self._wishes[job_id]
        if wish == "stop" or (wish == "after" and isinstance(event, ImageSaved)):
            raise JobCancelled("stopped")
        if skips:
            raise SkipBatch("skipped")
