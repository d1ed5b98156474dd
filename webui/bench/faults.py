"""`bench faults`: kill -9 at random moments, of an engine, of web, of both; then count what was lost, torn or made twice.

The real app runs as its own process with the default model. Every job is `deterministic`; each picture is compared
with the same one made undisturbed. A round waits for a phase of its job, then for a random moment within it.
"""

import argparse
import contextlib
import itertools
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psutil
from PIL import Image

from webui.bench.results import keep
from webui.settings import PROJECT

BODY: dict[str, Any] = {"prompt": "a red apple", "steps": 4, "batch_count": 2, "deterministic": True}
VICTIMS = ("engine", "web", "both")
PHASES = ("any", "loading", "sampling", "decoding", "writing")
FINAL = ("done", "failed", "cancelled")


class AppProcess:
    """The app as a child process, killed and started again on one data directory."""

    def __init__(self, data_dir: Path, extra: Sequence[str] = (), **environment: str) -> None:
        self.data_dir, self._extra, self._environment = data_dir, tuple(extra), environment
        self._process: subprocess.Popen[str] | None = None
        self.http = httpx.Client(trust_env=False, timeout=60)

    def start(self) -> None:
        """Start and wait until it answers."""
        words = ["serve", "--port", "0", "--no-browser", "--max-attempts", "0", "--data-dir", str(self.data_dir), *self._extra]
        environment = {**os.environ, "PYTHONUNBUFFERED": "1", **self._environment}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "webui", *words],
            cwd=PROJECT,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment,
            start_new_session=True,
        )
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith("Darkroom is at "):
                self.http = httpx.Client(trust_env=False, base_url=line.split()[-1], timeout=60)
                return
        raise RuntimeError("the app did not start")

    @property
    def alive(self) -> bool:
        """Whether web runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """The web process's id."""
        assert self._process is not None
        return self._process.pid

    def engines(self) -> list[psutil.Process]:
        """Engine processes of this app."""
        assert self._process is not None
        with contextlib.suppress(psutil.NoSuchProcess):
            return [child for child in psutil.Process(self._process.pid).children() if "webui.engine.server" in " ".join(child.cmdline())]
        return []

    def kill(self, what: str) -> None:
        """kill -9 of "engine", "web" or "both"; a killed web is started again."""
        assert self._process is not None
        engines = self.engines()
        if what in ("web", "both"):
            self._process.kill()
            self._process.wait()
        if what in ("engine", "both"):
            for engine in engines:
                with contextlib.suppress(psutil.NoSuchProcess):
                    engine.kill()
        if what in ("web", "both"):
            psutil.wait_procs(engines, timeout=10)
            self.start()

    def stop(self) -> None:
        """End it as a user would."""
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(20)
            self._process = None


def run(words: Sequence[str]) -> int:
    """Print and keep the figures; 1 when anything was lost, torn, doubled or different."""
    parser = argparse.ArgumentParser(prog="bench faults")
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(list(words))
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(Path(folder), options.rounds, random.Random(options.seed), lambda text: print(text, flush=True))
    for name, value in figures.items():
        print(f"{name:<20}{value}")
    print(keep("faults", figures))
    return 0 if not any(figures[name] for name in ("lost", "torn", "doubled", "different")) else 1


def measure(folder: Path, rounds: int, chance: random.Random, say: Callable[[str], None] = lambda text: None) -> dict[str, Any]:
    """Rounds of one job and one kill each, evenly over victims and phases, then the reckoning."""
    app = AppProcess(folder)
    app.start()
    try:
        length = _undisturbed(app)
        plan = list(itertools.islice(itertools.cycle(itertools.product(VICTIMS, PHASES)), rounds))
        chance.shuffle(plan)
        jobs: list[str] = []
        hits: dict[str, dict[str, int]] = {victim: dict.fromkeys(PHASES, 0) for victim in VICTIMS}
        for number, (victim, phase) in enumerate(plan):
            if phase == "loading":  # what waits from earlier rounds may have loaded the model already
                app.http.post("/api/v1/queue/free").raise_for_status()
                app.http.post("/api/v1/queue/resume").raise_for_status()
            jobs.append(submit(app, number))
            reached = Moment(app, folder, jobs[-1], chance).wait(phase, length)
            app.kill(victim)
            hits[victim][phase if reached else "any"] += 1
            say(f"{number + 1}: {victim} killed while {phase}{'' if reached else ' (not reached)'}")
        done = [finished(app, job) for job in jobs]
        app.stop()
        app.start()
        _wait_until_ready(app)  # what a death left half-written goes at the next start, before the engine comes
        return {"rounds": rounds, "kills": hits, **reckon(folder, app, done, say)}
    finally:
        app.stop()


class Moment:
    """Waits for a random moment within a phase of one picture of a job."""

    def __init__(self, app: AppProcess, folder: Path, job_id: str, chance: random.Random) -> None:
        self._app, self._folder, self._job, self._chance = app, folder, job_id, chance
        self._image = chance.randrange(BODY["batch_count"])

    def wait(self, phase: str, length: float) -> bool:
        """False when the job ended before."""
        if phase == "any":
            time.sleep(self._chance.uniform(0, 3 * length))
            return True
        if phase == "writing":
            return self._written()
        if phase == "loading":
            reached = self._told("/api/v1/events", phase, None, 0)
        else:
            skipped = self._chance.randrange(BODY["steps"] if phase == "sampling" else 1)
            reached = self._told(f"/api/v1/jobs/{self._job}/events", phase, self._image, skipped)
        time.sleep(self._chance.uniform(0, length / 8))
        return reached

    def _told(self, address: str, phase: str, image: int | None, skipped: int) -> bool:
        with self._app.http.stream("GET", address, timeout=300) as response:
            for line in response.iter_lines():
                event = json.loads(line.removeprefix("data: ")) if line.startswith("data: ") else {}
                if event.get("type") in FINAL and event["job_id"] == self._job:
                    return False
                if event.get("phase") == phase and image in (None, event["batch"]):
                    skipped -= 1
                    if skipped < 0:
                        return True
        return False

    def _written(self, seconds: float = 120) -> bool:
        """Until the picture's file is begun, has its name, or has just been told of; then up to 10 ms."""
        known, until = _names(self._folder), time.monotonic() + seconds
        while len(_names(self._folder) - known) <= self._image:
            if time.monotonic() > until:
                return False
            time.sleep(0.0002)
        time.sleep(self._chance.choice((0, self._chance.uniform(0, 0.01))))
        return True


def _names(folder: Path) -> set[str]:
    """Files of today's outputs, half-written ones too."""
    return {entry.path for day in (folder / "outputs").glob("*/") for entry in os.scandir(day)}


def submit(app: AppProcess, number: int) -> str:
    """One job with a seed of its own; gives its id."""
    return str(app.http.post("/api/v1/jobs", json={**BODY, "seed": 1000 + 2 * number}).raise_for_status().json()["id"])


def finished(app: AppProcess, job_id: str, seconds: float = 600) -> dict[str, Any]:
    """Wait for the end of a job; the last that was seen of it when it does not come."""
    until = time.monotonic() + seconds
    job: dict[str, Any] = {}
    while time.monotonic() < until:
        job = app.http.get(f"/api/v1/jobs/{job_id}").json()
        if job["state"] in FINAL:
            break
        time.sleep(0.1)
    return job


def _wait_until_ready(app: AppProcess, seconds: float = 300) -> None:
    until = time.monotonic() + seconds
    while app.http.get("/ready").status_code != 200 and time.monotonic() < until:
        time.sleep(0.1)


def _undisturbed(app: AppProcess) -> float:
    """Seconds of a job with everything loaded."""
    finished(app, submit(app, 10_000))
    started = time.monotonic()
    finished(app, submit(app, 10_001))
    return time.monotonic() - started


def reckon(folder: Path, app: AppProcess, done: Sequence[dict[str, Any]], say: Callable[[str], None]) -> dict[str, int]:
    """Jobs lost, files torn, pictures made twice, pictures that differ from the same request made undisturbed."""
    files = [path for path in (folder / "outputs").rglob("*") if path.is_file()]
    torn = [path for path in files if path.suffix == ".part" or not _whole(path)]
    for path in torn:
        say(f"torn: {path.relative_to(folder)}, {path.stat().st_size} bytes")
    expected = sum(job["request"]["batch_count"] for job in done) + 2 * BODY["batch_count"]
    different = 0
    for job in done:
        again = finished(app, app.http.post(f"/api/v1/jobs/{job['id']}/again", params={"new_seed": False}).json()["id"])
        pairs = zip(job["images"], again["images"], strict=False)
        different += sum(not np.array_equal(_pixels(folder / a["path"]), _pixels(folder / b["path"])) for a, b in pairs)
    lost = sum(job.get("state") != "done" or len(job["images"]) != BODY["batch_count"] for job in done)
    return {"jobs": len(done), "lost": lost, "torn": len(torn), "doubled": max(len(files) - expected, 0), "different": different}


def _whole(path: Path) -> bool:
    try:
        _pixels(path)
    except OSError:
        return False
    return True


def _pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))
