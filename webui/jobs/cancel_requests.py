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
        self._saved: dict[str, str] = {}
        self._requested: dict[str, str] = {}
        self.reload()

    def reload(self) -> None:
        """Read what was asked; another process may have noted it."""
        with self._lock:
            self._saved = self._store.get_value(KEY) or {}
            self._requested = {job_id: how for job_id, how in self._saved.items() if self._store.get(job_id).state not in FINAL_STATES}

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
                    self._saved = self._store.change_value(KEY, self._changed)
                    self._requested = {**self._saved, **self._requested}

    def _changed(self, stored: dict[str, str] | None) -> dict[str, str]:
        """What is stored, with what has changed here; other processes' requests stay."""
        kept = {job_id: how for job_id, how in (stored or {}).items() if job_id in self._requested or job_id not in self._saved}
        return {**kept, **self._requested}

    def get(self, job_id: str) -> str:
        """Return the request for a job; "" when there is none."""
        return self._requested.get(job_id, "")

    def forget(self, job_id: str) -> None:
        """Forget the request of a job that another process has ended."""
        with self._lock:
            self._requested.pop(job_id, None)
            self._saved.pop(job_id, None)

    def remove(self, job_id: str) -> None:
        """Remove the request of a job that has ended."""
        with self._lock:
            self._requested.pop(job_id, None)
        self.save()
