"""Who comes in, and as whom: by the server's own keys, by a person's link, by a program's API key, or by a seat at the machine."""

from urllib.parse import parse_qs, unquote

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import Receive, Scope

from webui.api import dialects
from webui.api.boundary import CHALLENGE, say
from webui.api.caller import Caller
from webui.api.identity import COOKIE
from webui.api.keys import KEY_COOKIE, Keys, Throttle, cookies, given
from webui.api.login import page
from webui.api.signed import FOLDER, SignedAddresses
from webui.people.keys import COOKIE_PREFIX, PREFIX, ApiKey, ApiKeys, session_of
from webui.people.names import folded
from webui.people.roles import Role, rank

YEAR = 365 * 86400
_ASKED = "An access key is needed: send it as X-Access-Key, or open the link that the server printed."
_TOO_MANY = "Too many wrong keys were sent from your address. Wait half a minute."
TAKEN_BACK = "Your invitation was taken back by who runs this Darkroom, or another link was opened here. Ask for a new one."


class Door:
    """Lets in who brings a key, where keys are asked for, and whoever has an address that was signed; makes an API key's holder its user
    everywhere.
    """

    def __init__(self, keys: Keys, api_keys: ApiKeys | None, addresses: SignedAddresses | None = None) -> None:
        self._keys, self._api_keys, self._addresses = keys, api_keys, addresses
        self._throttle = Throttle()

    async def admit(self, scope: Scope, headers: Headers, caller: Caller, receive: Receive, path: str) -> tuple[Response | None, Caller]:
        """An answer in place of the program's, or None; and the caller with who they are."""
        if self._addresses is not None and path.startswith(FOLDER) and await run_in_threadpool(self._addresses.opens, scope, path):
            return None, caller
        text = given(headers) or _key_of_socket(scope)
        if self._api_keys is not None and text.startswith(PREFIX):
            return await self._by_api_key(caller, text, path)
        if self._keys.asked_for and scope["type"] == "websocket":
            answer, caller = await self._socket(headers, caller, text, path)
        elif self._keys.asked_for:
            answer, caller = await self._browser(scope, headers, caller, receive, path)
        else:
            answer = None
        return answer, caller if answer is not None else await self._without_others_names(headers, caller)

    async def _by_api_key(self, caller: Caller, text: str, path: str) -> tuple[Response | None, Caller]:
        """The caller as the user whose key it is, or why not. A key that is not known opens nothing, wherever it comes from."""
        key = await self._find(text)
        if key is not None:
            return None, await run_in_threadpool(self._as_holder, caller, key)
        if self._throttle.too_many(f"api key {caller.address}", text):
            return say(429, _TOO_MANY, {"Retry-After": "30"}, path), caller
        unknown = {"WWW-Authenticate": f'{CHALLENGE["WWW-Authenticate"]}, error="invalid_token"'}
        return say(401, "This API key is not known here; it may have been taken back.", unknown, path), caller

    async def _socket(self, headers: Headers, caller: Caller, text: str, path: str) -> tuple[Response | None, Caller]:
        """Who brings the key, or has it in a cookie, opens a socket. Its address may carry it: pages set no headers of sockets."""
        kept = cookies(headers.get("cookie", ""), KEY_COOKIE)
        known = await self._known(caller, max(self._keys.role(text), self._keys.role_of_tokens(kept), key=rank), kept)
        if known is not None:
            return None, known
        if text and self._throttle.too_many(f"socket {caller.address}", text):
            return say(429, _TOO_MANY, {"Retry-After": "30"}, path), caller
        return say(403, "This access key is wrong.", path=path) if text else say(401, _ASKED, path=path), caller

    async def _browser(self, scope: Scope, headers: Headers, caller: Caller, receive: Receive, path: str) -> tuple[Response | None, Caller]:
        """Let in who has a key, take it from a link or the form, ask others. A right key counts, whatever wrong ones came."""
        header = given(headers)
        kept = cookies(headers.get("cookie", ""), KEY_COOKIE)
        by_hand = await _given_key(scope, receive, path)
        known = await self._known(caller, max(self._keys.role_of_tokens(kept), self._keys.role(header), key=rank), kept)
        opened = await self._opened(by_hand or "", known, kept)
        if opened:
            return _open(scope, caller, opened), caller
        if known is not None:
            return None, known
        wrong = [("header", header), ("link", by_hand), *(("cookie", each) for each in kept[:3])]
        too_many = [self._throttle.too_many(f"{way} {caller.address}", each) for way, each in wrong if each]
        if any(too_many):
            return _ask(headers, caller, path, _TOO_MANY, 429), caller
        if header or by_hand is not None:
            return _ask(headers, caller, path, "This access key is wrong.", 403), caller
        was_invited = any(each.startswith(COOKIE_PREFIX) for each in kept)
        return _ask(headers, caller, path, TAKEN_BACK if was_invited else "", 401), caller

    async def _known(self, caller: Caller, role: Role | None, kept: list[str]) -> Caller | None:
        """Who comes with these cookies, and with what the server's own keys give: whichever may do more; a person before a guest."""
        people = [key for each in kept[:3] if each.startswith(COOKIE_PREFIX) and (key := await self._find(each)) is not None]
        person = max(people, key=lambda key: rank(key.role), default=None)
        if person is not None and rank(person.role) >= rank(role):
            return self._as_holder(caller, person)
        is_owner = role == "owner"
        told = {"shared": True, "admin": is_owner, "by_key": is_owner, "role": role}
        return None if role is None else caller.model_copy(update=told)

    async def _opened(self, text: str, known: Caller | None, kept: list[str]) -> str:
        """What the browser is to keep of the key in a link or the form; nothing where the key is wrong.

        A link takes nothing back: the owner's browser stays the owner's, and a person's is not made a guest's.
        """
        role = self._keys.role(text)
        key = await self._find(text) if text.startswith(PREFIX) else None
        wanted = self._keys.token(role) if role else session_of(text) if key is not None and key.role is not None else ""
        if not wanted or known is None:
            return wanted
        stays = rank(known.role) > rank(role if role else key.role if key else None) or (role == "guest" and known.key_owner)
        return (kept[0] if kept else "") if stays and (known.admin or role) else wanted

    def _as_holder(self, caller: Caller, key: ApiKey) -> Caller:
        role = self._api_keys.role_through(key) if self._api_keys is not None else "guest"
        told = {"shared": True, "admin": role == "owner", "by_key": key.role is None, "key_owner": key.owner, "key_id": key.id}
        return caller.model_copy(update={**told, "role": role, "scopes": key.scopes})

    async def _find(self, text: str) -> ApiKey | None:
        return None if self._api_keys is None else await run_in_threadpool(self._api_keys.find, text)

    async def _without_others_names(self, headers: Headers, caller: Caller) -> Caller:
        """A name is a courtesy among guests; that of somebody who was invited is theirs alone."""
        names = [headers.get("x-owner", ""), *(unquote(each) for each in cookies(headers.get("cookie", ""), COOKIE)[:3])]
        if caller.admin or caller.key_owner or self._api_keys is None or not any(names):
            return caller
        keys = self._api_keys
        reserved = await run_in_threadpool(lambda: tuple(folded(name) for name in names if name and keys.person(name) is not None))
        return caller.model_copy(update={"reserved": reserved})


def _open(scope: Scope, caller: Caller, kept: str) -> Response:
    """The page, with what the browser keeps of the key as a cookie."""
    response = RedirectResponse(f"{caller.root}/", 303)
    secure = scope.get("scheme") == "https"
    response.set_cookie(KEY_COOKIE, kept, httponly=True, samesite="lax", max_age=YEAR, path=f"{caller.root}/", secure=secure)
    return response


def _key_of_socket(scope: Scope) -> str:
    """The key in a socket's address."""
    if scope["type"] != "websocket":
        return ""
    query: dict[str, list[str]] = parse_qs(scope.get("query_string", b"").decode("latin-1"))
    return query.get("key", [""])[0]


async def _given_key(scope: Scope, receive: Receive, path: str) -> str | None:
    """The key in a link or from the form; None where there is none."""
    query: dict[str, list[str]] = parse_qs(scope.get("query_string", b"").decode("latin-1"))
    if "key" in query:
        return query["key"][0]
    if scope["type"] != "http" or scope.get("method") != "POST" or path != "/login":
        return None
    body = b""
    while len(body) < 4096:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    return parse_qs(body[:4096].decode("latin-1")).get("key", [""])[0]


def _ask(headers: Headers, caller: Caller, path: str, message: str, status: int) -> Response:
    wait = {"Retry-After": "30"} if status == 429 else CHALLENGE if status == 401 else None
    if "text/html" not in headers.get("accept", "") or path.startswith(dialects.CLIENTS):
        return say(status, message or _ASKED, wait, path)
    return HTMLResponse(page(message, caller.root), status, wait)
