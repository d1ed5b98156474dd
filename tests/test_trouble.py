"""What Darkroom does when the machine does not play along, seen from outside: nothing is lost, and it goes on serving."""

import resource
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.waiting import until
from webui.bench.faults import AppProcess, finished
from webui.settings import PROJECT

APPLE = {"prompt": "a red apple", "steps": 2, "seed": 1}


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    app = AppProcess(tmp_path_factory.mktemp("app"))
    yield app
    app.stop()


@pytest.fixture
def app(shared):
    """One running app for several tests; started again when the last one ended it."""
    if not shared.alive:
        shared.start()
    return shared


class NoSpace:
    """Within the block a process can write no file longer than `size` bytes, as on a full disk."""

    def __init__(self, pid: int, size: int) -> None:
        self._process, self._size = psutil.Process(pid), size

    def __enter__(self) -> None:
        self._process.rlimit(psutil.RLIMIT_FSIZE, (self._size, resource.RLIM_INFINITY))

    def __exit__(self, *_: object) -> None:
        self._process.rlimit(psutil.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def submit(app: AppProcess, **more: object) -> str:
    return app.http.post("/api/v1/jobs", json=APPLE | more).raise_for_status().json()["id"]


def files(app: AppProcess) -> list[Path]:
    return sorted(path for path in (app.data_dir / "outputs").rglob("*") if path.is_file())


def test_no_space_for_pictures_fails_the_job_and_nothing_else(app):
    first = finished(app, submit(app))
    before = files(app)
    engine = app.engines()[0].pid
    with NoSpace(engine, 1000):
        failed = finished(app, submit(app, seed=2))
    assert failed["error"]["kind"] == "StorageError" and "outputs" in failed["error"]["message"]
    assert files(app) == before, "nothing is left half-written"
    app.http.post(f"/api/v1/jobs/{failed['id']}/retry").raise_for_status()
    assert finished(app, failed["id"])["state"] == "done" and app.engines()[0].pid == engine
    assert app.http.get(first["images"][0]["url"]).status_code == 200


def test_no_space_for_the_database_refuses_jobs_and_keeps_what_runs(app):
    finished(app, submit(app))
    running = submit(app, steps=300)
    until(lambda: app.http.get(f"/api/v1/jobs/{running}").json()["state"] == "running")
    with NoSpace(app.pid, 0):
        refused = app.http.post("/api/v1/jobs", json=APPLE)
        assert refused.status_code == 507 and "cannot be written" in refused.json()["message"]
        assert app.http.get("/api/v1/jobs").status_code == 200 and app.http.get("/").status_code == 200
        until(lambda: "cannot be written" in app.http.get("/ready").text)  # the engine is done and its word cannot be kept yet
    done = finished(app, running)
    assert (done["state"], len(done["images"]), done["attempts"]) == ("done", 1, 0)
    assert finished(app, submit(app))["state"] == "done"


def test_a_start_without_space_is_one_sentence(tmp_path):
    words = [sys.executable, "-m", "webui", "serve", "--no-browser", "--port", "0", "--data-dir", str(tmp_path)]
    limit = f"import resource, os, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0)); os.execv({sys.executable!r}, {words!r})"
    done = subprocess.run([sys.executable, "-c", limit], cwd=PROJECT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 2 and "darkroom.db" in done.stderr and "Traceback" not in done.stderr


def test_a_frozen_engine_is_stopped_by_the_end_of_the_program_too(app):
    job = submit(app, steps=500)
    until(lambda: app.engines() and app.http.get(f"/api/v1/jobs/{job}").json().get("progress", {}).get("phase") == "sampling")
    engine = app.engines()[0]
    engine.suspend()
    app.stop()  # raises where it takes 20 s
    assert not engine.is_running()
    app.start()
    assert app.http.get(f"/api/v1/jobs/{job}").json()["attempts"] == 0
    app.http.delete(f"/api/v1/jobs/{job}")
