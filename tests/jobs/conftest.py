"""A queue with a real database and, where asked for, engines that are real processes painting flat colours."""

import sys
from pathlib import Path

import pytest

from tests.waiting import until
from tests.whole_requests import resolve_without_models
from webui.core.request import GenerationRequest
from webui.db import open_database
from webui.gallery.index import ImageIndex
from webui.gallery.service import Gallery
from webui.images.store import ImageStore
from webui.jobs.dispatch import Dispatch
from webui.jobs.engine_client import SubprocessClient
from webui.jobs.engine_pool import EnginePool
from webui.jobs.engine_supervisor import EngineSetup, Timeouts
from webui.jobs.queue import JobQueue
from webui.jobs.state import JobState
from webui.jobs.store import JobStore
from webui.settings import Settings

ROOT = Path(__file__).resolve().parents[2]


class Box:
    """A queue on a data directory; `open` again is a restart of web."""

    def __init__(self, data_dir: Path, **settings) -> None:
        self.settings = Settings(data_dir=data_dir, **{"devices": ("cpu",), **settings})
        self.open()

    def open(self) -> None:
        self.database = open_database(self.settings.data_dir)
        self.store, self.pictures = JobStore(self.database), ImageIndex(self.database)
        self.gallery = Gallery(ImageStore(self.settings.data_dir), self.database, self.settings.data_dir / "thumbs")
        self.state = JobState(self.store)
        self.dispatch = Dispatch(self.state, self.gallery)
        self._connect((sys.executable, "-m", "tests.fake_engine"))

    def reopen(self) -> None:
        self.database.close()
        self.open()

    def _connect(self, command, **patience) -> None:
        """Engines that are not started yet, and the queue that talks to them."""
        self.links, self._started = [], False

        def link(receive, ended):
            self.links.append(SubprocessClient(receive, ended, command, ROOT))
            return self.links[-1]

        setup = EngineSetup(lambda: self.settings, link, timeouts=Timeouts(**{"backoff": 0.01, **patience}))
        self.engines = EnginePool(self.dispatch, setup)
        self.queue = JobQueue(self.state, resolve_without_models, self.engines)

    def start(self, command=(sys.executable, "-m", "tests.fake_engine"), **patience) -> None:
        self.gallery.reconcile(self.store)
        self.dispatch.recover()
        self._connect(command, **patience)
        self.engines.start()
        self._started = True

    def close(self) -> None:
        if self._started:
            self.engines.stop()
        self.database.close()

    def wait_ready(self) -> None:
        """Until all engines can take jobs."""
        until(lambda: {engine.state for engine in self.queue.engines()} == {"ready"})

    def wait_idle(self) -> None:
        """Until no engine has a job: an engine is free a moment after its job's end is stored."""
        until(lambda: not any(engine.jobs for engine in self.queue.engines()))

    def submit(self, prompt="x", owner="local", **values):
        priority = values.pop("priority", 0)
        return self.queue.submit(GenerationRequest(prompt=prompt, **values), owner, priority)

    def wait(self, job_id: str, *states: str) -> object:
        """The job, as soon as it is in one of the states; without any, as soon as it has ended."""
        wanted = states or ("done", "failed", "cancelled")
        return until(lambda: job if (job := self.queue.get(job_id)).state in wanted else None)


@pytest.fixture
def box(tmp_path):
    box = Box(tmp_path)
    yield box
    box.close()
