"""Cancel requests that have not taken effect yet; stored, so that they survive the engine and the program."""

import contextlib
import threading

from webui.core.job import FINAL_STATES
from webui.errors import StorageError
from webui.jobs.store import JobStore

KEY = "stops"


class CancelRequests:
    """Pending cancel requests of running jobs: "stop", or "after" the current image."""

    def __init__(self, store: JobStore) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._saved: dict[str, str] = store.get_value(KEY) or {}
        self._requested = {job_id: how for job_id, how in self._saved.items() if store.get(job_id).state not in FINAL_STATES}

    def add(self, job_id: str, how: str) -> None:
        """Add a request; "stop" is not replaced by a later "after"."""
        with self._lock:
            if self._requested.get(job_id) != "stop":
                self._requested[job_id] = how

    def save(self) -> None:
        """Write down what is asked now, for a program that starts again. Where the database cannot be written, the next call does it."""
        with self._lock:
            if self._requested != self._saved:
                with contextlib.suppress(StorageError):  # a full disk keeps nobody from stopping
                    self._store.set_value(KEY, self._requested)
                    self._saved = dict(self._requested)

    def get(self, job_id: str) -> str:
        """Return the request for a job; "" when there is none."""
        return self._requested.get(job_id, "")

    def remove(self, job_id: str) -> None:
        """Remove the request of a job that has ended."""
        with self._lock:
            self._requested.pop(job_id, None)
        self.save()
