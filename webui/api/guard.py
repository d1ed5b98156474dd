"""In front of every route, Gradio's own included: who may come in, from which page, how much they may send, what pages may load."""

import hashlib
import secrets
from urllib.parse import parse_qs, urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from webui.api import api_keys, boundary, dialects
from webui.api.api_keys import ApiKeys
from webui.api.boundary import say
from webui.api.caller import INSIDE, KEY, Caller, Proxies, Role, enter
from webui.api.keys import KEY_COOKIE, Keys, Throttle, cookies
from webui.api.login import page
from webui.api.temporary import TemporaryFiles
from webui.core.addresses import host_name, is_loopback

GUEST_COOKIE = "darkroom_guest"
JSON_LIMIT = 8 * 2**20
CSP = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; media-src 'self' data: blob:; font-src 'self' data:; connect-src 'self' data: blob:; "
    "worker-src 'self' blob:; object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'self'"
)
_HEADERS = {
    "Content-Security-Policy": CSP,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_YEAR = 365 * 86400
_SAFE = ("GET", "HEAD", "OPTIONS")
_OURS = ("/api/", "/page/", "/look/", "/health", "/ready", "/metrics", *dialects.CLIENTS)
_OF_GRADIO = (
    *("info", "app_id", "heartbeat/", "queue/join", "queue/data", "run/predict", "call/", "cancel", "reset", "startup-events"),
    *("upload", "file=", "component_server", "custom_component/", "theme.css"),
)
"""What its page and its client call below /gradio_api/."""
_CLOSED = ("/login", "/logout", "/openapi.json", "/monitoring", "/pwa_icon", "/docs", "/redoc")
_READING = ("/sdapi/v1/png-info", "/internal/progress", "/controlnet/detect", "/mcp")
"""What is posted and yet only read."""
_LOOKS = ("/ws", "/api/ws")
"""The socket that only tells, by both of its addresses."""
_ASKED = "An access key is needed: send it as X-Access-Key, or open the link that the server printed."
_UPLOAD = "/gradio_api/upload"
_IMAGES = ("/api/v1/images", "/page/parameters/picture", "/page/mask")
_RANK: dict[Role | None, int] = {None: 0, "guest": 1, "admin": 2}


class Guard:
    """Pure ASGI, so that streams pass unbuffered.

    With an access key everybody must bring it (or the admin's) once; without, only this machine's own names are served.
    `temporary`: where Gradio keeps what is uploaded to it. `api_keys`: users' own keys.
    """

    def __init__(
        self,
        app: ASGIApp,
        keys: Keys,
        *,
        proxies: Proxies,
        root_path: str = "",
        upload_limit: int = 64 * 2**20,
        temporary: TemporaryFiles | None = None,
        api_keys: ApiKeys | None = None,
    ) -> None:
        self._app = app
        self._keys = keys
        self._proxies = proxies
        self._root = root_path
        self._upload_limit = upload_limit
        self._temporary = temporary
        self._api_keys = api_keys
        self._throttle = Throttle()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let through, or answer ourselves."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if (known := scope.get(INSIDE)) is not None:
            refused = _beyond(scope, known.scopes)
            await (refused or self._app)({**scope, KEY: known}, receive, send)
            return
        scope, caller = enter(scope, self._proxies, self._root)
        headers = Headers(scope=scope)
        answer, caller = await self._let_in(scope, headers, caller, receive)
        if scope["type"] == "websocket":
            await self._websocket(scope, caller, receive, send, answer)
            return
        guest = "" if caller.admin else next((each for each in cookies(headers.get("cookie", ""), GUEST_COOKIE) if len(each) >= 20), "")
        is_new = not (caller.admin or guest)
        guest = secrets.token_urlsafe(16) if is_new else guest
        scope[KEY] = caller.model_copy(update={"guest": _guest_name(guest)})
        sender = _with_headers(send, scope, _guest_cookie(scope, caller, guest) if is_new and answer is None else "")
        if answer is not None:
            await answer(scope, receive, sender)
            return
        if _path(scope).startswith(dialects.WITH_IMAGES):  # base64 of pictures: packing it costs more than it saves
            scope["headers"] = [each for each in scope["headers"] if each[0] != b"accept-encoding"]
        limit, too_long = self._limit(scope, caller)
        fits = self._temporary.meter(caller.address) if self._temporary and _is_upload(scope) else boundary.at_most(limit)
        foreign = not _path(scope).startswith(_OURS)
        await boundary.answer(self._app, scope, receive, sender, fits=fits, too_long=too_long, foreign=foreign)

    async def _let_in(self, scope: Scope, headers: Headers, caller: Caller, receive: Receive) -> tuple[Response | None, Caller]:
        """An answer of our own, or None for who may come in; and the caller with their rights."""
        answer = self._refusal(scope, headers, caller)
        text = api_keys.given(headers) or _key_of_socket(scope)
        if answer is None and self._api_keys is not None and text.startswith(api_keys.PREFIX):
            answer, caller = await self._by_api_key(scope, caller, text, self._api_keys)
        elif answer is None and self._keys.asked_for:
            if scope["type"] == "websocket":
                answer, role = self._socket_door(headers, caller, text, _path(scope))
            else:
                answer, role = await self._door(scope, headers, caller, receive)
            caller = caller.model_copy(update={"shared": True, "admin": role == "admin", "by_key": role == "admin"})
        if answer is None and _is_closed(_path(scope)):
            answer = say(403, "This is switched off.")
        return answer, caller

    async def _by_api_key(self, scope: Scope, caller: Caller, text: str, keys: ApiKeys) -> tuple[Response | None, Caller]:
        """The caller as the user whose key it is, or why not. A key that is not known opens nothing, wherever it comes from."""
        path = _path(scope)
        key = await run_in_threadpool(keys.find, text)
        if key is None:
            if self._throttle.too_many(f"api key {caller.address}", text):
                said = "Too many wrong keys were sent from your address. Wait half a minute."
                return say(429, said, {"Retry-After": "30"}, path), caller
            return say(401, "This API key is not known here; it may have been taken back.", path=path), caller
        if (refused := _beyond(scope, key.scopes)) is not None:
            return refused, caller
        told = {"shared": True, "admin": key.is_admins, "by_key": True, "key_owner": key.owner, "scopes": key.scopes}
        return (say(403, "This is switched off.") if _is_closed(path) else None), caller.model_copy(update=told)

    async def _websocket(self, scope: Scope, caller: Caller, receive: Receive, send: Send, answer: Response | None) -> None:
        if answer is None:
            guest = next((each for each in cookies(Headers(scope=scope).get("cookie", ""), GUEST_COOKIE) if len(each) >= 20), "")
            scope[KEY] = caller.model_copy(update={"guest": _guest_name("" if caller.admin else guest)})
            await self._app(scope, receive, send)
            return
        await receive()
        if "websocket.http.response" in (scope.get("extensions") or {}):
            await answer(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008})

    def _socket_door(self, headers: Headers, caller: Caller, text: str, path: str) -> tuple[Response | None, Role | None]:
        """With a key: who brings it, or has it in a cookie, opens a socket. Its address may carry it: pages set no headers of sockets."""
        role = max(self._keys.role(text), self._keys.role_of_tokens(cookies(headers.get("cookie", ""), KEY_COOKIE)), key=_RANK.__getitem__)
        if role is not None:
            return None, role
        if text and self._throttle.too_many(f"socket {caller.address}", text):
            return say(429, "Too many wrong keys were sent from your address. Wait half a minute.", {"Retry-After": "30"}, path), None
        return say(403, "This access key is wrong.", path=path) if text else say(401, _ASKED, path=path), None

    def _refusal(self, scope: Scope, headers: Headers, caller: Caller) -> Response | None:
        """What no page of ours would send, in a sentence."""
        if not self._keys.asked_for and not caller.trusted and not is_loopback(host_name(caller.host)):
            return say(400, "This address is not served. Open http://127.0.0.1, or start with --listen.")
        path = _path(scope)
        if not path.isprintable() or ".." in path.split("/"):
            return say(404, "There is nothing at this address.")
        method = scope.get("method", "GET")
        if caller.root and scope["path"] == caller.root and method in _SAFE:
            query = scope.get("query_string", b"").decode("latin-1")
            return RedirectResponse(f"{caller.root}/{'?' if query else ''}{query}", 307)
        if method in _SAFE and scope["type"] != "websocket":
            return None
        if (refused := _foreign_page(headers, caller)) is not None:
            return refused
        length = headers.get("content-length", "0")
        limit, too_long = self._limit(scope, caller)
        if not (length.isascii() and length.isdigit() and len(length) < 20) or int(length) > limit:
            return say(413, too_long, path=path)
        return None

    def _limit(self, scope: Scope, caller: Caller) -> tuple[int, str]:
        """How long the body may be, and what is said of a longer one."""
        image = self._upload_limit + 2**20  # a form has more in it than its file
        if self._temporary is not None and _is_upload(scope) and (room := self._temporary.room(caller.address)) < image:
            return room, f"There is room for {room / 2**20:.0f} MB of yours now: uploads are kept for an hour. Send this one later."
        limit = image if _is_upload(scope) or _path(scope).startswith(_IMAGES) else JSON_LIMIT
        if _path(scope).startswith(dialects.WITH_IMAGES):
            limit = image * 4 // 3 + JSON_LIMIT  # a picture in base64, and a small one beside it
        return limit, f"At most {limit // 2**20} MB may be sent."

    async def _door(self, scope: Scope, headers: Headers, caller: Caller, receive: Receive) -> tuple[Response | None, Role | None]:
        """With a key: let in who has it, take it from a link or the form, ask others. A right key counts, whatever wrong ones came."""
        header = api_keys.given(headers)
        kept = cookies(headers.get("cookie", ""), KEY_COOKIE)
        given = await _given_key(scope, receive)
        by_cookie, by_hand = self._keys.role_of_tokens(kept), self._keys.role(given or "")
        role = max(by_cookie, self._keys.role(header), key=_RANK.__getitem__)
        if by_hand is not None:
            return self._open(scope, caller, "admin" if "admin" in (by_hand, role) else "guest"), by_hand
        if role is not None:
            return None, role
        wrong = [("header", header), ("link", given), *(("cookie", each) for each in kept[:3])]
        too_many = [self._throttle.too_many(f"{way} {caller.address}", each) for way, each in wrong if each]
        if any(too_many):
            return _ask(headers, caller, _path(scope), "Too many wrong keys were sent from your address. Wait half a minute.", 429), None
        if header or given is not None:
            return _ask(headers, caller, _path(scope), "This access key is wrong.", 403), None
        return _ask(headers, caller, _path(scope), "", 401), None

    def _open(self, scope: Scope, caller: Caller, role: Role) -> Response:
        """The page, with the key as a cookie."""
        response = RedirectResponse(f"{caller.root}/", 303)
        secure = scope.get("scheme") == "https"
        response.set_cookie(
            KEY_COOKIE, self._keys.token(role), httponly=True, samesite="lax", max_age=_YEAR, path=f"{caller.root}/", secure=secure
        )
        return response


def _beyond(scope: Scope, scopes: tuple[str, ...]) -> Response | None:
    """What a key with these scopes may not do; without a key, nothing."""
    path = _path(scope)
    reads = path in _LOOKS if scope["type"] == "websocket" else scope.get("method", "GET") in _SAFE or path.startswith(_READING)
    if not scopes or reads or any(scope != "read" for scope in scopes):
        return None
    return say(403, "This API key may only read. Use one with the scope generate.", path=path)


def _key_of_socket(scope: Scope) -> str:
    """The key in a socket's address."""
    if scope["type"] != "websocket":
        return ""
    query: dict[str, list[str]] = parse_qs(scope.get("query_string", b"").decode("latin-1"))
    return query.get("key", [""])[0]


def _path(scope: Scope) -> str:
    """The path below the sub folder."""
    path: str = scope.get("path", "")
    root: str = scope.get("root_path", "")
    return path[len(root) :] if root and path.startswith(root + "/") else path


def _is_upload(scope: Scope) -> bool:
    return scope.get("method") == "POST" and _path(scope).rstrip("/") == _UPLOAD


def _is_closed(path: str) -> bool:
    """Gradio's routes that neither its page nor its client needs."""
    if path.startswith("/gradio_api"):
        rest = path.removeprefix("/gradio_api").lstrip("/")
        return not rest.startswith(_OF_GRADIO) or rest.startswith(("file=http", "file=//"))
    return any(path == closed or path.startswith(closed + "/") for closed in _CLOSED)


def _foreign_page(headers: Headers, caller: Caller) -> Response | None:
    """Refuse what a page of another site sends. Where a proxy hides our own name from us, say what to tell it."""
    if headers.get("sec-fetch-site", "same-origin") in ("cross-site", "same-site"):
        return say(403, "Another web site may not do this.")
    origin = headers.get("origin")
    if not origin:
        return None
    try:
        named = urlsplit(origin).netloc
    except ValueError:
        named = ""
    if named and named.lower() == caller.host.lower():
        return None
    if not named:
        return say(403, "Another web site may not do this.")
    way = (
        "Let it send X-Forwarded-Host (nginx: proxy_set_header X-Forwarded-Host $http_host;)."
        if caller.trusted
        else f"Let it send X-Forwarded-Host, and start Darkroom with --trusted-proxy {caller.address}."
    )
    return say(
        403,
        f"Another web site may not do this: the page is of {named[:200]}, and this server was called as {caller.host[:200]}."
        f" If that is one page behind a proxy, the proxy must say so. {way}",
    )


async def _given_key(scope: Scope, receive: Receive) -> str | None:
    """The key in a link or from the form; None where there is none."""
    query: dict[str, list[str]] = parse_qs(scope.get("query_string", b"").decode("latin-1"))
    if "key" in query:
        return query["key"][0]
    if scope["type"] != "http" or scope.get("method") != "POST" or _path(scope) != "/login":
        return None
    body = b""
    while len(body) < 4096:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    return parse_qs(body[:4096].decode("latin-1")).get("key", [""])[0]


def _ask(headers: Headers, caller: Caller, path: str, message: str, status: int) -> Response:
    wait = {"Retry-After": "30"} if status == 429 else None
    if "text/html" not in headers.get("accept", "") or path.startswith(dialects.CLIENTS):
        return say(status, message or _ASKED, wait, path)
    return HTMLResponse(page(message, caller.root), status, wait)


def _guest_name(token: str) -> str:
    """The owner of a browser whose user gave no name. Who knows the name cannot make the cookie of it."""
    return f"guest-{hashlib.sha256(token.encode()).hexdigest()[:16]}" if token else "guest"


def _guest_cookie(scope: Scope, caller: Caller, token: str) -> str:
    path = _path(scope)
    if path != "/" and not path.startswith(("/api/", "/page/")):
        return ""
    secure = "; Secure" if scope.get("scheme") == "https" else ""
    return f"{GUEST_COOKIE}={token}; Path={caller.root}/; Max-Age={_YEAR}; HttpOnly; SameSite=Lax{secure}"


def _with_headers(send: Send, scope: Scope, cookie: str) -> Send:
    asset = _path(scope).startswith(("/assets/", "/static/", "/look/"))

    async def write(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
            if asset:
                headers.setdefault("Cache-Control", "public, max-age=86400")
            if cookie:
                headers.append("Set-Cookie", cookie)
        await send(message)

    return write
