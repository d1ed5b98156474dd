"""Cancel, skip and preview requests for running jobs. Written by the reader thread, read by the jobs' threads."""

import threading
from collections.abc import Callable
from functools import partial

from webui.core.events import Event, ImageSaved, StepDone
from webui.core.protocol import Cancel, SetPreview
from webui.errors import JobCancelled
from webui.generation.preview import PreviewSettings, SkipBatch


class JobControls:
    """Requests by job, kept from `register` to `unregister`, so that a late cancel does not affect the job's next attempt."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requested: dict[str, str] = {}
        self._previews: dict[str, SetPreview] = {}
        self._last_step: dict[str, StepDone] = {}

    def register(self, job_id: str) -> None:
        """Accept requests for a job from now on."""
        with self._lock:
            self._last_step[job_id] = StepDone(job_id=job_id)

    def unregister(self, job_id: str) -> StepDone:
        """Drop the requests of a job that has ended; returns its last step."""
        with self._lock:
            self._requested.pop(job_id, None)
            self._previews.pop(job_id, None)
            return self._last_step.pop(job_id, StepDone(job_id=job_id))

    def request_cancel(self, message: Cancel) -> None:
        """Record a cancel, skip or stop-after request; a cancel replaces the others."""
        with self._lock:
            if message.job_id in self._last_step and self._requested.get(message.job_id) != "stop":
                self._requested[message.job_id] = message.how

    def set_preview(self, message: SetPreview) -> None:
        """Set how often previews of a job are made."""
        with self._lock:
            if message.period > 0 and message.job_id in self._last_step:
                self._previews[message.job_id] = message
            else:
                self._previews.pop(message.job_id, None)

    def is_stopped(self, job_id: str) -> bool:
        """Whether a cancel was requested."""
        return self._requested.get(job_id) == "stop"

    def preview_settings_of(self, job_id: str) -> Callable[[], PreviewSettings]:
        """Return a function that returns the job's current preview settings."""
        return partial(self._preview_settings, job_id)

    def _preview_settings(self, job_id: str) -> PreviewSettings:
        with self._lock:
            watch = self._previews.get(job_id)
        return PreviewSettings() if watch is None else PreviewSettings(period=watch.period, method=watch.method)

    def raise_if_cancelled(self, event: Event) -> None:
        """Raise `JobCancelled` or `SkipBatch` if requested: at any event for a stop or skip, after a saved image for "after"."""
        job_id = event.job_id
        with self._lock:
            if isinstance(event, StepDone):
                self._last_step[job_id] = event
            wish = self._requested.get(job_id)
            skips = wish == "skip" and isinstance(event, StepDone) and event.phase != "loading"
            if skips:
                del self._requested[job_id]
        if wish == "stop" or (wish == "after" and isinstance(event, ImageSaved)):
            raise JobCancelled("stopped")
        if skips:
            raise SkipBatch("skipped")
