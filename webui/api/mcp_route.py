"""`/mcp`: the tools over streamable HTTP. The protocol is loaded when somebody first asks for it."""

import asyncio
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import httpx
from fastapi import FastAPI
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request
from starlette.types import Message, Receive, Scope, Send

from webui.api.boundary import say
from webui.api.caller import INSIDE, caller_of
from webui.api.identity import rights_of

if TYPE_CHECKING:
    from webui.client import AsyncClient

LARGEST = 96 * 2**20
_PASSED_ON = ("x-owner", "cookie")
_SESSION = "mcp-session-id"
_MOST_SESSIONS = 10_000


class McpRoute:
    """An ASGI app. Its tools call this program's own API, as the caller and with the caller's rights."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app
        self._manager: Any = None
        self._starting = asyncio.Lock()
        self._running: asyncio.Task[None] | None = None
        self._holders: OrderedDict[str, tuple[str, str]] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request of a session; to anybody but who began it, there is no such session."""
        holder, session = _holder(scope), Headers(scope=scope).get(_SESSION, "")
        if session and self._holders.get(session, holder) != holder:
            await say(404, "There is no such session. Begin a new one.")(scope, receive, send)
            return

        async def note(message: Message) -> None:
            if message["type"] == "http.response.start" and (begun := Headers(raw=message.get("headers", [])).get(_SESSION)):
                self._holders.setdefault(begun, holder)
                while len(self._holders) > _MOST_SESSIONS:
                    self._holders.popitem(last=False)
            await send(message)

        body = await _read(receive) if scope["method"] == "POST" else receive
        await self._start()
        await self._manager.handle_request(scope, body, note)

    async def _start(self) -> None:
        async with self._starting:
            if self._running is None or self._running.done():
                ready = asyncio.Event()
                self._running = asyncio.ensure_future(self._run(ready))
                await asyncio.wait({self._running, waiting := asyncio.ensure_future(ready.wait())}, return_when=asyncio.FIRST_COMPLETED)
                waiting.cancel()

    async def _run(self, ready: asyncio.Event) -> None:
        """Sessions live until the program ends and takes this task with it."""
        from mcp.server.transport_security import TransportSecuritySettings

        from webui.mcp.server import make_server

        server = make_server(self._connect)
        guarded = TransportSecuritySettings(enable_dns_rebinding_protection=False)  # the guard has looked at host and origin
        server.streamable_http_app(transport_security=guarded, max_request_body_size=LARGEST)
        async with server.session_manager.run():
            self._manager = server.session_manager
            ready.set()
            await asyncio.Event().wait()

    def _connect(self, ctx: Any) -> "AsyncClient":
        """A client that calls this program from inside, as whoever called the tool."""
        from webui.client import AsyncClient

        request: Request = ctx.request_context.request
        caller, app = caller_of(request.scope), self._app

        async def inside(scope: Scope, receive: Receive, send: Send) -> None:
            await app({**scope, INSIDE: caller}, receive, send)

        headers = {name: request.headers[name] for name in _PASSED_ON if name in request.headers}
        transport = httpx.ASGITransport(app=inside, raise_app_exceptions=False)
        return AsyncClient(http=httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", headers=headers, timeout=None))


async def _read(receive: Receive) -> Receive:
    """The body, read whole (the guard bounds it), and then what comes. Raises `ClientDisconnect` where it breaks off."""
    body, more = bytearray(), True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            raise ClientDisconnect
        body += message.get("body", b"")
        more = message.get("more_body", False)
    whole: list[Message] = [{"type": "http.request", "body": bytes(body), "more_body": False}]

    async def read() -> Message:
        return whole.pop() if whole else await receive()

    return read


def _holder(scope: Scope) -> tuple[str, str]:
    """Who asks: their name, or where they call from if they gave none, and the key they came with."""
    who = rights_of(scope)
    return who.name if who.named or who.admin else caller_of(scope).address, who.key_id


def install(app: FastAPI) -> None:
    """Put it at /mcp."""
    app.add_route("/mcp", McpRoute(app), methods=["GET", "POST", "DELETE"], include_in_schema=False)  # type: ignore[arg-type]
