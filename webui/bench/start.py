"""`bench start`: how long from the command to the page, to the first picture and to the next, on the real app over HTTP."""

import argparse
import contextlib
import json
import os
import platform
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import psutil

from webui.bench.results import keep
from webui.errors import WebUIError

PROMPT = "a red apple"
GOALS = {"page_seconds": 5.0, "web_megabytes": 250.0, "first_picture_seconds": 15.0, "next_picture_seconds": 5.0}
HEAVY = ("libtorch", "/torch/", "/diffusers/", "/transformers/")
PATIENCE = 600.0


def run(words: Sequence[str]) -> int:
    """Print the figures beside their goals; 1 when a goal is missed or web has torch loaded."""
    options = _parser().parse_args(words)
    with tempfile.TemporaryDirectory(prefix="darkroom-bench-") as folder, started(Path(folder), options.models_dir) as (url, web, began):
        figures = measure(url, web, began, options.checkpoint)
    for name, goal in GOALS.items():
        print(f"{name:<24}{figures[name]:8.2f}   goal ≤ {goal:g}{'' if figures[name] <= goal else '   MISSED'}")
    print(f"{'heavy libraries in web':<24}{', '.join(figures['heavy_in_web']) or 'none':>8}")
    if not options.dry:
        print(f"kept in {keep('start', figures)}")
    return 1 if figures["heavy_in_web"] or any(figures[name] > goal for name, goal in GOALS.items()) else 0


def _parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="python -m webui bench start", description=__doc__)
    made.add_argument("--models-dir", help="a folder with models besides the project's own")
    made.add_argument("--checkpoint", help="the checkpoint to draw with (default: what the app chooses)")
    made.add_argument("--dry", action="store_true", help="print only, keep no JSON")
    return made


@contextlib.contextmanager
def started(data: Path, models: str | None) -> Iterator[tuple[str, psutil.Process, float]]:
    """The app in a process group of its own, with an empty data folder; gives its address, its web process and when it was started."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        number = free.getsockname()[1]
    more = ["--models-dir", models] if models else []
    command = [sys.executable, "-m", "webui", "serve", "--port", str(number), "--no-browser", "--data-dir", str(data), *more]
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True)
    try:
        yield f"http://127.0.0.1:{number}", psutil.Process(process.pid), began
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=10)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def measure(url: str, web: psutil.Process, began: float, checkpoint: str | None) -> dict[str, Any]:
    """Page, memory, two pictures of different seeds."""
    with httpx.Client(trust_env=False, base_url=url, timeout=30) as client:
        page = ready(client, web) - began
        request = {"prompt": PROMPT, **({"checkpoint": checkpoint} if checkpoint else {})}
        first_began = time.perf_counter()
        first = draw(client, {**request, "seed": 1})
        first_seconds = time.perf_counter() - first_began
        next_began = time.perf_counter()
        draw(client, {**request, "seed": 2})
        return {
            "page_seconds": round(page, 3),
            "web_megabytes": round(web.memory_info().rss / 1e6, 1),
            "first_picture_seconds": round(first_seconds, 3),
            "next_picture_seconds": round(time.perf_counter() - next_began, 3),
            "heavy_in_web": heavy(web),
            "request": {name: first["request"][name] for name in ("checkpoint", "width", "height", "steps", "sampler", "schedule")},
        }


def ready(client: httpx.Client, web: psutil.Process) -> float:
    """When the whole page was served for the first time."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and web.is_running() and web.status() != psutil.STATUS_ZOMBIE:
        with contextlib.suppress(httpx.TransportError):
            if client.get("/").status_code == 200:
                return time.perf_counter()
        time.sleep(0.02)
    raise WebUIError("The app did not serve its page; start it with `python -m webui serve` to see why.")


def draw(client: httpx.Client, request: dict[str, Any]) -> dict[str, Any]:
    """Submit a job and follow it to its end as a browser would; gives the finished job."""
    answer = client.post("/api/v1/jobs", json=request)
    if answer.status_code >= 400:
        raise WebUIError(f"The job was refused: {answer.text}")
    job = answer.json()["id"]
    with client.stream("GET", f"/api/v1/jobs/{job}/events", timeout=PATIENCE) as events:
        for line in events.iter_lines():
            if line.startswith("data:") and json.loads(line[5:])["type"] in ("done", "failed", "cancelled"):
                break
    done: dict[str, Any] = client.get(f"/api/v1/jobs/{job}").json()
    if done["state"] != "done":
        raise WebUIError(f"The job is {done['state']}: {done['error']}")
    client.get(done["images"][0]["url"]).raise_for_status()
    return done


def heavy(web: psutil.Process) -> list[str]:
    """Which of the heavy libraries' binaries the process has mapped (Linux; elsewhere the layer tests say it)."""
    if platform.system() != "Linux":
        return []
    maps = Path(f"/proc/{web.pid}/maps").read_text(encoding="utf-8")
    return [name for name in HEAVY if name in maps]
