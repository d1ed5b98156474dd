"""A web process without pages: what it was given is made, until it is killed. `python -m tests.backends.kill_web FOLDER URL KEY COUNT`."""

import sys
import time
from pathlib import Path

from tests.backends.conftest import Desk


def main(folder: str, url: str, key: str, count: str) -> None:
    """Submit `count` jobs in all, once each, and go on for ever."""
    desk = Desk(Path(folder), {"REPLICATE_BASE_URL": url, "REPLICATE_API_TOKEN": key})
    for number in range(int(count)):
        desk.queue.submit(desk.request(prompt=f"apple {number % 3}", seed=number % 2), "local", idempotency_key=f"job-{number}")
    print("up", flush=True)
    while True:
        time.sleep(1)


main(*sys.argv[1:])
