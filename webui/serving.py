"""Run the studio: take the port, say where it is, open the browser, end cleanly."""

import contextlib
import os
import signal
import socket
import sys
import threading
import webbrowser
from typing import TYPE_CHECKING

from webui.app import Studio, build
from webui.errors import StorageError
from webui.settings import Settings
from webui.surroundings import outlive_readers

if TYPE_CHECKING:
    from fastapi import FastAPI


def serve(settings: Settings) -> int:
    """Run until Ctrl+C or SIGTERM; 0 when it ended as asked."""
    from webui.api.guard import make_key

    outlive_readers()
    host = "0.0.0.0" if settings.listen and settings.host == "127.0.0.1" else settings.host
    listener = _bind(host, settings.port)
    port = listener.getsockname()[1]
    key = (settings.access_key or make_key(settings.data_dir / "data" / "access.key")) if _open_to_others(host) else ""
    app, studio = build(settings, access_key=key)
    listener.listen(2048)
    _announce(settings, host, port, key, studio)
    _run(app, listener)
    return 0


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    if os.name == "posix":
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise StorageError(
            f"Port {port} of {host} cannot be used: {error.strerror}. Is Darkroom running already? Choose another with --port."
        ) from None
    return listener


def _open_to_others(host: str) -> bool:
    return host not in ("127.0.0.1", "::1", "localhost")


def _announce(settings: Settings, host: str, port: int, key: str, studio: Studio) -> None:
    if studio.database.moved_aside is not None:
        print(
            f"The database was broken. It was moved to {studio.database.moved_aside}; a new one was begun with {studio.database.salvaged}"
            " rows that could still be read, and with the pictures.",
            file=sys.stderr,
        )
    try:
        studio.images.check_writable()
    except StorageError as error:
        print(error, file=sys.stderr)
    print("Models: " + ", ".join(studio.library.looked_at or ("no folder",)))
    if key:
        _print_link(f"http://{_lan_address()}:{port}/?key={key}")
    url = f"http://{'127.0.0.1' if key else host}:{port}/"
    print(f"Darkroom is at {url}", flush=True)
    if settings.browser and (os.name == "nt" or sys.platform == "darwin" or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        threading.Timer(1.0, webbrowser.open, [f"{url}?key={key}" if key else url]).start()


def _print_link(link: str) -> None:
    import qrcode

    print(f"On the LAN: {link}")
    code = qrcode.QRCode(border=1)
    code.add_data(link)
    code.print_ascii(out=sys.stdout, invert=sys.stdout.isatty())


def _lan_address() -> str:
    """This machine's address as others see it; asking the routing table sends nothing."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))
        return str(probe.getsockname()[0])
    return socket.gethostname()


def _run(app: "FastAPI", listener: socket.socket) -> None:
    import uvicorn

    # Connections are kept for 75 s: with uvicorn's 5 s, a client's next request may meet one that is being closed, and fail.
    config = uvicorn.Config(app, log_level="warning", timeout_keep_alive=75, timeout_graceful_shutdown=1, access_log=False)
    server = uvicorn.Server(config)
    signal.signal(signal.SIGTERM, lambda number, frame: setattr(server, "should_exit", True))
    with contextlib.suppress(KeyboardInterrupt):
        server.run(sockets=[listener])
