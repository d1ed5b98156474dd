"""What of /mcp the official client does not show: a body that breaks off."""

import asyncio

import pytest
from fastapi import FastAPI
from starlette.requests import ClientDisconnect

from webui.api.mcp_route import McpRoute


def test_a_body_that_breaks_off_or_is_too_long_reaches_no_session():
    """The guard ends a body that is too long in this way, and answers 413; the package logged a traceback."""
    parts = [{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}]

    async def receive() -> dict:
        return parts.pop(0)

    async def send(message: dict) -> None:
        raise AssertionError(message)

    scope = {"type": "http", "method": "POST", "path": "/mcp", "headers": [], "client": ("127.0.0.1", 1)}
    with pytest.raises(ClientDisconnect):
        asyncio.run(McpRoute(FastAPI())(scope, receive, send))
