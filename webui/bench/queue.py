"""`bench queue`: what a submit, the choice of the next job and a start from idle cost with 10,000 jobs waiting."""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from queue import SimpleQueue

from webui.app import open_app
from webui.bench.results import keep
from webui.core.request import GenerationRequest, ResolvedRequest
from webui.db import open_database
from webui.gallery.service import Gallery
from webui.images.store import ImageStore
from webui.jobs.dispatch import Dispatch
from webui.jobs.engine_client import InprocClient
from webui.jobs.engine_pool import EnginePool
from webui.jobs.engine_supervisor import EngineSetup
from webui.jobs.events import Message
from webui.jobs.fair_queue import FairQueue
from webui.jobs.queue import JobQueue
from webui.jobs.state import JobState
from webui.jobs.store import JobStore
from webui.settings import Settings, load_settings

REQUEST = ResolvedRequest(
    prompt="a red apple",
    checkpoint="tiny [0123456789]",
    width=128,
    height=128,
    steps=20,
    sampler="Euler",
    schedule="Karras",
    guidance=4.0,
    seed=1,
    variation_seed=1,
)


def run(words: Sequence[str]) -> int:
    """Print and keep the figures; 1 when a bound of the issue is not met."""
    parser = argparse.ArgumentParser(prog="bench queue")
    parser.add_argument("--jobs", type=int, default=10_000)
    parser.add_argument("--owners", type=int, default=20)
    parser.add_argument("--starts", type=int, default=20)
    options = parser.parse_args(list(words))
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(Path(folder), options.jobs, options.owners)
    with tempfile.TemporaryDirectory() as folder:
        figures |= idle_starts(Path(folder), options.starts)
    for name, value in figures.items():
        print(f"{name:<28}{value:10.3f}")
    print(keep("queue", figures))
    return 0 if figures["submit_ms_p95"] <= 5 and figures["take_ms_p95"] <= 5 and figures["start_ms_median"] <= 20 else 1


def measure(folder: Path, jobs: int, owners: int) -> dict[str, float]:
    """Milliseconds, median and 95th percentile."""
    database = open_database(folder)
    state = JobState(JobStore(database))
    dispatch = Dispatch(state, Gallery(ImageStore(folder), database, folder / "thumbs"))
    engines = EnginePool(dispatch, EngineSetup(Settings, InprocClient))  # never started: jobs wait
    queue = JobQueue(state, lambda request: REQUEST, engines)
    submit = [_timed(partial(queue.submit, REQUEST, f"user{number % owners}")) for number in range(jobs)]
    chooser = FairQueue(queue.store.waiting())
    choose = [_timed(partial(chooser.select, "other [0]")) for _ in range(200)]
    take = [_timed(partial(dispatch.take, "engine", "other [0]")) for _ in range(200)]
    line = [_timed(queue.waiting_order) for _ in range(5)]
    return {
        "jobs": jobs,
        "owners": owners,
        **_figures("submit", submit),
        **_figures("choose", choose),
        **_figures("take", take),
        **_figures("order", line),
    }


def idle_starts(folder: Path, count: int) -> dict[str, float]:
    """Milliseconds from a submit to the engine's first word about the job, when nothing else waits and the model is loaded."""
    app = open_app(load_settings({"data_dir": folder}, environment={}))
    said: SimpleQueue[tuple[float, Message]] = SimpleQueue()
    app.services.queue.events.listen(lambda message: said.put((time.perf_counter(), message)))
    app.start()
    try:
        starts = []
        for number in range(count + 1):
            request = GenerationRequest(prompt="a red apple", steps=1, seed=number)
            began = time.perf_counter()
            app.services.queue.submit(request)
            starts.append((_until(said, "step") - began) * 1000)
            _until(said, "done")
            time.sleep(0.2)
        return _figures("start", starts[1:])
    finally:
        app.stop()


def _until(said: "SimpleQueue[tuple[float, Message]]", kind: str) -> float:
    """When the next message of this kind came."""
    while True:
        at, message = said.get(timeout=300)
        if message.kind == kind:
            return at


def _timed(act: Callable[[], object]) -> float:
    started = time.perf_counter()
    act()
    return (time.perf_counter() - started) * 1000


def _figures(name: str, values: list[float]) -> dict[str, float]:
    return {
        f"{name}_ms_median": statistics.median(values),
        f"{name}_ms_p95": statistics.quantiles(values, n=20)[-1],
        f"{name}_ms_max": max(values),
    }
