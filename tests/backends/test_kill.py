"""kill -9 of web while a provider works: nothing is paid twice, nothing is lost. `DARKROOM_KILLS=20` kills more often than the suite."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.backends.conftest import Desk
from tests.backends.replicate_server import ReplicateServer

ROOT = Path(__file__).resolve().parents[2]
KILLS = int(os.environ.get("DARKROOM_KILLS", "3"))
EACH = 6
"""Jobs that each start of web finds more."""
JOBS = EACH * KILLS
MOMENTS = ("POST", "GET /v1/predictions/", "GET /files/")


class Watched(ReplicateServer):
    """Kills the process that asks, in the moment in which it asks for this."""

    victim, moment = None, ""

    def answer(self, method, path, headers, data):
        answer = super().answer(method, path, headers, data)
        with self.lock:
            if self.victim is not None and f"{method} {path}".startswith(self.moment):
                os.kill(self.victim, signal.SIGKILL)
                self.victim = None
        return answer


def start(server: Watched, forks: subprocess.Popen, count: int, moment: str) -> None:
    """Start web with so many jobs, and kill it in that moment."""
    with server.lock:  # it is not answered before it is known whom to kill
        server.moment = moment
        forks.stdin.write(f"{count}\n")
        forks.stdin.flush()
        server.victim = int(forks.stdout.readline())
    assert forks.stdout.readline() == "ended\n"
    assert server.victim is None, "it ended by itself"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
def test_nothing_is_paid_twice_and_nothing_lost(tmp_path):
    server = Watched(looks=1)
    command = [sys.executable, "-m", "tests.backends.kill_web", str(tmp_path), server.url, server.key]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as forks:
        for number in range(KILLS):
            start(server, forks, EACH * (number + 1), MOMENTS[number % len(MOMENTS)])
        forks.stdin.close()
    desk = Desk(tmp_path, {"REPLICATE_BASE_URL": server.url, "REPLICATE_API_TOKEN": server.key})
    for number in range(JOBS):
        desk.queue.submit(desk.request(prompt=f"apple {number % 3}", seed=number % 2), "local", idempotency_key=f"job-{number}")
    jobs = [desk.wait(job) for job in desk.queue.jobs(limit=1000)]
    desk.close()
    server.close()
    assert [job.state for job in jobs] == ["done"] * JOBS, [job.error for job in jobs if job.error]
    assert [len(job.images) for job in jobs] == [1] * JOBS
    assert len(server.predictions) == JOBS, "each was paid for once"
