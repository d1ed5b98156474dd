"""In front of every route, Gradio's own included: who may come in, from which page, how much they may send, what pages may load."""

import hashlib
import hmac
import secrets
import time
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

KEY_COOKIE = "darkroom_key"
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
_BLOCKED = ("/gradio_api/proxy=", "/gradio_api/openapi.json", "/monitoring", "/gradio_api/file=http")
_LOCAL_HOSTS = ("127.0.0.1", "localhost", "[::1]", "::1", "testserver")
_TRIES, _PER_SECONDS = 5, 30.0


class Guard:
    """Pure ASGI, so that streams pass unbuffered.

    With `access_key` everybody must bring it once; without, only this machine's own names are served.
    """

    def __init__(self, app: ASGIApp, access_key: str = "", upload_limit: int = 64 * 2**20) -> None:
        self._app = app
        self._key = access_key
        self._upload_limit = upload_limit
        self._failures: dict[str, list[float]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let through, or answer ourselves."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan" or (self._refusal(scope, Headers(scope=scope)) is None):
                await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        answer = self._refusal(scope, headers)
        if answer is None and self._key:
            answer = await self._door(scope, headers, receive)
        if answer is not None:
            await answer(scope, receive, _with_headers(send, scope))
            return
        await self._app(scope, _limited(receive, self._limit(scope, headers)), _with_headers(send, scope))

    def _refusal(self, scope: Scope, headers: Headers) -> Response | None:
        """403, 400 or 413 for what no page of ours would send."""
        host = headers.get("host", "")
        if not self._key and _host_name(host) not in _LOCAL_HOSTS:
            return _say(400, "This address is not served. Open http://127.0.0.1, or start with --listen.")
        path = scope.get("path", "")
        if any(blocked in path for blocked in _BLOCKED):
            return _say(403, "This is switched off.")
        if scope.get("method", "GET") in _SAFE:
            return None
        origin = headers.get("origin")
        if (origin and urlsplit(origin).netloc != host) or headers.get("sec-fetch-site", "same-origin") in ("cross-site", "same-site"):
            return _say(403, "Another web site may not do this.")
        length = headers.get("content-length", "0")
        if length.isdigit() and int(length) > self._limit(scope, headers):
            return _say(413, f"At most {self._limit(scope, headers) // 2**20} MB may be sent.")
        return None

    def _limit(self, scope: Scope, headers: Headers) -> int:
        is_upload = scope.get("path", "").startswith(("/api/v1/images", "/gradio_api/upload", "/page/"))
        return self._upload_limit + 2**20 if is_upload else JSON_LIMIT

    async def _door(self, scope: Scope, headers: Headers, receive: Receive) -> Response | None:
        """With a key: let in who has it, take it from a link or the form, ask everybody else."""
        if self._has_key(headers):
            return None
        if headers.get("x-access-key"):
            return _say(403, "This access key is wrong.")
        client = scope["client"][0] if scope.get("client") else ""
        given = await self._given_key(scope, receive)
        if given is None:
            return self._ask(headers, "")
        if self._throttled(client):
            return self._ask(headers, "Too many tries. Wait half a minute.", 429)
        if not hmac.compare_digest(given.encode(), self._key.encode()):
            self._failures.setdefault(client, []).append(time.monotonic())
            return self._ask(headers, "That is not the key.", 403)
        response = RedirectResponse("/", 303)
        response.set_cookie(KEY_COOKIE, self._token(), httponly=True, samesite="lax", max_age=365 * 86400)
        return response

    def _has_key(self, headers: Headers) -> bool:
        try:
            cookie = SimpleCookie(headers.get("cookie", "")).get(KEY_COOKIE)
        except CookieError:
            cookie = None
        if cookie is not None and hmac.compare_digest(cookie.value.encode(), self._token().encode()):
            return True
        return hmac.compare_digest(headers.get("x-access-key", "").encode(), self._key.encode())

    def _token(self) -> str:
        return hashlib.sha256(f"darkroom:{self._key}".encode()).hexdigest()

    @staticmethod
    async def _given_key(scope: Scope, receive: Receive) -> str | None:
        query: dict[str, list[str]] = parse_qs(scope.get("query_string", b"").decode("latin-1"))
        if "key" in query:
            return query["key"][0]
        if scope.get("method") != "POST" or scope.get("path") != "/login":
            return None
        body = b""
        while len(body) < 4096:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        return parse_qs(body.decode("latin-1")).get("key", [""])[0]

    def _throttled(self, client: str) -> bool:
        recent = [at for at in self._failures.get(client, ()) if time.monotonic() - at < _PER_SECONDS]
        self._failures = {name: times for name, times in self._failures.items() if name != client} | ({client: recent} if recent else {})
        return len(recent) >= _TRIES

    @staticmethod
    def _ask(headers: Headers, message: str, status: int = 401) -> Response:
        if "text/html" not in headers.get("accept", ""):
            return _say(status, message or "An access key is needed: send it as X-Access-Key, or open the link that the server printed.")
        return HTMLResponse(_PAGE.replace("{message}", message), status)


_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>Darkroom</title>
<style>
:root{color-scheme:dark light;--bg:#0f0f0f;--panel:#181818;--field:#222;
--text:#efefef;--label:#cfcfcf;--edge:#7a7a7a;--accent:#f5a94b;--danger:#ff8a80}
@media(prefers-color-scheme:light){:root{--bg:#e9e9e9;--panel:#f6f6f6;--field:#fff;--text:#1a1a1a;--label:#3d3d3d;--edge:#7d7d7d;
--accent:#f0a03c;--danger:#b3261e}}
body{background:var(--bg);color:var(--text);font:14px/1.5 system-ui,sans-serif;display:grid;place-content:center;min-height:100vh;margin:0}
form{background:var(--panel);padding:24px;border-radius:12px;width:min(320px,80vw)}
h1{font-size:20px;margin:0 0 4px}
label{display:block;color:var(--label);font-weight:500}
small{display:block;color:var(--label);font-size:13px;margin:0 0 16px}
input{box-sizing:border-box;width:100%;font:inherit;font-size:16px;padding:9px 12px;margin:6px 0 16px;color:inherit}
input{border:1px solid var(--edge);border-radius:8px;background:var(--field)}
input:focus-visible{outline:2px solid var(--accent);outline-offset:1px}
button{width:100%;height:44px;border:0;border-radius:8px;background:var(--accent);color:#1c1206;
font:600 15px/1 system-ui,sans-serif;cursor:pointer}
p{color:var(--danger);margin:0 0 8px}
p:empty{display:none}
</style>
<form method="post" action="/login"><h1>Darkroom</h1>
<small>The terminal it was started in prints the key, as a link and as a QR code.</small><p role="alert">{message}</p>
<label for="key">Access key</label>
<input id="key" name="key" type="password" autocomplete="current-password" autofocus required>
<button>Open</button></form></html>"""


def make_key(path: Path) -> str:
    """The access key kept in a file that only its owner can read; made at the first time."""
    if path.is_file() and (known := path.read_text().strip()):
        return known
    path.parent.mkdir(parents=True, exist_ok=True)
    key = secrets.token_urlsafe(12)
    path.touch(mode=0o600)
    path.write_text(key)
    return key


def _host_name(host: str) -> str:
    return host.rsplit(":", 1)[0] if not host.endswith("]") and host.count(":") != 0 else host


def _say(status: int, message: str) -> Response:
    return JSONResponse({"message": message}, status)


def _limited(receive: Receive, limit: int) -> Receive:
    """Stop reading a body that is longer than it may be, whatever its headers said."""
    taken = 0

    async def read() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        return {"type": "http.disconnect"} if taken > limit else message

    return read


def _with_headers(send: Send, scope: Scope) -> Send:
    asset = scope.get("path", "").startswith(("/assets/", "/static/", "/look/"))

    async def write(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
            if asset:
                headers.setdefault("Cache-Control", "public, max-age=86400")
        await send(message)

    return write
