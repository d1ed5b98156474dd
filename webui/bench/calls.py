"""`bench calls`: what A1111's API costs beside the jobs, what 200 polls a second cost the engine, and whether 100 clients lose anything.

Through the real server and engine with the default model. Wall time tells only on an idle machine, so the processor time of the web process
stands beside it, less what it takes when nobody calls. What polls cost the engine is measured as `polls` says.
"""

import argparse
import asyncio
import base64
import hashlib
import json
import statistics
import tempfile
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import psutil

from webui.bench.faults import AppProcess
from webui.bench.polls import polls, seconds_used
from webui.bench.results import keep

COST, SLOWER = 0.015, 0.02
"""The goals: seconds of a call beyond its job, and the share by which polls slow the engine."""
LARGE = {"prompt": "a red apple", "steps": 1, "width": 512, "height": 512, "sampler_name": "Euler"}
SMALL = {"prompt": "a red apple", "steps": 1, "width": 64, "height": 64, "sampler_name": "Euler"}


def run(words: Sequence[str]) -> int:
    """Print and keep the figures; 1 when one is over its goal."""
    parser = argparse.ArgumentParser(prog="python -m webui bench calls", description=__doc__)
    parser.add_argument("--calls", type=int, default=12)
    parser.add_argument("--polls", type=int, default=200, help="a second")
    parser.add_argument("--rounds", type=int, default=120, help="of three windows: no polls, polls of a bare server, polls of ours")
    parser.add_argument("--seconds", type=float, default=0.6, help="of each window")
    parser.add_argument("--clients", type=int, default=100)
    options = parser.parse_args(list(words))
    with tempfile.TemporaryDirectory() as folder:
        app = AppProcess(Path(folder))
        app.start()
        try:
            figures = measure(app, options)
        finally:
            app.stop()
    for name, value in figures.items():
        print(f"{name:<28}{value:12.5g}")
    print(keep("calls", figures))
    return int(figures["cost_seconds"] > COST or figures["slower"] > SLOWER or figures["lost"] > 0)


def measure(app: AppProcess, options: argparse.Namespace) -> dict[str, float]:
    """All figures."""
    web = psutil.Process(app.pid)
    _post(app.http, LARGE, "first")  # the model is loaded, the checkpoint hashed
    idle = _idle(web)
    polled = polls(app, options.polls, options.rounds, options.seconds)
    return {**cost(app, web, idle, options.calls), **polled, **crowd(app, options.clients), "idle_cores": idle}


def cost(app: AppProcess, web: psutil.Process, idle: float, calls: int) -> dict[str, float]:
    """Seconds between a call's own and its job's, from engine to engine: the median, the least, and web's processor time."""
    beyond = []
    began, used = time.perf_counter(), seconds_used(web)
    for number in range(calls):
        start = time.perf_counter()
        _post(app.http, {**LARGE, "seed": number}, "cost")
        seconds = time.perf_counter() - start
        beyond.append(seconds - _job_seconds(app.http, "cost"))
    busy = seconds_used(web) - used - idle * (time.perf_counter() - began)
    return {"cost_seconds": statistics.median(beyond), "least_cost_seconds": min(beyond), "web_seconds_a_call": busy / calls}


def crowd(app: AppProcess, clients: int) -> dict[str, float]:
    """So many clients call at once, each as a user of their own: answers that are missing, wrong or another's."""
    began = time.perf_counter()
    found = asyncio.run(_all_call(str(app.http.base_url), clients))
    seconds = time.perf_counter() - began
    kept = [app.http.get("/api/v1/images", headers={"X-Owner": f"client{number}"}).json()["images"] for number in range(clients)]
    right = sum(
        answer is not None and json.loads(answer["info"])["all_seeds"] == [number] and len(pictures) == 1
        for number, (answer, pictures) in enumerate(zip(found, kept, strict=True))
    )
    different = len({hashlib.sha256(base64.b64decode(answer["images"][0])).digest() for answer in found if answer is not None})
    return {"clients": clients, "lost": clients - right, "different_pictures": different, "crowd_seconds": seconds}


async def _all_call(address: str, clients: int) -> list[dict[str, Any] | None]:
    limits = httpx.Limits(max_connections=clients)
    async with httpx.AsyncClient(base_url=address, trust_env=False, timeout=600, limits=limits) as http:

        async def call(number: int) -> dict[str, Any] | None:
            body = {**SMALL, "seed": number}
            answer = await http.post("/sdapi/v1/txt2img", json=body, headers={"X-Owner": f"client{number}"})
            return answer.json() if answer.status_code == 200 else None

        return await asyncio.gather(*(call(number) for number in range(clients)))


def _post(http: httpx.Client, body: dict[str, Any], owner: str) -> dict[str, Any]:
    answer: dict[str, Any] = http.post("/sdapi/v1/txt2img", json=body, headers={"X-Owner": owner}, timeout=600).raise_for_status().json()
    return answer


def _job_seconds(http: httpx.Client, owner: str) -> float:
    """How long the owner's newest job ran."""
    jobs = http.get("/api/v1/jobs", params={"newest": True, "limit": 1, "state": "done"}, headers={"X-Owner": owner}).json()["jobs"]
    started, finished = (datetime.fromisoformat(jobs[0][key]) for key in ("started", "finished"))
    return (finished - started).total_seconds()


def _idle(web: psutil.Process, seconds: float = 5.0) -> float:
    """Cores that web uses when nobody calls."""
    used = seconds_used(web)
    time.sleep(seconds)
    return (seconds_used(web) - used) / seconds
