"""Whose process is at the other end of a connection within this machine: Linux tells the account of every socket.

A reverse proxy that says nothing of itself calls from this machine, as the person at it does. But it runs as an account of the system
(`www-data`, `nginx`, `nobody`), and nobody sits at the machine as one of those.
"""

import os
import socket
import sys
from functools import cached_property
from ipaddress import IPv6Address
from pathlib import Path

from webui.core.addresses import address_of

PEER = "darkroom.peer"
"""In a request's `state`: the `Peer` at the other end of its connection."""
_TABLES = Path("/proc/net")
_PEOPLE = 1000
"""Accounts below are the system's own; root's are not looked at, because it may read everything anyway."""
_NOBODY = 65534


class Peer:
    """The other end of one connection. Looked up at the first question, once."""

    def __init__(self, client: tuple[str, int] | None, server: tuple[str, int | None] | None) -> None:
        self._client, self._port = client, server[1] if server else None

    @cached_property
    def is_service(self) -> bool:
        """Whether it is a process of one of the system's accounts, and not of Darkroom's own. False where nothing tells."""
        if self._client is None or self._port is None:
            return False
        owner = owner_of(self._client, self._port)
        return owner is not None and owner != getattr(os, "geteuid", lambda: -1)() and (0 < owner < _PEOPLE or owner == _NOBODY)


def owner_of(client: tuple[str, int], port: int, tables: Path = _TABLES) -> int | None:
    """The number of the account whose socket on this machine has this address and goes to `port`; None where the system does not tell."""
    for table, address in _written(client[0]):
        wanted = f"{address}:{client[1]:04X}"
        try:
            lines = (tables / table).read_text("ascii").splitlines()
        except (OSError, ValueError):
            continue
        for line in lines:
            if wanted in line and (parts := line.split())[1] == wanted and parts[2].endswith(f":{port:04X}"):
                return int(parts[7])
    return None


def _written(address: str) -> list[tuple[str, str]]:
    """The tables in which a socket of this address stands, and how its address is written there. IPv4 may come over a socket of IPv6."""
    known = address_of(address)
    if known is None:
        return []
    if isinstance(known, IPv6Address):
        return [("tcp6", _hex(known.packed))]
    return [("tcp", _hex(known.packed)), ("tcp6", _hex(socket.inet_pton(socket.AF_INET6, f"::ffff:{known}")))]


def _hex(packed: bytes) -> str:
    """As the kernel prints an address: in words of four bytes, each in the machine's own order."""
    return "".join(f"{int.from_bytes(packed[place : place + 4], sys.byteorder):08X}" for place in range(0, len(packed), 4))
