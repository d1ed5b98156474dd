"""A queue whose engines run on nodes: the host that Ray makes an actor of, here called directly; folders that nobody shares."""

import threading
from pathlib import Path

import pytest

from tests.jobs.conftest import Box
from tests.library.test_scan import write
from tests.whole_requests import resolve_without_models
from webui.cluster.client import ClusterTools, HostClient
from webui.cluster.files import JobFiles
from webui.cluster.host import EngineHost
from webui.cluster.scaling import ClusterScaling
from webui.errors import EngineLost
from webui.jobs.engine_pool import EnginePool
from webui.jobs.engine_supervisor import EngineSetup, Timeouts
from webui.jobs.queue import JobQueue
from webui.library import Library


class NearHost:
    """A host of this process. `lose` is the loss of its node."""

    def __init__(self, folder: Path, version: str = "") -> None:
        self._host, self._version = EngineHost(str(folder), "tests.fake_engine"), version
        self.calls: list[str] = []
        self.lost = threading.Event()

    def begun(self, seconds: float) -> bool:
        return True

    def call(self, method: str, *arguments):
        if self.lost.is_set():
            raise EngineLost("its node, or the process there, is gone")
        self.calls.append(method)
        told = getattr(self._host, method)(*arguments)
        if self.lost.is_set():
            raise EngineLost("its node, or the process there, is gone")
        return {**told, "version": self._version} if method == "about" and self._version else told

    def lose(self) -> None:
        self.lost.set()
        self._host.close(0)

    kill = lose


class ClusterBox(Box):
    """A box with a node's folder, and a model that the jobs name. `hosts` are all that were begun."""

    def __init__(self, data_dir: Path, **settings) -> None:
        self.node = data_dir / "node"
        models = data_dir / "models"
        (models / "Lora").mkdir(parents=True)
        (models / "Stable-diffusion").mkdir()
        write(models / "Stable-diffusion" / "tiny.safetensors")
        write(models / "Stable-diffusion" / "other.safetensors")
        (models / "Stable-diffusion" / "tiny.yaml").write_text("model: tiny")
        self.hosts: list[NearHost] = []
        self.version = ""
        super().__init__(data_dir / "web", **{"cluster_dir": str(self.node), "models_dirs": (models,), **settings})

    def _connect(self, command, slots=2, **patience) -> None:
        roots = self.settings.models_dirs
        files = JobFiles(Library(roots, self.settings.data_dir / "library.json"), lambda: roots, self.gallery.path_by_id)

        def host() -> NearHost:
            self.hosts.append(NearHost(self.node, self.version))
            return self.hosts[-1]

        tools = ClusterTools(host, files, lambda: self.settings, "cpu")
        setup = EngineSetup(
            lambda: self.settings, lambda receive, ended: HostClient(tools, receive, ended), timeouts=Timeouts(backoff=0.01)
        )
        self.scaling = ClusterScaling(lambda: self.settings, lambda: slots, "cpu", 0.05)
        self.engines = EnginePool(self.dispatch, setup, self.scaling)
        self.queue = JobQueue(self.state, resolve_without_models, self.engines)
        self._started = False


@pytest.fixture
def cluster(tmp_path):
    box = ClusterBox(tmp_path)
    yield box
    box.close()
