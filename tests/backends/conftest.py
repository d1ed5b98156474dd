"""A queue with backends in front: real rows, real files, real threads, a provider on loopback."""

from pathlib import Path

import pytest

from tests.backends.replicate_server import ReplicateServer
from tests.waiting import until
from tests.whole_requests import resolve_without_models
from webui.backends.job import Pace, Tools
from webui.backends.keys import KeyStore
from webui.backends.place import Placing
from webui.backends.pool import BackendPool
from webui.backends.resolve import Here
from webui.backends.service import Backends, registered
from webui.core.request import GenerationRequest
from webui.db import open_database
from webui.gallery.service import Gallery
from webui.images.store import ImageStore
from webui.jobs.dispatch import Dispatch
from webui.jobs.queue import JobQueue
from webui.jobs.remote_parts import RemoteParts
from webui.jobs.state import JobState
from webui.jobs.store import JobStore
from webui.library import Library
from webui.plugins.manager import Extensions
from webui.settings import Settings

EXTENSIONS = Path(__file__).resolve().parents[2] / "extensions"


class Desk:
    """A data directory with a queue, backends and no engines. `open` again is a restart."""

    def __init__(self, data_dir: Path, environment: dict[str, str], **settings) -> None:
        on = ("replicate", "openai", "stability", "huggingface", "horde")
        self.settings = Settings(data_dir=data_dir, **{"backends": on, "backends_accepted": on, **settings})
        self.environment = environment
        self.extensions = Extensions("web")
        self.extensions.load([EXTENSIONS])
        self.open()

    def open(self) -> None:
        self.database = open_database(self.settings.data_dir)
        self.store = JobStore(self.database)
        self.gallery = Gallery(ImageStore(self.settings.data_dir), self.database, self.settings.data_dir / "thumbs")
        self.state = JobState(self.store)
        self.dispatch = Dispatch(self.state, self.gallery)
        self.keys = KeyStore(self.settings.data_dir / "data", self.environment, keyring=None)
        self.backends = Backends(registered(self.extensions), lambda: self.settings, self.keys, self.environment)
        self.parts = RemoteParts(self.database)
        pace = Pace(look=0.01, slowest=0.02, backoff=0.05)
        keep = lambda *it: self.gallery.keep(*it).id  # noqa: E731
        tools = Tools(self.backends, self.dispatch, self.parts, lambda: self.settings, self.file, keep, pace)
        self.pool = BackendPool(tools)
        library = Library([], self.settings.data_dir / "library.json")
        here = Here(self.file, lambda request, size: request.finish, lambda: self.settings)
        placing = Placing(self.backends, library, self.parts, lambda: self.settings, here)
        resolve = lambda request: placing.resolve(request, resolve_without_models)  # noqa: E731
        self.queue = JobQueue(self.state, resolve, self.pool, placing.check_budget, placing.remarks)
        self.gallery.reconcile(self.store)
        self.dispatch.recover()
        self.pool.start()

    def file(self, image_id: str) -> bytes:
        return self.gallery.path_by_id(image_id).read_bytes()

    def close(self) -> None:
        self.pool.stop()
        self.backends.close()
        self.database.close()

    def request(self, prompt="a red apple", where="replicate", checkpoint="stability-ai/sdxl", **values):
        return GenerationRequest(prompt=prompt, where=where, checkpoint=checkpoint, **values)

    def submit(self, owner="local", **values):
        return self.queue.submit(self.request(**values), owner)

    def wait(self, job, *states: str):
        """The job, as soon as it is in one of the states; without any, as soon as it has ended."""
        wanted = states or ("done", "failed", "cancelled")
        return until(lambda: found if (found := self.queue.get(job.id)).state in wanted else None)

    def made(self, **request):
        """A job that has ended."""
        return self.wait(self.submit(**request))


@pytest.fixture
def replicate():
    server = ReplicateServer()
    yield server
    server.close()


@pytest.fixture
def environment(replicate):
    return {"REPLICATE_BASE_URL": replicate.url, "REPLICATE_API_TOKEN": replicate.key}


@pytest.fixture
def desk(tmp_path, environment):
    desk = Desk(tmp_path, environment)
    yield desk
    desk.close()
