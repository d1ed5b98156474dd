"""Memory, load and queue depth over the last minutes, for the Queue tab's plots."""

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

import psutil

PERIOD, KEPT = 2.0, 150


class Samples:
    """A ring of samples, filled by a thread that sleeps most of the time."""

    def __init__(self, depth: Callable[[], int], device_used: Callable[[], int]) -> None:
        self._depth, self._device_used = depth, device_used
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
        psutil.cpu_percent()
        while not self._stop.wait(PERIOD):
            memory = psutil.virtual_memory()
            sample = {"at": time.time(), "cpu": psutil.cpu_percent(), "memory": memory.used, "memory_total": memory.total}
            self._ring.append({**sample, "queue": self._depth(), "device_used": self._device_used()})
