"""Queue positions and estimated start times, computed once per change."""

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from webui.jobs.estimates import Estimates
from webui.jobs.store import JobStore

SHOWN = 200
"""Jobs at the head of the line whose start is estimated; further ones only have a place."""
KEPT = 1.0


class QueueView:
    """The answer to `GET /api/v1/queue`, kept for a second while the order stays the same."""

    def __init__(self, store: JobStore, estimates: Estimates) -> None:
        self._store, self._estimates = store, estimates
        self._lock = threading.Lock()
        self._made: tuple[float, Sequence[str], list[dict[str, Any]]] = (-KEPT, (), [])

    def body(self, order: Sequence[str], remaining: Callable[[], float | None], engines: int) -> list[dict[str, Any]]:
        """id, place from 1, seconds until the start and for the job itself (None: not known)."""
        with self._lock:
            at, known, line = self._made
            if known != order or time.monotonic() - at > KEPT:
                line = self._make(order, remaining(), engines)
                self._made = (time.monotonic(), order, line)
            return line

    def _make(self, order: Sequence[str], remaining: float | None, engines: int) -> list[dict[str, Any]]:
        requests = self._store.requests(order[:SHOWN])
        head = [job_id for job_id in order[:SHOWN] if job_id in requests]
        starts = self._estimates.starts(remaining, [requests[job_id] for job_id in head], engines)
        line = [
            {"id": job_id, "place": place, "starts_in": start, "takes": self._estimates.seconds(requests[job_id])}
            for place, (job_id, start) in enumerate(zip(head, starts, strict=True), 1)
        ]
        further = enumerate(order[SHOWN:], len(head) + 1)
        return line + [{"id": job_id, "place": place, "starts_in": None, "takes": None} for place, job_id in further]
