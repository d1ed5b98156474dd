"""A whole web process with an engine that paints: `python -m tests.sharing.web FOLDER` with DATABASE_URL set. Prints its address."""

import os
import signal
import sys
from pathlib import Path

from tests.api.conftest import Server


def main(folder: str) -> None:
    """Serve until SIGTERM."""
    on = ("replicate",)
    server = Server(Path(folder), database_url=os.environ["DATABASE_URL"], backends=on, backends_accepted=on)
    print(server.url, flush=True)
    signal.sigwait({signal.SIGTERM})
    server.close()


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    main(sys.argv[1])
