"""Who is asking: the name that a page or a caller carries, and what they may do."""

import re
import unicodedata
from urllib.parse import unquote

from starlette.requests import HTTPConnection
from starlette.types import Scope as AsgiScope

from webui.api.caller import caller_of
from webui.core.job import LOCAL_OWNER
from webui.core.request import FrozenModel
from webui.errors import Forbidden, RequestError
from webui.people.names import folded, mixes_scripts
from webui.people.roles import Need, Role, Scope, refusal, rights

COOKIE = "darkroom_owner"
_NAME = re.compile(r"[\w .@-]{1,64}")
_GIVEN = re.compile(r"guest(-[0-9a-f]{16})?", re.IGNORECASE)
"""Owners that the server makes for those who give no name: nobody may call themselves so."""


class Viewer(FrozenModel):
    """`name` owns what it submits. An admin sees and may touch everything. Names are a courtesy, not security.

    `named`: the name was chosen. `shared`: others than the machine's user come here. `root`: the sub folder that this caller sees.
    `by_key`: a program's API key says who it is, with `scopes`. `invited`: the name is that of an invitation.
    """

    name: str
    admin: bool
    named: bool = True
    shared: bool = False
    root: str = ""
    by_key: bool = False
    role: Role = "owner"
    scopes: tuple[Scope, ...] = ()
    invited: bool = False
    key_id: str = ""

    @property
    def rights(self) -> frozenset[Need]:
        """What this viewer may do."""
        return rights(self.role, self.scopes)

    def must(self, need: Need) -> None:
        """Raise `Forbidden` for who may not do this."""
        if need not in self.rights:
            raise Forbidden(refusal(need, self.role, self.scopes))

    def may_touch(self, owner: str) -> bool:
        """Whether this viewer may see and change what `owner` has."""
        return self.admin or self.name == owner

    def must_be_admin(self, what: str) -> None:
        """Raise `Forbidden` for anybody else; `what` completes "Only … may"."""
        if not self.admin:
            raise Forbidden(f"Only who runs this Darkroom may {what}: at the machine itself, or with the link that its terminal prints.")


def viewer_of(connection: HTTPConnection) -> Viewer:
    """The name in `X-Owner` or the cookie. Raises `RequestError` for what is no name.

    Who gives none is `local` as an admin, else an owner of their browser's own. An admin by their seat at the machine who sends `X-Owner`
    acts as that owner, and may do what that owner may.
    """
    caller = caller_of(connection.scope)
    if caller.key_owner:
        is_shared = caller.shared or caller.proxied
        who = Viewer(name=caller.key_owner, admin=caller.admin, shared=is_shared, root=caller.root, by_key=caller.by_key)
        told = {"role": caller.role, "scopes": caller.scopes, "invited": not caller.by_key, "key_id": caller.key_id}
        return who.model_copy(update=told)
    header = checked_name(connection.headers.get("x-owner", ""))
    name = header or checked_name(unquote(connection.cookies.get(COOKIE, "")))
    if header and folded(header) in caller.reserved:
        raise RequestError("owner", f"{header} was invited here and has a link of their own. Open that, or choose another name.")
    if (name == LOCAL_OWNER and not caller.admin) or folded(name) in caller.reserved:
        header = name = ""
    is_admin = caller.admin and (caller.by_key or header in ("", LOCAL_OWNER))
    return Viewer(
        name=name or (LOCAL_OWNER if is_admin else caller.guest),
        admin=is_admin,
        named=bool(name),
        shared=caller.shared or caller.proxied,
        root=caller.root,
        role="owner" if is_admin else "member" if caller.admin else caller.role,
    )


def rights_of(scope: AsgiScope) -> Viewer:
    """Who asks, for what they may do; where the name they give is refused, a guest."""
    try:
        return viewer_of(HTTPConnection(scope))
    except RequestError:
        return Viewer(name="guest", admin=False, role="guest")


def checked_name(given: str) -> str:
    """A user's name; nothing of nothing. Raises `RequestError` for what is no name."""
    name = unicodedata.normalize("NFC", given.strip())
    if name and (not _NAME.fullmatch(name) or _GIVEN.fullmatch(name)):
        raise RequestError("owner", "A name has 1 to 64 letters, digits, spaces or . @ - _, and is none that the server gives to guests.")
    if mixes_scripts(name):
        raise RequestError(
            "owner", f"{name} mixes letters of several alphabets, which look alike, in one word. Write it with those of one."
        )
    return name
