"""Web processes without pages, to be killed: each line on stdin says how many jobs there shall be in all, and forks one that makes them.

`python -m tests.backends.kill_web FOLDER URL KEY` prints a process' id when it is there and "ended" when it is gone. What is imported once
is there for all of them.
"""

import os
import sys
import time
from pathlib import Path

from tests.backends.conftest import Desk


def serve(folder: str, url: str, key: str, count: int) -> None:
    """Submit `count` jobs in all, once each, and go on for ever."""
    desk = Desk(Path(folder), {"REPLICATE_BASE_URL": url, "REPLICATE_API_TOKEN": key})
    for number in range(count):
        desk.queue.submit(desk.request(prompt=f"apple {number % 3}", seed=number % 2), "local", idempotency_key=f"job-{number}")
    while True:
        time.sleep(1)


def main(folder: str, url: str, key: str) -> None:
    """Fork until stdin ends."""
    for line in sys.stdin:
        child = os.fork()
        if not child:
            serve(folder, url, key, int(line))
        print(child, flush=True)
        os.waitpid(child, 0)
        print("ended", flush=True)


main(*sys.argv[1:])
