"""`serve`: the studio in the browser."""

import argparse

from webui.settings import Settings


def add(parser: argparse.ArgumentParser) -> None:
    """Flags of `serve`; each is a setting's name."""
    parser.add_argument("--host", help="address to listen on (default: 127.0.0.1)")
    parser.add_argument("--port", type=int, help="port to listen on (default: 7860; 0 takes a free one)")
    parser.add_argument("--listen", action="store_true", default=None, help="open to the LAN, behind an access key")
    parser.add_argument(
        "--trusted-proxy",
        metavar="ADDRESS",
        action="append",
        help="a reverse proxy (address or network) whose X-Forwarded-… headers are believed; repeatable; asks for a key as --listen does",
    )
    parser.add_argument(
        "--allow-host",
        metavar="NAME",
        action="append",
        help="another name that this machine is called by (host.docker.internal); repeatable",
    )
    parser.add_argument(
        "--allow-origin", metavar="ORIGIN", action="append", help="a page or program that may use it (app://obsidian.md); repeatable"
    )
    parser.add_argument("--root-path", metavar="/FOLDER", help="the folder that a reverse proxy serves the page in")
    parser.add_argument("--no-browser", action="store_false", dest="browser", default=None, help="do not open the browser")
    parser.add_argument("--engine", choices=["process", "inline"], help="run the engine as its own process (default) or inside web")
    parser.add_argument("--devices", type=lambda text: tuple(text.split(",")), help="one engine per device: auto, cpu, cuda:0, …")
    parser.add_argument(
        "--cluster", metavar="ADDRESS", help="run engines on a Ray cluster: ray (this machine alone), auto, ray://HOST:PORT or HOST:PORT"
    )
    parser.add_argument("--offline", action="store_true", default=None, help="fetch nothing from the internet, whoever asks")
    parser.add_argument("--api-server-stop", action="store_true", default=None, help="let the admin stop it by /sdapi/v1/server-stop")
    parser.add_argument("--max-attempts", type=int, help="tries of a job whose engine dies; 0 is no limit (default: 3)")


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Serve until Ctrl+C or SIGTERM."""
    from webui.serving import serve

    return serve(settings)
