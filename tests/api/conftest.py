"""The real app on loopback with an engine that paints flat colours; one server for all tests of this folder."""

import sys
import threading
from pathlib import Path

import httpx
import pytest

from tests.library.test_scan import write
from tests.waiting import until
from webui.api.connections import Patience, Pool, make_server
from webui.app import build
from webui.jobs.engine_client import SubprocessClient
from webui.serving import bind
from webui.settings import Settings

ROOT = Path(__file__).resolve().parents[2]


class Server:
    """A running app. `client()` talks to it as somebody."""

    def __init__(
        self,
        data_dir: Path,
        access_key: str = "",
        port: int = 0,
        admin_key: str = "",
        patience: Patience | None = None,
        **settings,
    ) -> None:
        write(
            data_dir / "models" / "Stable-diffusion" / "tiny.safetensors",
            metadata={"darkroom.native": '{"width": 64, "height": 64, "steps": 3}'},
        )
        self.settings = Settings(data_dir=data_dir, models_dirs=(data_dir / "models",), devices=("cpu",), **settings)

        def link(receive, ended):
            return SubprocessClient(receive, ended, (sys.executable, "-m", "tests.fake_engine"), ROOT)

        self.app, self.running = build(self.settings, link, access_key, admin_key)
        self.services = self.running.services
        self.temporary = self.app.state.temporary
        self.socket = bind("127.0.0.1", port)
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        self._server = make_server(self.app, Pool(patience or Patience(most=2000, each=2000)), "error")
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self.socket]}, daemon=True)
        self._thread.start()
        until(lambda: self._server.started)

    def client(self, owner: str = "", **headers: str) -> httpx.Client:
        return httpx.Client(base_url=self.url, headers={**({"X-Owner": owner} if owner else {}), **headers}, timeout=60)

    def close(self) -> None:
        self._server.should_exit = True
        self._thread.join(15)


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("api"))
    yield server
    server.close()


def finished(client: httpx.Client, job_id: str) -> dict:
    """The job, as soon as it has ended."""
    ends = ("done", "failed", "cancelled")
    return until(lambda: job if (job := client.get(f"/api/v1/jobs/{job_id}").json())["state"] in ends else None)
