"""Addresses of machines, and of the page on a server, as text."""

import ipaddress
import re

_ROOT = re.compile(r"(?:/[A-Za-z0-9_.~-]{1,64}){1,8}")
_OWN = ("api", "page", "look", "login", "health", "ready", "metrics", "assets", "static", "svelte", "config", "gradio_api")
"""First parts of the paths that are served: a sub folder of one of these names could not be told from it."""


def is_root(path: str) -> bool:
    """Whether the page can be served in a folder of this path (empty: none)."""
    parts = path.split("/")
    return not path or (_ROOT.fullmatch(path) is not None and parts[1] not in _OWN and not {".", ".."} & set(parts))


def is_loopback(host: str) -> bool:
    """Whether this address or name is the machine itself."""
    known = address_of(host)
    return known.is_loopback if known is not None else host.lower().rstrip(".") == "localhost"


def host_name(host: str) -> str:
    """A Host header without its port."""
    return without_port(host).strip("[]")


def without_port(host: str) -> str:
    """`name:80` as `name`, `[::1]:80` as `[::1]`."""
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.partition(":")[0] if host.count(":") == 1 else host


def in_address(host: str) -> str:
    """A host as it stands in a web address: one of IPv6 in brackets."""
    return f"[{host}]" if ":" in host else host


def address_of(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """An address; one of IPv4 that came over a socket of IPv6 (`::ffff:1.2.3.4`) as itself. None for other text."""
    try:
        known = ipaddress.ip_address(text.strip("[]").partition("%")[0])
    except ValueError:
        return None
    return (known.ipv4_mapped or known) if isinstance(known, ipaddress.IPv6Address) else known
