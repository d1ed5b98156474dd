"""`bench soak`: many jobs in a row; does the memory of engine or web grow after the first 50?"""

import argparse
import contextlib
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path

import httpx
import psutil

from webui.bench.faults import AppProcess, finished
from webui.bench.results import keep

WARM = 50


def run(words: Sequence[str]) -> int:
    """Print and keep the figures; 1 when memory grew by 2 % or more."""
    parser = argparse.ArgumentParser(prog="bench soak")
    parser.add_argument("--jobs", type=int, default=500)
    parser.add_argument("--steps", type=int, default=4)
    options = parser.parse_args(list(words))
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(Path(folder), options.jobs, options.steps)
    for name, value in figures.items():
        print(f"{name:<24}{value:.3f}")
    print(keep("soak", figures))
    return 0 if max(figures["engine_growth_percent"], figures["web_growth_percent"]) < 2 else 1


def measure(folder: Path, jobs: int, steps: int) -> dict[str, float]:
    """Resident megabytes after the first jobs and after all."""
    app = AppProcess(folder)
    app.start()
    try:
        sizes: list[tuple[float, float]] = []
        threading.Thread(target=_watch, args=(str(app.http.base_url),), daemon=True).start()
        for number in range(jobs):
            body = {"prompt": f"a red apple {number}", "steps": steps, "seed": number}
            finished(app, app.http.post("/api/v1/jobs", json=body).json()["id"])
            if number + 1 in (min(WARM, jobs), jobs):
                sizes.append((_megabytes(app.engines()[0]), _megabytes(psutil.Process(app.pid))))
        done = len(app.http.get("/api/v1/jobs", params={"state": "done", "limit": 1000}).json()["jobs"])
    finally:
        app.stop()
    (engine_before, web_before), (engine_after, web_after) = sizes[0], sizes[-1]
    return {
        "jobs": jobs,
        "done": done,
        "engine_mb_warm": engine_before,
        "engine_mb_end": engine_after,
        "engine_growth_percent": (engine_after / engine_before - 1) * 100,
        "web_mb_warm": web_before,
        "web_mb_end": web_after,
        "web_growth_percent": (web_after / web_before - 1) * 100,
    }


def _watch(address: str) -> None:
    """A page that is open all the while, so that events and frames flow."""
    with contextlib.suppress(httpx.HTTPError), httpx.stream("GET", f"{address}/api/v1/events", timeout=None) as response:
        for _ in response.iter_lines():
            pass


def _megabytes(process: psutil.Process) -> float:
    return process.memory_info().rss / 1e6
