"""`bench followers`: twenty browsers follow running jobs at four previews a second; what does that cost the web process?

Each does what the page does: one event stream, and a fetch of the newest frame whenever one is told of. Meanwhile the engine computes
without a pause, and somebody else opens the page now and then.
"""

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil

from webui.bench.faults import AppProcess
from webui.bench.results import keep

BODY = {"prompt": "a red apple", "steps": 1000, "batch_count": 100, "seed": 1}


@dataclass
class Seen:
    """What all browsers together got."""

    frames: int = 0
    events: int = 0
    pages: list[float] = field(default_factory=list)


def run(words: Sequence[str]) -> int:
    """Print and keep the figures; 1 when web needs more than one core."""
    parser = argparse.ArgumentParser(prog="bench followers")
    parser.add_argument("--browsers", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--jobs", type=int, default=20, help="jobs that wait behind the running one")
    options = parser.parse_args(list(words))
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(Path(folder), options.browsers, options.seconds, options.jobs)
    for name, value in figures.items():
        print(f"{name:<28}{value:10.3f}")
    print(keep("followers", figures))
    return 0 if figures["web_cores"] <= 1 else 1


def measure(folder: Path, browsers: int, seconds: float, jobs: int) -> dict[str, float]:
    """Cores that web uses, frames and events per second and browser, milliseconds until the page's HTML is there."""
    app = AppProcess(folder, DARKROOM_PREVIEW_PERIOD="0.25")
    app.start()
    try:
        for number in range(1 + jobs):
            app.http.post("/api/v1/jobs", json=BODY, headers={"X-Owner": f"user{number}"}).raise_for_status()
        _wait_for_a_frame(app)
        web, engine = psutil.Process(app.pid), app.engines()[0]
        seen, began, before, engine_before = Seen(), time.monotonic(), _cpu(web), _cpu(engine)
        asyncio.run(_follow(str(app.http.base_url), browsers, seconds, seen))
        wall, spent, engine_spent = time.monotonic() - began, _cpu(web) - before, _cpu(engine) - engine_before
    finally:
        app.stop()
    return {
        "browsers": browsers,
        "seconds": wall,
        "web_cores": spent / wall,
        "engine_cores": engine_spent / wall,
        "frames_per_second_each": seen.frames / wall / browsers,
        "events_per_second_each": seen.events / wall / browsers,
        "page_ms_median": statistics.median(seen.pages),
        "page_ms_max": max(seen.pages),
    }


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _wait_for_a_frame(app: AppProcess) -> None:
    """Until the engine is up and samples; frames are made only while somebody looks, as we do here."""
    with app.http.stream("GET", "/api/v1/events", timeout=300) as response:
        for line in response.iter_lines():
            if line == "event: preview":
                return


async def _follow(address: str, browsers: int, seconds: float, seen: Seen) -> None:
    tasks = [asyncio.create_task(_browser(address, seen)) for _ in range(browsers)]
    tasks.append(asyncio.create_task(_visitor(address, seen)))
    done, _ = await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_EXCEPTION)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()


async def _browser(address: str, seen: Seen) -> None:
    async with httpx.AsyncClient(trust_env=False, base_url=address, timeout=60) as client:
        fetching: asyncio.Task[None] | None = None
        async with client.stream("GET", "/api/v1/events") as response:
            kind = ""
            async for line in response.aiter_lines():
                if line.startswith("event: "):
                    kind = line.removeprefix("event: ")
                elif line.startswith("data: "):
                    seen.events += 1
                    if kind == "preview" and (fetching is None or fetching.done()):
                        event = json.loads(line.removeprefix("data: "))
                        fetching = asyncio.create_task(_frame(client, event["job_id"], event["frame"], seen))


async def _frame(client: httpx.AsyncClient, job_id: str, number: int, seen: Seen) -> None:
    answer = await client.get(f"/api/v1/jobs/{job_id}/preview?n={number}")
    seen.frames += answer.status_code == 200


async def _visitor(address: str, seen: Seen) -> None:
    async with httpx.AsyncClient(trust_env=False, base_url=address, timeout=60) as client:
        while True:
            began = time.perf_counter()
            (await client.get("/")).raise_for_status()
            seen.pages.append((time.perf_counter() - began) * 1000)
            await asyncio.sleep(1)
