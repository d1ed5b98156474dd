"""`/mcp`: the tools over streamable HTTP. The protocol is loaded when somebody first asks for it."""

import asyncio
from typing import TYPE_CHECKING, Any

import httpx
from fastapi import FastAPI
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from webui.api.caller import INSIDE, caller_of

if TYPE_CHECKING:
    from webui.client import AsyncClient

LARGEST = 96 * 2**20
_PASSED_ON = ("x-owner", "cookie")


class McpRoute:
    """An ASGI app. Its tools call this program's own API, as the caller and with the caller's rights."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app
        self._manager: Any = None
        self._starting = asyncio.Lock()
        self._running: asyncio.Task[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request of a session."""
        await self._start()
        await self._manager.handle_request(scope, receive, send)

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


def install(app: FastAPI) -> None:
    """Put it at /mcp."""
    app.add_route("/mcp", McpRoute(app), methods=["GET", "POST", "DELETE"], include_in_schema=False)  # type: ignore[arg-type]
