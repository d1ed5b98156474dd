"""Whose process is at the other end of a connection within this machine: Linux tells the account of every socket.

A reverse proxy that says nothing of itself calls from this machine, as the person at it does. But it runs as an account of the system
(`www-data`, `nginx`, `nobody`), and nobody sits at the machine as one of those.
"""

import os
import socket
import struct
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
_HEAD, _WISH, _SOCKET = struct.Struct("=IHHII"), struct.Struct("=BBBxI"), struct.Struct("!HH16s16s12s")
"""Of Linux's sock_diag(7): a message's head, which kind of sockets, and one socket by its addresses."""
_BY_FAMILY, _ONE, _OPEN = 20, 1, 1
_AN_INTERFACE_AND_COOKIE = bytes(4) + b"\xff" * 8
_ACCOUNT_AT = _HEAD.size + 4 + _SOCKET.size + 12


class Peer:
    """The other end of one connection. Looked up at the first question, once."""

    def __init__(self, client: tuple[str, int] | None, server: tuple[str, int | None] | None) -> None:
        self._client, self._server = client, server

    @cached_property
    def is_service(self) -> bool:
        """Whether it is a process of one of the system's accounts, and not of Darkroom's own. False where nothing tells."""
        if self._client is None or self._server is None or (port := self._server[1]) is None:
            return False
        owner = asked(self._client, (self._server[0], port))
        if owner is None:
            owner = owner_of(self._client, port)
        return owner is not None and owner != getattr(os, "geteuid", lambda: -1)() and (0 < owner < _PEOPLE or owner == _NOBODY)


def asked(client: tuple[str, int], server: tuple[str, int]) -> int | None:
    """The number of the account whose socket on this machine goes from `client` to `server`; None where the system does not tell.

    The kernel is asked for this one socket: it looks through all of its table for who reads that, which takes milliseconds.
    """
    addresses = [address_of(client[0]), address_of(server[0])]
    if not hasattr(socket, "AF_NETLINK") or None in addresses or len({type(each) for each in addresses}) > 1:
        return None
    family = socket.AF_INET6 if isinstance(addresses[0], IPv6Address) else socket.AF_INET
    packed = [each.packed for each in addresses if each is not None]
    wanted = _SOCKET.pack(client[1], server[1], *(each.ljust(16, b"\0") for each in packed), _AN_INTERFACE_AND_COOKIE)
    over_six = _SOCKET.pack(client[1], server[1], *(each.rjust(6, b"\xff").rjust(16, b"\0") for each in packed), bytes(12))
    wish = _WISH.pack(family, socket.IPPROTO_TCP, 0, 0xFFFFFFFF) + wanted
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, getattr(socket, "NETLINK_SOCK_DIAG", 4)) as kernel:
            kernel.setblocking(False)  # its answer is there when the question was taken
            kernel.sendto(_HEAD.pack(_HEAD.size + len(wish), _BY_FAMILY, _ONE, 0, 0) + wish, (0, 0))
            told = kernel.recv(4096)
    except OSError:
        return None
    same = told[_HEAD.size + 4 :][: _SOCKET.size - 12] in (wanted[:-12], over_six[:-12])
    if len(told) < _ACCOUNT_AT + 4 or _HEAD.unpack_from(told)[1] != _BY_FAMILY or told[_HEAD.size + 1] != _OPEN or not same:
        return None
    return int.from_bytes(told[_ACCOUNT_AT : _ACCOUNT_AT + 4], sys.byteorder)


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
