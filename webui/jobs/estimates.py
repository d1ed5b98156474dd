"""When a job will start and end, learned from this machine's past jobs: seconds per unit of work, by checkpoint."""

import contextlib
import math
import statistics
import threading
from collections import defaultdict, deque
from collections.abc import Iterable

from webui.core.finish import size_after
from webui.core.request import ResolvedRequest
from webui.errors import NotFound
from webui.jobs.store import JobStore

_OVERHEAD_STEPS = 2
_NOTED = 300


def work(request: ResolvedRequest) -> float:
    """Units of work: megapixel-steps of all passes and pictures, with two steps' worth for encoding and decoding."""
    width, height, steps = request.width, request.height, request.steps
    if request.mode == "extras":
        return max(math.prod(size_after((width, height), request.finish)), 1) * request.count / 1e6
    share = 1.0 if request.mode == "txt2img" else max(request.strength, 1 / max(steps, 1))
    units = width * height * (steps * share + _OVERHEAD_STEPS)
    if request.hires is not None:
        area = (request.hires.width or width * request.hires.scale) * (request.hires.height or height * request.hires.scale)
        units += area * ((request.hires.steps or steps) * request.hires.strength + _OVERHEAD_STEPS)
    return units * request.count / 1e6


class Estimates:
    """Learns when asked to; the median of the last jobs counts, so that one slow job (a model's load) does not."""

    def __init__(self, store: JobStore) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._rates: dict[str, list[float]] | None = None
        self._noted: deque[tuple[str, float]] = deque(maxlen=_NOTED)

    def seconds(self, request: ResolvedRequest) -> float | None:
        """How long this request will take; None when nothing like it has run here."""
        with self._lock:
            rates = self._rates = self._rates if self._rates is not None else self._learn()
            self._learn_noted(rates)
        other = [rate for checkpoint, values in rates.items() if checkpoint for rate in values] if request.checkpoint else []
        known = rates.get(request.checkpoint) or other
        return statistics.median(known) * work(request) if known else None

    def note(self, job_id: str, seconds: float) -> None:
        """Learn from a job that has just been done, when somebody next asks: who waits for its pictures does not wait for this."""
        if self._rates is not None:
            self._noted.append((job_id, seconds))

    def _learn_noted(self, rates: dict[str, list[float]]) -> None:
        while self._noted:
            job_id, seconds = self._noted.popleft()
            with contextlib.suppress(NotFound):  # it was removed meanwhile
                job = self._store.get(job_id)
                if isinstance(job.request, ResolvedRequest) and not job.made:
                    rates.setdefault(job.request.checkpoint, []).append(seconds / work(job.request))
                    del rates[job.request.checkpoint][:-50]

    def _learn(self) -> dict[str, list[float]]:
        rates: dict[str, list[float]] = defaultdict(list)
        for request, seconds in reversed(self._store.timings()):
            rates[request.checkpoint].append(seconds / work(request))
        return dict(rates)

    def starts(self, remaining: float | None, waiting: Iterable[ResolvedRequest], engines: int = 1) -> list[float | None]:
        """Seconds until each waiting job starts, after what the running one still needs."""
        total, result = remaining, list[float | None]()
        for request in waiting:
            result.append(total)
            needs = self.seconds(request)
            total = None if total is None or needs is None else total + needs / max(engines, 1)
        return result
