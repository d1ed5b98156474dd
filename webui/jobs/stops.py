"""Stops that were asked for and are not carried out yet. They outlive the engine that was told, and the program too."""

import contextlib
import threading

from webui.core.job import FINAL_STATES
from webui.errors import StorageError
from webui.jobs.store import JobStore

FACT = "stops"


class Stops:
    """What was asked of jobs that run: "stop", or "after" the picture that is being made."""

    def __init__(self, store: JobStore) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._kept: dict[str, str] = store.fact(FACT) or {}
        self._asked = {job_id: how for job_id, how in self._kept.items() if store.get(job_id).state not in FINAL_STATES}

    def ask(self, job_id: str, how: str) -> None:
        """Note it. "stop" stays where "after" is asked for later."""
        with self._lock:
            if self._asked.get(job_id) != "stop":
                self._asked[job_id] = how

    def keep(self) -> None:
        """Write down what is asked now, for a program that starts again. Where the database cannot be written, the next call does it."""
        with self._lock:
            if self._asked != self._kept:
                with contextlib.suppress(StorageError):  # a full disk keeps nobody from stopping
                    self._store.keep(FACT, self._asked)
                    self._kept = dict(self._asked)

    def asked(self, job_id: str) -> str:
        """What was asked of a job, or "" for nothing."""
        return self._asked.get(job_id, "")

    def done(self, job_id: str) -> None:
        """Nothing is asked any more of a job that has ended."""
        with self._lock:
            self._asked.pop(job_id, None)
        self.keep()
