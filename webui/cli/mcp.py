"""`mcp`: a Model Context Protocol server on stdin and stdout, in front of a running studio."""

import argparse

from webui.settings import Settings


def add(parser: argparse.ArgumentParser) -> None:
    """Flags of `mcp`."""
    parser.add_argument("--server", default="", metavar="URL", help="the studio's address (default: this machine's, at its port)")
    parser.add_argument("--key", default="", help="an API key or the access key")
    parser.add_argument("--owner", default="", help="the name to act under")


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Serve until stdin ends."""
    from webui.client import AsyncClient
    from webui.mcp.server import make_server

    client = AsyncClient(arguments.server or f"http://127.0.0.1:{settings.port}", arguments.key, arguments.owner)
    make_server(lambda ctx: client).run("stdio")
    return 0
