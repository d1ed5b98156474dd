"""What polling for progress takes from an engine that works: rounds of three short windows, in turns.

Nobody polls; the same client polls a bare server that has nothing to do; it polls ours. On a small machine the client takes processor
time as well, which in real life another machine gives: so what a processor second costs the engine is taken from the bare windows, and
what the client used is subtracted. The kernel's work for a server's sockets is not: whoever is polled does that.
"""

import itertools
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

import httpx
import psutil

from webui.bench.faults import AppProcess
from webui.settings import PROJECT

KINDS = ("none", "bare", "ours")
LONG = {"prompt": "a red apple", "steps": 1000, "batch_count": 100, "seed": 1}
_OWNER = {"X-Owner": "polls"}


class Helper:
    """One process of `webui.bench.poller`."""

    def __init__(self, *words: str) -> None:
        command = [sys.executable, "-m", "webui.bench.poller", *words]
        self._process = subprocess.Popen(command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self) -> "Helper":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._process.kill()
        self._process.communicate()

    def tell(self, line: str = "") -> None:
        """Send a line."""
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def hear(self) -> Any:
        """The next line, as JSON."""
        assert self._process.stdout is not None
        return json.loads(self._process.stdout.readline())


@dataclass
class Seen:
    """Of each kind of window: steps a second, and the cores that client, bare server and web used."""

    rates: dict[str, list[float]] = field(default_factory=lambda: {kind: [] for kind in KINDS})
    clients: dict[str, list[float]] = field(default_factory=lambda: {kind: [] for kind in KINDS})
    web: dict[str, list[float]] = field(default_factory=lambda: {kind: [] for kind in KINDS})
    bare: list[float] = field(default_factory=list)
    asked: list[float] = field(default_factory=list)


def polls(app: AppProcess, rate: int, rounds: int, seconds: float) -> dict[str, float]:
    """The figures of `figures`, from rounds of windows with so many polls a second."""
    job = app.http.post("/api/v1/jobs", json=LONG, headers=_OWNER).raise_for_status().json()
    while steps(app.http) == 0 or app.http.get(f"/api/v1/jobs/{job['id']}").json()["state"] != "running":
        time.sleep(0.05)
    length = len(app.http.get("/sdapi/v1/progress", headers=_OWNER).content)
    seen = Seen()
    with Helper("poll") as client, Helper("answer", str(length)) as bare:
        windows = Windows(app, client, bare, rate, seconds)
        for order in itertools.islice(itertools.cycle(itertools.permutations(KINDS)), rounds):
            for kind in order:
                windows.watch(kind, seen)
    app.http.delete(f"/api/v1/jobs/{job['id']}", headers=_OWNER)
    return figures(seen, rate)


class Windows:
    """Watches the engine for a while, under one kind of polling."""

    def __init__(self, app: AppProcess, client: Helper, bare: Helper, rate: int, seconds: float) -> None:
        self._app, self._client, self._bare, self._seconds = app, client, bare, seconds
        self._web = psutil.Process(app.pid)
        port = app.http.base_url.port
        self._begins = {"bare": f"{bare.hear()} {rate}", "ours": f"{port} {rate}"}

    def watch(self, kind: str, seen: Seen) -> None:
        """One window, from the end of a step to the end of a step: at ten steps a second, counts alone would be coarse."""
        if kind in self._begins:
            self._client.tell(self._begins[kind])
        began, first = self._next_step()
        web, bare = seconds_used(self._web), self._bare_used()
        time.sleep(self._seconds)
        web, bare = seconds_used(self._web) - web, self._bare_used() - bare
        middle = time.perf_counter() - began
        ended, last = self._next_step()
        seen.rates[kind].append((last - first) / (ended - began))
        seen.web[kind].append(web / middle)
        if kind == "bare":
            seen.bare.append(bare / middle)
        if kind in self._begins:
            self._client.tell()
            told = self._client.hear()
            seen.clients[kind].append(told["cores"])
            if kind == "ours":
                seen.asked.append(told["rate"])

    def _next_step(self) -> tuple[float, float]:
        """When the next step ends, and how many have by then."""
        before = steps(self._app.http)
        while (now := steps(self._app.http)) == before:
            time.sleep(0.005)
        return time.perf_counter(), now

    def _bare_used(self) -> float:
        self._bare.tell()
        return float(self._bare.hear()["seconds"])


def figures(seen: Seen, rate: int) -> dict[str, float]:
    """`slower` is what the goal is asked of: the whole cost less the client's. It lies between `slower_over_bare`, as if a server's
    sockets cost nothing, and `slower_with_client`, as if the client ran beside the engine in real life, too. Medians over rounds, and
    quartiles; `slower_by_chance` is how far the median of so many rounds may be off, at 95 %. `web_share_polled`, of all cores, does not
    depend on the machine's pace.
    """
    bare, ours = (_slower(seen.rates["none"], seen.rates[kind]) for kind in ("bare", "ours"))
    spent = statistics.mean(seen.clients["bare"]) + statistics.mean(seen.bare)
    a_core = max(statistics.median(bare), 0.0) / spent if spent else 0.0
    client = a_core * statistics.mean(seen.clients["ours"])
    cores = statistics.mean(seen.web["ours"]) - statistics.mean(seen.web["none"])
    low, _, high = statistics.quantiles(ours, n=4)
    return {
        "slower": statistics.median(ours) - client,
        "slower_over_bare": statistics.median(ours) - statistics.median(bare),
        "slower_by_chance": 1.57 * (high - low) / len(ours) ** 0.5,
        "slower_with_client": statistics.median(ours),
        "slower_with_client_low": low,
        "slower_with_client_high": high,
        "slower_by_bare": statistics.median(bare),
        "steps_a_second": statistics.median(seen.rates["none"]),
        "polls_a_second": statistics.mean(seen.asked),
        "web_cores_polled": cores,
        "web_share_polled": cores / (psutil.cpu_count() or 1),
        "web_milliseconds_a_poll": 1000 * cores / rate,
        "bare_cores_polled": statistics.mean(seen.bare),
        "client_cores_polled": statistics.mean(seen.clients["ours"]),
        "rounds": len(ours),
    }


def _slower(undisturbed: Sequence[float], disturbed: Sequence[float]) -> list[float]:
    """By which share, round by round: the machine's own pace changes from minute to minute."""
    return [1 - there / here for here, there in zip(undisturbed, disturbed, strict=True)]


def steps(http: httpx.Client) -> float:
    """How many steps the engine has made."""
    lines = http.get("/metrics").text.splitlines()
    return float(next(line.split()[-1] for line in lines if "steps_total" in line and not line.startswith("#")))


def seconds_used(process: psutil.Process) -> float:
    """Seconds of processor time that a process has used."""
    times = process.cpu_times()
    return float(times.user + times.system)
