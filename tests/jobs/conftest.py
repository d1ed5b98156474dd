"""A queue with a real database and, where asked for, engines that are real processes painting flat colours."""

import sys
import time
from pathlib import Path

import pytest

from webui.core.request import GenerationRequest
from webui.db import open_database
from webui.images import gallery
from webui.jobs.engine_client import SubprocessClient
from webui.jobs.engine_supervisor import EnginePool, Timeouts
from webui.jobs.image_index import ImageIndex
from webui.jobs.queue import JobQueue
from webui.jobs.reconcile import reconcile
from webui.jobs.store import JobStore
from webui.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
DEFAULTS = {
    "width": 64,
    "height": 64,
    "steps": 4,
    "sampler": "Euler",
    "schedule": "Karras",
    "guidance": 7.0,
    "seed": 1,
    "checkpoint": "tiny [0]",
}


def resolved(request: GenerationRequest) -> GenerationRequest:
    """What the app's resolve does, without models."""
    return request.model_copy(update={name: value for name, value in DEFAULTS.items() if getattr(request, name) in (None, -1)})


class Box:
    """A queue on a data directory; `open` again is a restart of web."""

    def __init__(self, data_dir: Path, **settings) -> None:
        self.settings = Settings(data_dir=data_dir, **{"devices": ("cpu",), **settings})
        self.supervisor = None
        self.open()

    def open(self) -> None:
        self.database = open_database(self.settings.data_dir)
        self.store, self.pictures = JobStore(self.database), ImageIndex(self.database)
        self.queue = JobQueue(self.store, resolved)
        self.queue.find_files = lambda since: gallery.reconcile(self.settings.data_dir, set(self.pictures.paths().values()), since)

    def reopen(self) -> None:
        self.database.close()
        self.open()

    def start(self, command=(sys.executable, "-m", "tests.fake_engine"), **patience) -> None:
        reconcile(self.settings.data_dir, self.store, self.pictures, gallery.reconcile)
        self.queue.recover()
        self.links = []

        def link(receive, ended):
            self.links.append(SubprocessClient(receive, ended, command, ROOT))
            return self.links[-1]

        self.supervisor = EnginePool(self.queue, lambda: self.settings, link, Timeouts(**{"backoff": 0.01, **patience}))
        self.supervisor.start()

    def close(self) -> None:
        if self.supervisor is not None:
            self.supervisor.stop()
            self.supervisor = None
        self.database.close()

    def wait_ready(self, seconds: float = 60) -> None:
        """Until all engines can take jobs."""
        until = time.monotonic() + seconds
        while {engine.state for engine in self.queue.engines()} != {"ready"}:
            assert time.monotonic() < until, self.queue.engines()
            time.sleep(0.01)

    def submit(self, prompt="x", owner="local", **values):
        priority = values.pop("priority", 0)
        return self.queue.submit(GenerationRequest(prompt=prompt, **values), owner, priority)

    def wait(self, job_id: str, *states: str, seconds: float = 60) -> object:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            job = self.queue.get(job_id)
            if job.state in (states or ("done", "failed", "cancelled")):
                return job
            time.sleep(0.01)
        raise AssertionError(f"{job_id} is {self.queue.get(job_id).state}")


@pytest.fixture
def box(tmp_path):
    box = Box(tmp_path)
    yield box
    box.close()
