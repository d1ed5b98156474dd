"""Other machines, pages and programs as settings name them."""

import ipaddress
import re

from webui.core.addresses import address_of
from webui.core.names import printable

MOST = 32
_PLACE = re.compile(r"([^=:/]{1,60}=\s*)?[a-z0-9]{1,20}(\+https)?://[^\s/#][^\s#]{0,300}(#sha256=[0-9a-f:]{64,95})?", re.IGNORECASE)
_HOST = re.compile(r"(?=.{1,253}$)[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)*")
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]{0,30}://(?:[a-z0-9_.-]{1,253}|\[[0-9a-f:.]{2,45}\])(?::[0-9]{1,5})?")


def checked_networks(entries: tuple[str, ...]) -> tuple[str, ...]:
    """Addresses and networks of proxies, as they are. Raises ValueError for what is neither."""
    for entry in entries:
        try:
            ipaddress.ip_network(entry.strip(), strict=False)
        except ValueError:
            raise ValueError(f"{entry} is no proxy's address. Write one such as 127.0.0.1, or a network such as 10.0.0.0/8.") from None
    return entries


def checked_places(entries: tuple[str, ...]) -> tuple[str, ...]:
    """Machines that make pictures, and providers' addresses, as they are. Raises ValueError for what is neither."""
    for entry in entries:
        if not _PLACE.fullmatch(entry.strip()):
            raise ValueError(f"{printable(entry[:100])} is no place. Write studio=darkroom://192.168.1.5:7860, or openai=https://….")
    return entries


def checked_hosts(entries: tuple[str, ...]) -> tuple[str, ...]:
    """Names by which this machine is called, in small letters. Raises ValueError for what is none, and for patterns."""
    _check_count(entries, "names")
    hosts = tuple(entry.strip().lower().rstrip(".") for entry in entries)
    for host in hosts:
        if "*" in host:
            raise ValueError(
                f"{printable(host[:100])} would let any web site in that gives its own name this machine's address. Write each name whole."
            )
        if not _HOST.fullmatch(host) and address_of(host) is None:
            raise ValueError(
                f"{printable(host[:100])} is no machine's name. Write one such as host.docker.internal, without http:// or port."
            )
    return hosts


def checked_origins(entries: tuple[str, ...]) -> tuple[str, ...]:
    """Pages and programs that may call, as browsers name them, in small letters. Raises ValueError for what is none, and for patterns."""
    _check_count(entries, "origins")
    origins = tuple(entry.strip().lower().rstrip("/") for entry in entries)
    for origin in origins:
        if "*" in origin or origin == "null":
            raise ValueError(f"{printable(origin[:100])} would let every web site use this Darkroom. Name each origin whole.")
        if not _ORIGIN.fullmatch(origin):
            raise ValueError(
                f"{printable(origin[:100])} is no origin. Write one such as app://obsidian.md or https://example.org, without a path."
            )
    return origins


def _check_count(entries: tuple[str, ...], what: str) -> None:
    if len(entries) > MOST:
        raise ValueError(f"There may be at most {MOST} {what}; these are {len(entries)}.")
