"""Who is at the other end of a request: which address, by which name this server was called, in which sub folder, with which rights.

Worked out once, by the guard, and kept in the request's scope. What proxies say (`X-Forwarded-…`) is believed only from those that the
settings name, and taken out of every request, so that nothing behind the guard believes it from anybody else.
"""

import ipaddress
import re
from collections.abc import Sequence
from urllib.parse import quote

from starlette.datastructures import Headers
from starlette.types import Scope

from webui.api.peers import PEER, Peer
from webui.core.addresses import address_of, is_loopback, is_root, without_port
from webui.core.request import FrozenModel
from webui.people.roles import Role
from webui.people.roles import Scope as KeyScope

KEY = "darkroom.caller"
INSIDE = "darkroom.inside"
"""In the scope of a call that this program makes of itself: the caller for whom. Nobody outside can write into a scope."""
_TOLD = {b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-proto", b"x-forwarded-prefix"}
_HINTS = _TOLD | {b"forwarded", b"via", b"x-real-ip", b"x-forwarded-port", b"x-forwarded-server", b"x-original-host", b"x-gradio-server"}
_HOST = re.compile(r"(?:[A-Za-z0-9_.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")


class Caller(FrozenModel):
    """`proxied`: a proxy stands between, as the settings, the request's headers or its sender's account say. `shared`: others come too.

    `admin` holds the admin key, or sits at a machine that listens for nobody else. `guest` is the owner of who gives no name.
    `key_owner`, `key_id` and `scopes` are those of an API key or of a person's own, `role` what its holder is.
    `reserved`: names that they give and that are somebody's with a key.
    """

    address: str = ""
    host: str = ""
    root: str = ""
    proxied: bool = False
    trusted: bool = False
    shared: bool = False
    admin: bool = False
    by_key: bool = False
    guest: str = "guest"
    role: Role = "guest"
    key_owner: str = ""
    key_id: str = ""
    scopes: tuple[KeyScope, ...] = ()
    reserved: tuple[str, ...] = ()


class Proxies:
    """The proxies whose word is taken: addresses and networks. Raises `ValueError` for what is neither."""

    def __init__(self, entries: Sequence[str] = ()) -> None:
        self._networks = [ipaddress.ip_network(entry.strip(), strict=False) for entry in entries]

    def trust(self, address: str) -> bool:
        """Whether this peer is one of them."""
        known = address_of(address)
        return known is not None and any(known.version == network.version and known in network for network in self._networks)

    def client(self, forwarded: str, peer: str) -> str:
        """Whom the nearest proxy that is not ours speaks for: `X-Forwarded-For` from its end, as each proxy adds to it."""
        for entry in reversed(forwarded.split(",")):
            known = address_of(without_port(entry.strip()))
            if known is None:
                return peer
            if not self.trust(str(known)):
                return str(known)
        return peer


def enter(scope: Scope, proxies: Proxies, root_path: str) -> tuple[Scope, Caller]:
    """The scope as the program is to see it, and what is known of the caller. Without a key, who calls from the machine itself is admin."""
    peer = scope["client"][0] if scope.get("client") else ""
    headers = Headers(scope=scope)
    trusted = proxies.trust(peer)
    told = {name.decode(): headers.get(name.decode(), "") for name in _TOLD} if trusted else {}
    host = _last(told.get("x-forwarded-host", ""))
    host = host if _HOST.fullmatch(host) else headers.get("host", "")
    root = told.get("x-forwarded-prefix", "").strip().rstrip("/")
    root = root if is_root(root) and root else root_path
    address = proxies.client(told["x-forwarded-for"], peer) if told.get("x-forwarded-for") else peer
    old = scope.get("http_version") == "1.0"  # no browser speaks it any more; nginx does, which as it comes says nothing of itself
    proxied = trusted or old or any(name in _HINTS for name, _ in scope["headers"]) or (is_loopback(peer) and _is_service(scope))
    admin = is_loopback(peer) and not proxied
    caller = Caller(address=_plain(address), host=host, root=root, proxied=proxied, trusted=trusted, admin=admin)
    scheme = _last(told.get("x-forwarded-proto", "")).lower()
    return _seen(scope, host, root, scheme if scheme in ("http", "https") else scope.get("scheme", "http")), caller


def _is_service(scope: Scope) -> bool:
    found = scope.get("state", {}).get(PEER)
    return isinstance(found, Peer) and found.is_service


def caller_of(scope: Scope) -> Caller:
    """Who asks, as the guard found; where none stands in front, as if the machine listened for nobody else."""
    found = scope.get(KEY)
    return found if isinstance(found, Caller) else enter(scope, Proxies(), "")[1]


def _seen(scope: Scope, host: str, root: str, scheme: str) -> Scope:
    kept = [(name, value) for name, value in scope["headers"] if name not in _HINTS and name != b"host"]
    path = scope.get("path", "")
    raw = scope.get("raw_path") or quote(path).encode()
    if root and path != root and not path.startswith(root + "/"):
        path, raw = root + path, root.encode() + raw
    if scope["type"] == "websocket":
        scheme = {"http": "ws", "https": "wss"}.get(scheme, scheme)
    return {
        **scope,
        "headers": [*kept, (b"host", host.encode("latin-1"))],
        "root_path": root,
        "path": path,
        "raw_path": raw,
        "scheme": scheme,
    }


def _last(value: str) -> str:
    return value.rpartition(",")[2].strip()


def _plain(address: str) -> str:
    known = address_of(address)
    return str(known) if known is not None else address
