"""Who is asking: the name that a page or a caller carries, and whether they sit at the machine."""

import ipaddress
import re
from urllib.parse import unquote

from starlette.requests import HTTPConnection

from webui.core.job import LOCAL_OWNER
from webui.core.request import Value
from webui.errors import RequestError

COOKIE = "darkroom_owner"
GUEST = "guest"
_NAME = re.compile(r"^[\w .@-]{1,64}$")


class Viewer(Value):
    """`name` owns what it submits. An admin (the machine's own user) sees and may touch everything. A courtesy, not security."""

    name: str
    admin: bool

    def may_touch(self, owner: str) -> bool:
        """Whether this viewer may see and change what `owner` has."""
        return self.admin or self.name == owner


def viewer_of(connection: HTTPConnection) -> Viewer:
    """The name in `X-Owner` or the cookie; nobody named at the machine is `local`, from elsewhere `guest`. Raises `RequestError`."""
    given = connection.headers.get("x-owner") or unquote(connection.cookies.get(COOKIE, ""))
    name = given.strip()
    if name and not _NAME.match(name):
        raise RequestError("owner", "A name has 1 to 64 letters, digits, spaces or . @ - _.")
    at_machine = _is_loopback(connection.client.host if connection.client else "")
    if not name or (name == LOCAL_OWNER and not at_machine):
        name = LOCAL_OWNER if at_machine else GUEST
    return Viewer(name=name, admin=at_machine and name == LOCAL_OWNER)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host in ("", "testclient", "localhost")
