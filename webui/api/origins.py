"""Pages and programs of other origins that the settings name: they may call, and their browser lets them read what is answered."""

from collections.abc import Callable

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response

from webui.settings import Settings

_METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE"
_SHOWN = "X-Darkroom-Notes, Retry-After, Content-Disposition, WWW-Authenticate, Mcp-Session-Id"
_MOST_ASKED = 2000


class Origins:
    """Which origins are named now. `settings` gives the newest; without it none is."""

    def __init__(self, settings: Callable[[], Settings] | None) -> None:
        self._settings = settings

    def host_is_named(self, name: str) -> bool:
        """Whether this machine may be called by this name."""
        return self._settings is not None and name.lower().rstrip(".") in self._settings().allow_host

    def named(self, headers: Headers) -> str:
        """The origin that a request comes from, if the settings name it; else nothing."""
        origin = headers.get("origin", "")
        return origin if origin and self._settings is not None and origin.lower() in self._settings().allow_origin else ""

    def preflight(self, method: str, headers: Headers) -> Response | None:
        """The answer to a browser that asks on behalf of such an origin whether it may; None for any other request."""
        if method != "OPTIONS" or "access-control-request-method" not in headers or not self.named(headers):
            return None
        asked = headers.get("access-control-request-headers", "")[:_MOST_ASKED]
        told = {"Access-Control-Allow-Methods": _METHODS, "Access-Control-Allow-Headers": asked, "Access-Control-Max-Age": "600"}
        if headers.get("access-control-request-private-network") == "true":
            told["Access-Control-Allow-Private-Network"] = "true"
        return Response(status_code=204, headers=told)


def let_read(headers: MutableHeaders, origin: str) -> None:
    """Let the browser of this origin show it an answer. No cookies: who comes from elsewhere brings a key."""
    if origin:
        headers["Access-Control-Allow-Origin"] = origin
        headers["Access-Control-Expose-Headers"] = _SHOWN
        headers.add_vary_header("Origin")
