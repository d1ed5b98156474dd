"""10,000 jobs over 64 simulated engines: what a choice costs, and whether one is left idle beside a job that it could run."""

import random
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from webui.core.job import Said
from webui.core.request import ResolvedRequest
from webui.db import open_database
from webui.gallery.service import Gallery
from webui.images.store import ImageStore
from webui.jobs.dispatch import Dispatch
from webui.jobs.placement import EngineStatus
from webui.jobs.state import JobState
from webui.jobs.store import JobStore

JOBS, ENGINES, MODELS, OWNERS = 10_000, 64, 24, 40
CHOICES = 1_500


def choosing(seed: int = 1) -> dict[str, Any]:
    """Milliseconds of a choice (95th percentile), of the whole hand-over, and engines that were idle though a job waited."""
    with tempfile.TemporaryDirectory() as folder:
        simulation = Simulation(Path(folder), random.Random(seed))
        simulation.run()
        simulation.close()
    return {
        "queued": JOBS,
        "engines": ENGINES,
        "choose_ms_median": round(statistics.median(simulation.choose), 3),
        "choose_ms_p95": round(statistics.quantiles(simulation.choose, n=20)[-1], 3),
        "take_ms_p95": round(statistics.quantiles(simulation.take, n=20)[-1], 3),
        "idle_while_waiting": simulation.idle,
        "model_was_warm_percent": round(100 * simulation.warm / CHOICES),
    }


class Simulation:
    """Engines on 32 nodes, two on each, that end their jobs at random."""

    def __init__(self, folder: Path, source: random.Random) -> None:
        self._source = source
        self._database = open_database(folder)
        store = JobStore(self._database)
        for number in range(JOBS):
            store.add(_request(source), f"user{number % OWNERS}", 0, None, "", Said())
        self._state = JobState(store)
        self._dispatch = Dispatch(self._state, Gallery(ImageStore(folder), self._database, folder / "thumbs"))
        for number in range(ENGINES):
            self._state.set_engine(EngineStatus(name=f"e{number}", device="cuda:0", node=f"node{number // 2}", state="ready"))
        self.choose: list[float] = []
        self.take: list[float] = []
        self.idle = self.warm = 0

    def run(self) -> None:
        """Until so many jobs have been handed out. A round: engines end some of their jobs, then all that are free ask."""
        while len(self.take) < CHOICES:
            for status in self._state.engines.values():
                if status.state == "working" and self._source.random() < 0.3:
                    self._show(status, state="ready")
            asked = True
            while asked and len(self.take) < CHOICES:
                asked = any([self._ask(name) for name in list(self._state.engines) if len(self.take) < CHOICES])
            if len(self.take) < CHOICES:
                self.idle += sum(status.state == "ready" for status in self._state.engines.values())

    def _ask(self, name: str) -> bool:
        status = self._state.engines[name]
        if status.state != "ready":
            return False
        began = time.perf_counter()
        with self._state.choosing:
            self._state.fair_queue.select(status.loaded, warm=status.warm)
        chosen = time.perf_counter()
        job = self._dispatch.take(name, status.loaded)
        if job is None:
            return False
        self.choose.append((chosen - began) * 1000)
        self.take.append((time.perf_counter() - chosen) * 1000)
        self.warm += job.resolved.checkpoint == status.loaded
        self._show(status, state="working", loaded=job.resolved.checkpoint)
        return True

    def _show(self, status: EngineStatus, **changes: object) -> None:
        self._state.set_engine(status.model_copy(update=changes))

    def close(self) -> None:
        """Give the database back."""
        self._database.close()


def _checkpoint(source: random.Random) -> str:
    return f"model-{source.randrange(MODELS)} [0123456789]"


def _request(source: random.Random) -> ResolvedRequest:
    size = {"width": 512, "height": 512, "variation_seed": 1, "seed": source.randrange(2**31)}
    sampling = {"sampler": "Euler", "schedule": "Karras", "guidance": 4.0, "steps": 20}
    return ResolvedRequest.model_validate({"prompt": "a red apple", "checkpoint": _checkpoint(source), **size, **sampling})
