"""Memory, load, speed and queue depth over the last minutes, for the Queue tab's plots."""

import contextlib
import threading
import time
from collections import deque
from typing import Any

import psutil

from webui.errors import StorageError
from webui.jobs.queue import JobQueue

PERIOD, KEPT = 2.0, 150


class ResourceMonitor:
    """A ring of samples, filled by a thread that sleeps most of the time."""

    def __init__(self, queue: JobQueue, period: float = PERIOD) -> None:
        self._queue, self._period = queue, period
        self._ring: deque[dict[str, Any]] = deque(maxlen=KEPT)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="samples", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End."""
        self._stop.set()

    def body(self) -> dict[str, Any]:
        """What the page draws."""
        return {"samples": list(self._ring)}

    def _run(self) -> None:
        with contextlib.suppress(OSError):  # no more files may be opened
            psutil.cpu_percent()
        steps, at = self._queue.steps_made, time.monotonic()
        while not self._stop.wait(self._period):
            now, made = time.monotonic(), self._queue.steps_made
            with contextlib.suppress(OSError):  # the same: there is no sample this time
                self._ring.append({**_machine(), **self._engines(), "queue": self._depth(), "speed": round((made - steps) / (now - at), 2)})
            steps, at = made, now

    def _engines(self) -> dict[str, int]:
        engines = self._queue.engines()
        used, total = sum(engine.device_used for engine in engines), sum(engine.device_total for engine in engines)
        return {"device_used": used, "device_total": total, "engines_memory": sum(engine.resident for engine in engines)}

    def _depth(self) -> int:
        try:
            return self._queue.store.count("queued", "running")
        except StorageError:
            return 0


def _machine() -> dict[str, float]:
    memory = psutil.virtual_memory()
    return {"at": time.time(), "cpu": psutil.cpu_percent(), "memory": memory.used, "memory_total": memory.total}
