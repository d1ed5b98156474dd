"""`bench cluster`: a real Ray cluster of two nodes on this machine, and 64 simulated engines.

Measured: what a job and a step cost over an engine of our own, how much two nodes make beside one, what the loss of a node costs, and what
a choice among 10,000 jobs costs. With `--real`, the default model's pictures from here and from the cluster, bit for bit.
"""

import argparse
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from webui.bench.results import keep
from webui.bench.simulated_engines import choosing
from webui.cluster.files import JobFiles
from webui.cluster.service import Cluster
from webui.core.job import FINAL_STATES
from webui.core.request import ResolvedRequest
from webui.db import open_database
from webui.gallery.service import Gallery
from webui.images.decode import read_image
from webui.images.store import ImageStore
from webui.jobs.dispatch import Dispatch
from webui.jobs.engine_client import SubprocessClient
from webui.jobs.engine_pool import EnginePool
from webui.jobs.engine_supervisor import EngineSetup, MakeClient
from webui.jobs.events import Message
from webui.jobs.queue import JobQueue
from webui.jobs.state import JobState
from webui.jobs.store import JobStore
from webui.library import Library
from webui.settings import PROJECT, Settings

WAITING = "webui.bench.waiting_engine"
BOUNDS = {"job_cost_ms": 10.0, "step_cost_percent": 2.0, "choose_ms_p95": 5.0}


def run(words: Sequence[str]) -> int:
    """Print and keep the figures; 1 when a bound of the issue is not met."""
    parser = argparse.ArgumentParser(prog="python -m webui bench cluster")
    parser.add_argument("--jobs", type=int, default=40, help="jobs during which a node is killed")
    parser.add_argument("--real", action="store_true", help="make pictures with the default model too")
    options = parser.parse_args(list(words))
    figures: dict[str, Any] = choosing()
    with two_nodes() as nodes:
        figures |= costs()
        figures |= pace()
        figures |= loss(nodes, options.jobs)
    if options.real:
        with two_nodes():
            figures |= equal()
    for name, value in figures.items():
        print(f"{name:<28}{value}")
    print(keep("cluster", figures))
    good = all(figures[name] <= bound for name, bound in BOUNDS.items()) and figures["two_nodes_beside_one"] >= 1.9
    lost = figures["missing_pictures"] or figures["twice"] or figures["idle_while_waiting"]
    return 0 if good and not lost and figures.get("equal", True) else 1


class Nodes:
    """A cluster of `ray.cluster_utils`: a head and another node, with a CPU each, so that each has room for one engine."""

    def __init__(self) -> None:
        self._ray: Any = import_module("ray")
        cluster: Any = import_module("ray.cluster_utils").Cluster
        self._cluster = cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
        self.second: Any = self._cluster.add_node(num_cpus=1)
        self._ray.init(address=self._cluster.address, namespace="darkroom", log_to_driver=False)

    def kill(self) -> None:
        """The second node is gone at once."""
        self._cluster.remove_node(self.second, allow_graceful=False)

    def close(self) -> None:
        """End the cluster."""
        self._ray.shutdown()
        self._cluster.shutdown()


@contextmanager
def two_nodes() -> Iterator[Nodes]:
    """A cluster while it is needed."""
    nodes = Nodes()
    try:
        yield nodes
    finally:
        nodes.close()


class Desk:
    """A queue over engines, in a folder of its own: of the cluster, or processes of this one."""

    def __init__(self, folder: Path, engines: int, on_cluster: bool, module: str = WAITING) -> None:
        bounds = {"cluster_min": engines, "cluster_max": engines, "cluster": "auto" if on_cluster else ""}
        self.settings = Settings(data_dir=folder, devices=("cpu",) * engines, batch_jobs=1, cluster_dir=str(folder / "node"), **bounds)
        self.database = open_database(folder)
        self.store = JobStore(self.database)
        state, gallery = JobState(self.store), Gallery(ImageStore(folder), self.database, folder / "thumbs")
        library = Library(self.settings.all_models_dirs, folder / "library.json")
        files = JobFiles(library, lambda: self.settings.all_models_dirs, gallery.path_by_id)
        self.cluster = Cluster.open(self.settings, lambda: self.settings, files, module)
        client: MakeClient = self.cluster.make_client if self.cluster else _process(module)
        setup = EngineSetup(lambda: self.settings, client)
        self.engines = EnginePool(Dispatch(state, gallery), setup, self.cluster.scaling if self.cluster else None)
        self.queue = JobQueue(state, lambda request: ResolvedRequest.model_validate(dict(request)), self.engines)
        self.ended = threading.Semaphore(0)
        state.events.listen(self._heard)
        self.engines.start()
        self.until(lambda: [each.state for each in self.queue.engines()].count("ready") == engines)

    def until(self, true: Callable[[], bool]) -> None:
        """Wait for something."""
        limit = time.monotonic() + 300
        while not true():
            if time.monotonic() > limit:
                raise SystemExit(f"It did not come to it: {self.queue.engines()}")
            time.sleep(0.02)

    def timed(self, requests: Sequence[ResolvedRequest]) -> float:
        """Seconds from the first submit to the last end."""
        self.ended = threading.Semaphore(0)
        began = time.perf_counter()
        for each in requests:
            self.queue.submit(each)
        for _ in requests:
            if not self.ended.acquire(timeout=300):
                raise SystemExit(f"A job does not end: {self.queue.engines()}")
        return time.perf_counter() - began

    def _heard(self, message: Message) -> None:
        if message.kind in FINAL_STATES:
            self.ended.release()

    def close(self) -> None:
        """End the engines."""
        self.engines.stop()
        self.database.close()


@contextmanager
def desk(engines: int, on_cluster: bool, module: str = WAITING, measured: str = "") -> Iterator[Desk]:
    """A desk while it is needed. `measured`: what was found to be faster on this machine."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        if measured:
            file = Settings(data_dir=Path(folder)).measured
            file.parent.mkdir(parents=True)
            file.write_text(measured, encoding="utf-8")
        opened = Desk(Path(folder), engines, on_cluster, module)
        try:
            yield opened
        finally:
            opened.close()


def _process(module: str) -> MakeClient:
    return lambda receive, ended: SubprocessClient(receive, ended, (sys.executable, "-m", module), PROJECT)


def request(milliseconds: int, seed: int, steps: int = 1) -> ResolvedRequest:
    """A job of steps that take so long."""
    size = {"width": 512, "height": 512, "variation_seed": 1}
    sampling = {"sampler": "Euler", "schedule": "Karras", "guidance": 4.0}
    fields = {"prompt": f"{milliseconds} ms a step", "checkpoint": "clock", "steps": steps, "seed": seed}
    return ResolvedRequest.model_validate({**size, **sampling, **fields})


def costs() -> dict[str, float]:
    """What a job, and a step of 100 ms, cost more on a node than in an engine of our own: medians of jobs one after another."""
    seconds: dict[tuple[bool, int], float] = {}
    for on_cluster in (False, True):
        with desk(1, on_cluster) as opened:
            for steps, wait, count in ((1, 0, 60), (20, 100, 3)):
                took = [opened.timed([request(wait, seed, steps)]) for seed in range(count + 1)][1:]
                seconds[on_cluster, steps] = statistics.median(took)
    job = (seconds[True, 1] - seconds[False, 1]) * 1000
    step = (seconds[True, 20] - seconds[False, 20]) / 20 / 0.1 * 100
    return {"job_ms_here": round(seconds[False, 1] * 1000, 1), "job_cost_ms": round(job, 2), "step_cost_percent": round(step, 2)}


def pace() -> dict[str, float]:
    """The same jobs on one node and on two."""
    requests = [request(250, seed) for seed in range(40)]
    took = {}
    for engines in (1, 2):
        with desk(engines, True) as opened:
            took[engines] = opened.timed(requests)
    return {"one_node_s": round(took[1], 2), "two_nodes_s": round(took[2], 2), "two_nodes_beside_one": round(took[1] / took[2], 3)}


def loss(nodes: Nodes, count: int) -> dict[str, Any]:
    """A node is killed while jobs run on both: pictures that are missing or were made twice, and attempts that it cost."""
    with desk(2, True) as opened:
        began = time.perf_counter()
        jobs = [opened.queue.submit(request(250, seed, 2)) for seed in range(count)]
        opened.until(lambda: opened.store.count("done") >= count // 4)
        nodes.kill()
        opened.until(lambda: not opened.store.count("queued", "running"))
        seconds = time.perf_counter() - began
        found = [opened.store.get(job.id) for job in jobs]
        files = list(opened.settings.outputs.rglob("*.png"))
        again = sum(event.type == "queued" and bool(event.reason) for job in jobs for event in opened.store.events_after(0, job.id))
    return {
        "killed_jobs": count,
        "missing_pictures": sum(len(job.images) != 1 for job in found),
        "twice": len(files) - count,
        "run_again": again,
        "killed_s": round(seconds, 1),
    }


def equal() -> dict[str, bool]:
    """Whether the default model's pictures are the same from here and from a node, in every pixel."""
    checkpoint = Library(Settings().all_models_dirs).models("checkpoint")[0].name
    wanted = request(0, 7, 4).model_copy(update={"prompt": "a red apple", "checkpoint": checkpoint, "width": 128, "height": 128})
    pixels, measured = [], ""  # a Darkroom that takes up a cluster knows what it has measured here
    for on_cluster in (False, True):
        with desk(1, on_cluster, "webui.engine.server", measured) as opened:
            opened.timed([wanted])
            job = opened.queue.jobs(limit=1)[0]
            if job.error:
                raise SystemExit(job.error.message)
            pixels.append(read_image((opened.settings.data_dir / job.images[0].path).read_bytes()).tobytes())
            measured = opened.settings.measured.read_text(encoding="utf-8") if opened.settings.measured.is_file() else ""
    return {"equal": pixels[0] == pixels[1]}
