"""In front of every route, Gradio's own included: who may come in, from which page, how much they may send, what pages may load."""

import hashlib
import re
import secrets
from functools import partial
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders, QueryParams
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from webui.api import boundary, dialects
from webui.api.boundary import say
from webui.api.caller import INSIDE, KEY, Caller, Proxies, enter
from webui.api.deeds import Witness
from webui.api.door import YEAR, Door
from webui.api.identity import rights_of
from webui.api.keys import Keys, cookies
from webui.api.origins import Origins, let_read
from webui.api.signed import SignedAddresses
from webui.api.standing import Standing
from webui.api.temporary import TemporaryFiles
from webui.core.addresses import host_name, is_loopback
from webui.core.names import printable
from webui.people.roles import Need, refusal
from webui.people.routes import need_of
from webui.services import Services

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
_SAFE = ("GET", "HEAD", "OPTIONS")
_OURS = ("/api/", "/page/", "/look/", "/health", "/ready", "/metrics", *dialects.CLIENTS)
_OF_GRADIO = (
    *("info", "app_id", "heartbeat/", "queue/join", "queue/data", "run/predict", "call/", "cancel", "reset", "startup-events"),
    *("upload", "file=", "component_server", "custom_component/", "theme.css"),
)
"""What its page and its client call below /gradio_api/."""
_CLOSED = ("/login", "/logout", "/monitoring", "/pwa_icon", "/docs", "/redoc")
_STREAM, _SESSION = "/gradio_api/queue/data", re.compile(r"[A-Za-z0-9_-]{1,100}")
_UPLOAD = "/gradio_api/upload"
_IMAGES = ("/api/v1/images", "/page/parameters/picture", "/page/mask")


class Guard:
    """Pure ASGI, so that streams pass unbuffered.

    With an access key everybody must bring it (or the admin's) once; without, only this machine's own names are served.
    `temporary`: where Gradio keeps what is uploaded to it. `services`: with users' own keys, and the list
    where what is done to the machine is noted.
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
        services: Services | None = None,
    ) -> None:
        self._app = app
        self._keys = keys
        self._proxies = proxies
        self._root = root_path
        self._upload_limit = upload_limit
        self._temporary = temporary
        api_keys = services.keys if services else None
        self._door = Door(keys, api_keys, SignedAddresses(services.queue.store) if services else None)
        self._standing = Standing(api_keys)
        self._origins = Origins(services.settings.current if services else None)
        self._witness = Witness(services.audit if services else None)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let through, or answer ourselves."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if (known := scope.get(INSIDE)) is not None:
            scope = {**scope, KEY: known}
            await self._witness.serve(_beyond(scope) or self._app, scope, receive, send, _need(scope))
            return
        scope, caller = enter(scope, self._proxies, self._root)
        headers = Headers(scope=scope)
        answer = self._origins.preflight(scope.get("method", ""), headers)
        if answer is None:
            answer, caller = await self._let_in(scope, headers, caller, receive)
        if scope["type"] == "websocket":
            await self._websocket(scope, caller, receive, send, answer)
            return
        guest = "" if caller.admin else next((each for each in cookies(headers.get("cookie", ""), GUEST_COOKIE) if len(each) >= 20), "")
        is_new = not (caller.admin or guest)
        guest = secrets.token_urlsafe(16) if is_new else guest
        scope[KEY] = caller.model_copy(update={"guest": _guest_name(guest)})
        cookie = _guest_cookie(scope, caller, guest) if is_new and answer is None else ""
        sender = _with_headers(send, scope, cookie, self._origins.named(headers))
        if answer is not None:
            await answer(scope, receive, sender)
            return
        if _path(scope).startswith(dialects.WITH_IMAGES):  # base64 of pictures: packing it costs more than it saves
            scope["headers"] = [each for each in scope["headers"] if each[0] != b"accept-encoding"]
        limit, too_long = self._limit(scope, caller)
        fits = self._temporary.meter(caller.address) if self._temporary and _is_upload(scope) else boundary.at_most(limit)
        foreign = not _path(scope).startswith(_OURS)
        witnessed = partial(self._witness.serve, self._app, need=_need(scope))
        bounded = partial(boundary.answer, witnessed, fits=fits, too_long=too_long, foreign=foreign)
        await self._standing.serve(bounded, scope, receive, sender)

    async def _let_in(self, scope: Scope, headers: Headers, caller: Caller, receive: Receive) -> tuple[Response | None, Caller]:
        """An answer of our own, or None for who may come in; and the caller with their rights."""
        answer = self._refusal(scope, headers, caller)
        if answer is None:
            answer, caller = await self._door.admit(scope, headers, caller, receive, _path(scope))
        if answer is None and _is_closed(_path(scope)):
            answer = say(403, "This is switched off.")
        return answer or _beyond({**scope, KEY: caller}), caller

    async def _websocket(self, scope: Scope, caller: Caller, receive: Receive, send: Send, answer: Response | None) -> None:
        if answer is None:
            guest = next((each for each in cookies(Headers(scope=scope).get("cookie", ""), GUEST_COOKIE) if len(each) >= 20), "")
            scope[KEY] = caller.model_copy(update={"guest": _guest_name("" if caller.admin else guest)})
            await self._standing.serve(self._app, scope, receive, send)
            return
        await receive()
        if "websocket.http.response" in (scope.get("extensions") or {}):
            await answer(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008})

    def _refusal(self, scope: Scope, headers: Headers, caller: Caller) -> Response | None:
        """What no page of ours would send, in a sentence."""
        path, name = _path(scope), host_name(caller.host)
        if not (self._keys.asked_for or caller.trusted or is_loopback(name) or self._origins.host_is_named(name)):
            return say(
                400, f"{printable(name[:100])} is not served. Open http://127.0.0.1, or start with --allow-host or --listen.", path=path
            )
        if not path.isprintable() or ".." in path.split("/"):
            return say(404, "There is nothing at this address.", path=path)
        if path == _STREAM and any(_SESSION.fullmatch(each) is None for each in _queried(scope, "session_hash")):
            return say(400, "There is no such session. Load the page again.")
        method = scope.get("method", "GET")
        if caller.root and scope["path"] == caller.root and method in _SAFE:
            query = scope.get("query_string", b"").decode("latin-1")
            return RedirectResponse(f"{caller.root}/{'?' if query else ''}{query}", 307)
        if method in _SAFE and scope["type"] != "websocket":
            return None
        if not self._origins.named(headers) and (said := _foreign_page(headers, caller)):
            return say(403, said, path=path)
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


def _need(scope: Scope) -> Need:
    return need_of("WEBSOCKET" if scope["type"] == "websocket" else scope.get("method", "GET"), _path(scope))


def _beyond(scope: Scope) -> Response | None:
    """What this caller's role, or the scopes of their key, do not allow."""
    need, who = _need(scope), rights_of(scope)
    return None if need in who.rights else say(403, refusal(need, who.role, who.scopes), path=_path(scope))


def _path(scope: Scope) -> str:
    """The path below the sub folder."""
    path: str = scope.get("path", "")
    root: str = scope.get("root_path", "")
    return path[len(root) :] if root and path.startswith(root + "/") else path


def _queried(scope: Scope, name: str) -> list[str]:
    return QueryParams(scope.get("query_string", b"")).getlist(name)


def _is_upload(scope: Scope) -> bool:
    return scope.get("method") == "POST" and _path(scope).rstrip("/") == _UPLOAD


def _is_closed(path: str) -> bool:
    """Gradio's routes that neither its page nor its client needs."""
    if path.startswith("/gradio_api"):
        rest = path.removeprefix("/gradio_api").lstrip("/")
        return not rest.startswith(_OF_GRADIO) or rest.startswith(("file=http", "file=//"))
    return any(path == closed or path.startswith(closed + "/") for closed in _CLOSED)


def _foreign_page(headers: Headers, caller: Caller) -> str:
    """Why what a page of another site sends is refused; nothing for our own. Where a proxy hides our name from us, what to tell it."""
    origin = headers.get("origin", "")
    try:
        named = urlsplit(origin).netloc
    except ValueError:
        named = ""
    ours = f" If it is a page or program of yours, start Darkroom with --allow-origin {printable(origin[:200])}." if named else ""
    if headers.get("sec-fetch-site", "same-origin") in ("cross-site", "same-site") or (origin and not named):
        return f"Another web site may not do this.{ours}"
    if not named or named.lower() == caller.host.lower():
        return ""
    way = (
        "Let it send X-Forwarded-Host (nginx: proxy_set_header X-Forwarded-Host $http_host;)."
        if caller.trusted
        else f"Let it send X-Forwarded-Host, and start Darkroom with --trusted-proxy {caller.address}."
    )
    return (
        f"Another web site may not do this: the page is of {named[:200]}, and this server was called as {caller.host[:200]}."
        f" If that is one page behind a proxy, the proxy must say so. {way}{ours}"
    )


def _guest_name(token: str) -> str:
    """The owner of a browser whose user gave no name. Who knows the name cannot make the cookie of it."""
    return f"guest-{hashlib.sha256(token.encode()).hexdigest()[:16]}" if token else "guest"


def _guest_cookie(scope: Scope, caller: Caller, token: str) -> str:
    path = _path(scope)
    if path != "/" and not path.startswith(("/api/", "/page/")):
        return ""
    secure = "; Secure" if scope.get("scheme") == "https" else ""
    return f"{GUEST_COOKIE}={token}; Path={caller.root}/; Max-Age={YEAR}; HttpOnly; SameSite=Lax{secure}"


def _with_headers(send: Send, scope: Scope, cookie: str, origin: str) -> Send:
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
            let_read(headers, origin)
        await send(message)

    return write
