"""The app as a process: it starts, serves, ends cleanly, refuses what cannot work, and survives being killed."""

import asyncio
import os
import random
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import psutil
import pytest

from tests.waiting import until
from webui.bench import faults
from webui.bench.faults import AppProcess, finished
from webui.serving import bind

ROOT = Path(__file__).resolve().parent.parent
APPLE = {"prompt": "a red apple", "steps": 4, "seed": 1}


def serve(*words, **environment):
    """Run `serve` until it ends by itself."""
    command = [sys.executable, "-m", "webui", "serve", "--no-browser", *map(str, words)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, env={**os.environ, **environment})


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


def test_a_second_web_on_the_same_folder_is_refused_and_the_first_goes_on(app):
    second = serve("--port", 0, "--data-dir", app.data_dir)
    assert second.returncode == 2 and "Another Darkroom" in second.stderr
    assert app.http.get("/health").status_code == 200


def test_the_admin_stops_it_over_a1111s_api_where_that_was_switched_on(app, tmp_path):
    assert app.http.post("/sdapi/v1/server-stop").status_code == 404
    other = AppProcess(tmp_path, ("--api-server-stop",))
    other.start()
    process = psutil.Process(other.pid)
    assert other.http.get("/sdapi/v1/cmd-flags").json()["api_server_stop"] is True
    restart = other.http.post("/sdapi/v1/server-restart")
    assert restart.status_code == 501 and "server-stop" in restart.json()["detail"]
    assert other.http.post("/sdapi/v1/server-stop").status_code == 200
    process.wait(120)
    assert not other.alive


def test_a_port_in_use_a_broken_settings_file_and_a_folder_in_the_way(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = serve("--port", port, "--data-dir", tmp_path)
    assert done.returncode == 2 and f"Port {port}" in done.stderr and "--port" in done.stderr
    (tmp_path / "settings.toml").write_text("port = = 1")
    done = serve("--data-dir", tmp_path)
    assert done.returncode == 2 and "settings.toml is not a settings file" in done.stderr
    done = serve("--data-dir", tmp_path / "other", DARKROOM_PROT="1")
    assert done.returncode == 2 and "prot" in done.stderr


def test_jobs_wait_while_outputs_cannot_be_written_and_go_on_by_themselves(tmp_path):
    """A folder of root's, or a drive that is not plugged in, stopped the start."""
    (tmp_path / "outputs").write_text("a file in the way")
    app = AppProcess(tmp_path)
    app.start()
    job = app.http.post("/api/v1/jobs", json=APPLE).raise_for_status().json()["id"]
    until(lambda: "outputs cannot be written" in app.http.get("/ready").text)
    assert app.http.get(f"/api/v1/jobs/{job}").json()["state"] == "queued" and app.http.get("/").status_code == 200
    (tmp_path / "outputs").unlink()
    assert finished(app, job)["state"] == "done"
    app.stop()


@pytest.mark.parametrize(
    "environment",
    [
        {"ALL_PROXY": "socks5://127.0.0.1:9", "LC_ALL": "C", "PYTHONUTF8": "0", "TMPDIR": "/nowhere/at/all"},
        {"all_proxy": "socks://127.0.0.1:9/", "NO_PROXY": "[::1],::1/128", "HTTPS_PROXY": "nonsense://x", "http_proxy": "http://[bad"},
    ],
)
def test_whatever_the_environment_says_it_starts_and_makes_a_picture(tmp_path, environment):
    folder = tmp_path / "Bücher"
    app = AppProcess(folder, **environment)
    app.start()
    assert finished(app, app.http.post("/api/v1/jobs", json=APPLE).json()["id"])["state"] == "done"
    app.stop()


def test_sigterm_ends_every_process_and_the_job_waits_for_the_next_start(app):
    job = app.http.post("/api/v1/jobs", json={**APPLE, "steps": 500}).json()
    until(lambda: app.http.get(f"/api/v1/jobs/{job['id']}").json().get("progress", {}).get("step", 0) >= 3)
    engines = app.engines()
    app.stop()  # raises where it takes 20 s
    assert psutil.wait_procs(engines, timeout=1)[1] == []
    app.start()
    waiting = app.http.get(f"/api/v1/jobs/{job['id']}").json()
    assert waiting["state"] in ("queued", "running") and waiting["attempts"] == 0
    app.http.delete(f"/api/v1/jobs/{job['id']}")
    assert finished(app, job["id"])["state"] == "cancelled"


def test_an_engine_whose_web_was_killed_ends_at_once(app):
    until(lambda: app.engines() and app.http.get("/ready").json()["ready"])
    engines = app.engines()
    os.kill(app.pid, signal.SIGKILL)
    assert psutil.wait_procs(engines, timeout=5)[1] == []


def test_the_engine_inside_web(tmp_path):
    app = AppProcess(tmp_path, ["--engine", "inline"])
    app.start()
    job = finished(app, app.http.post("/api/v1/jobs", json=APPLE).json()["id"])
    assert job["state"] == "done" and app.engines() == []
    app.stop()


def test_an_engine_that_loses_its_gpu_is_replaced(tmp_path):
    (tmp_path / "extensions").mkdir()
    (tmp_path / "extensions" / "loses_gpu.py").write_text(
        "from webui import Sampler, hookimpl\n\n\n"
        "def lose(model, x, sigmas, extra_args=None, callback=None, disable=None):\n"
        "    raise RuntimeError('CUDA error: unspecified launch failure')\n\n\n"
        "@hookimpl\ndef register_samplers(register):\n    register(Sampler('Loses GPU', lose))\n"
    )
    app = AppProcess(tmp_path, ["--max-attempts", "2"])
    app.start()
    until(lambda: "Loses GPU" in app.http.get("/api/v1/capabilities").text)
    bad, good = (app.http.post("/api/v1/jobs", json={**APPLE, **more}).json()["id"] for more in ({"sampler": "Loses GPU"}, {}))
    failed = finished(app, bad)
    assert failed["error"]["kind"] == "EngineLost" and "its GPU stopped working" in failed["error"]["message"]
    assert finished(app, good)["state"] == "done"
    app.stop()


def test_open_to_the_lan_behind_a_key_with_a_link(tmp_path):
    command = [sys.executable, "-u", "-m", "webui", "serve", "--no-browser", "--listen", "--port", "0", "--data-dir", str(tmp_path)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env={**os.environ, "DARKROOM_HOST": "127.0.0.2"})
    lines = []
    for line in process.stdout:
        lines.append(line)
        if line.startswith("Darkroom is at"):
            break
    key = (tmp_path / "data" / "access.key").read_text()
    assert any(f"/?key={key}" in line for line in lines) and sum("█" in line or "▀" in line for line in lines) > 10
    assert (tmp_path / "data" / "access.key").stat().st_mode & 0o077 == 0
    process.terminate()
    process.wait(15)


def started(words, data_dir, **environment):
    """What `serve` prints until it is there; it is ended afterwards."""
    command = [sys.executable, "-u", "-m", "webui", "serve", "--no-browser", "--port", "0", "--data-dir", str(data_dir), *words]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env={**os.environ, **environment})
    lines = []
    for line in process.stdout:
        lines.append(line)
        if line.startswith("Darkroom is at"):
            break
    try:
        yield lines
    finally:
        process.terminate()
        process.wait(30)


def test_on_ipv6_it_prints_an_address_that_opens(tmp_path):
    for lines in started(["--host", "::1"], tmp_path):
        address = lines[-1].split()[-1]
        assert address.startswith("http://[::1]:")
        assert httpx.get(address, trust_env=False, timeout=120).status_code == 200
        posted = httpx.post(f"{address}api/v1/queue/resume", headers={"Origin": address.rstrip("/")}, trust_env=False, timeout=120)
        assert posted.json() == {"paused": False}


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_answers_are_sent_at_once_and_do_not_wait_for_the_clients_ack(host):
    async def connected() -> int:
        asked = asyncio.get_running_loop().create_future()

        async def come(reader, writer):
            asked.set_result(writer.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()

        listener = bind(host, 0)
        async with await asyncio.start_server(come, sock=listener):
            writer = (await asyncio.open_connection(*listener.getsockname()[:2]))[1]
            try:
                return await asked
            finally:
                writer.close()

    assert asyncio.run(connected())


def test_a_host_that_is_none_of_this_machine_is_refused_in_a_sentence(tmp_path):
    for host in ("no.such.host.invalid", "192.0.2.1"):
        done = serve("--host", host, "--port", 0, "--data-dir", tmp_path)
        assert done.returncode == 2 and host in done.stderr and "Traceback" not in done.stderr


def test_behind_a_trusted_proxy_a_key_is_asked_for_and_the_admins_link_works(tmp_path):
    (tmp_path / "settings.toml").write_bytes(b'\xef\xbb\xbftrusted_proxy = ["127.0.0.1"]\nroot_path = "/darkroom"\n')
    for lines in started([], tmp_path):
        link = next(line.split()[-1] for line in lines if line.startswith("For you, as admin"))
        address = lines[-1].split()[-1]
        assert address.endswith("/darkroom/") and link.startswith(f"{address}?key=")
        assert httpx.get(address, trust_env=False, timeout=120).status_code == 401
        with httpx.Client(trust_env=False, follow_redirects=True, timeout=120) as client:
            assert client.get(link).status_code == 200
            assert client.post(f"{address}api/v1/queue/pause").json() == {"paused": True}
        assert (tmp_path / "data" / "admin.key").stat().st_mode & 0o077 == 0


def test_kill_9_at_random_moments_loses_nothing(tmp_path):
    figures = faults.measure(tmp_path, rounds=3, chance=random.Random(3))
    assert (figures["jobs"], figures["lost"], figures["torn"], figures["doubled"], figures["different"]) == (3, 0, 0, 0, 0), figures
