"""Run the app: bind the port, print the address, open the browser, shut down cleanly."""

import contextlib
import gc
import os
import signal
import socket
import sys
import threading
import webbrowser
from typing import TYPE_CHECKING
from urllib.parse import quote

from webui.app import App, build
from webui.core.addresses import in_address, is_loopback
from webui.core.names import printable
from webui.errors import StorageError
from webui.people.links import lan_address, qr_text
from webui.settings import Settings
from webui.surroundings import outlive_readers

if TYPE_CHECKING:
    from fastapi import FastAPI


def serve(settings: Settings) -> int:
    """Run until Ctrl+C or SIGTERM; 0 when it ended as asked."""
    from webui.api.connections import raise_file_limit
    from webui.api.keys import make_key

    outlive_readers()
    files = raise_file_limit()
    opens = settings.listen and "host" not in settings.model_fields_set  # who names an address means that one, with a key before it
    host = "0.0.0.0" if opens else settings.host
    listener = bind(host, settings.port)
    port = listener.getsockname()[1]
    keys = ("", "")
    if settings.listen or settings.trusted_proxy or not is_loopback(host):
        folder = settings.data_dir / "data"
        keys = (settings.access_key or make_key(folder / "access.key"), settings.admin_key or make_key(folder / "admin.key"))
    app, darkroom = build(settings, access_key=keys[0], admin_key=keys[1])
    gc.freeze()  # what the program is made of stays: looking through all of it for garbage held every answer for 0.2 s, again and again
    listener.listen(2048)
    _announce(settings, host, port, keys, darkroom)
    _run(app, listener, settings, files, is_shared=bool(keys[0]))
    return 0


def bind(host: str, port: int) -> socket.socket:
    """Take a port; 0 is any that is free. Raises `StorageError` where it, or the address, cannot be had.

    The socket names its protocol: asyncio sends at once only from those that do, and else each answer waits 40 ms for a client's ACK.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    except OSError:
        raise StorageError(f"{host} is no address of this machine. Choose one with --host, or leave it out for 127.0.0.1.") from None
    listener = socket.socket(family, kind, protocol)
    if os.name == "posix":
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
    except OSError as error:
        listener.close()
        raise StorageError(
            f"Port {port} of {host} cannot be used: {error.strerror}. Is Darkroom running already? Choose another with --port."
        ) from None
    return listener


def _announce(settings: Settings, host: str, port: int, keys: tuple[str, str], app: App) -> None:
    if app.database.moved_aside is not None:
        print(
            f"The database was broken. It was moved to {app.database.moved_aside}; a new one was begun with {app.database.salvaged}"
            " rows that could still be read, and with the pictures.",
            file=sys.stderr,
        )
    try:
        app.services.gallery.check_writable()
    except StorageError as error:
        print(error, file=sys.stderr)
    print("Models: " + ", ".join(app.services.library.looked_at or ("no folder",)))
    for folder in settings.missing_models_dirs:
        print(f"{printable(str(folder))} is not there, so that no models are taken from it. Correct --models-dir.", file=sys.stderr)
    key, admin_key = keys
    here = f"http://{in_address(_here(host))}:{port}{settings.root_path}/"
    own = f"{here}?key={quote(admin_key)}" if key else here
    if settings.listen or not is_loopback(host):
        lan = lan_address() if host in ("0.0.0.0", "::") else host
        _print_link(f"http://{in_address(lan)}:{port}{settings.root_path}/?key={quote(key)}")
    if key:
        print(f"For guests: add ?key={quote(key)} to the address that they open.")
        print(f"For you, as admin: {own}")
    print(f"Darkroom is at {here}", flush=True)
    if settings.browser and (os.name == "nt" or sys.platform == "darwin" or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        threading.Timer(1.0, webbrowser.open, [own]).start()


def _here(host: str) -> str:
    """The address to open at this machine itself."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)


def _print_link(link: str) -> None:
    print(f"On the LAN: {link}")
    print(qr_text(link, invert=sys.stdout.isatty()), end="")


def _run(app: "FastAPI", listener: socket.socket, settings: Settings, files: int, is_shared: bool) -> None:
    from webui.api.caller import Proxies
    from webui.api.connections import Patience, Pool, make_server

    proxies = Proxies(settings.trusted_proxy)
    pool = Pool(Patience(most=min(1000, files // 2)), lambda address: not is_shared or proxies.trust(address))
    server = make_server(app, pool)
    signal.signal(signal.SIGTERM, lambda number, frame: setattr(server, "should_exit", True))
    with contextlib.suppress(KeyboardInterrupt):
        server.run(sockets=[listener])
