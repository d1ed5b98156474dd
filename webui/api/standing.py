"""What a key has opened ends when the key is taken back: streams, sockets and answers that are waited for."""

import asyncio
from collections.abc import Callable
from functools import partial

from fastapi.sse import format_sse_event
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from webui.api.boundary import say
from webui.api.caller import KEY, Caller
from webui.api.door import TAKEN_BACK
from webui.api.identity import rights_of
from webui.people.keys import ApiKeys

EVERY = 0.5
"""Seconds between two looks whether the key of an open answer stands."""
ENDED = "ended"
"""The event by which a stream says that its key was taken back."""


class Standing:
    """Serves holders of keys, for as long as the key stands and its holder's role is the same; and guests under a name of their own choice
    for as long as nobody is invited by it.
    """

    def __init__(self, keys: ApiKeys | None) -> None:
        self._keys = keys

    async def serve(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        """Let `app` answer."""
        caller: Caller = scope[KEY]
        stands = self._stands(scope, caller)
        if stands is None:
            await app(scope, receive, send)
            return
        answer = _Answer(send)
        work = asyncio.ensure_future(app(scope, receive, answer.write))
        try:
            while not work.done():
                await asyncio.wait({work}, timeout=EVERY)
                if work.done() or answer.is_bounded or await run_in_threadpool(stands):
                    continue
                answer.ended = True
                work.cancel()
                await asyncio.wait({work})
                await answer.end(scope, receive)
                return
            work.result()
        finally:
            if not work.done():
                work.cancel()
                await asyncio.wait({work})

    def _stands(self, scope: Scope, caller: Caller) -> Callable[[], bool] | None:
        """Asks whether what was opened may go on; None where nothing can end it."""
        keys = self._keys
        if keys is None or (caller.admin and not caller.key_id):
            return None
        if caller.key_id:
            return partial(keys.stands, caller.key_id, caller.role)
        who = rights_of(scope)
        return (lambda: keys.person(who.name) is None) if who.named else None


class _Answer:
    """What was sent so far, as far as its end needs to know."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._started = self._is_stream = self._is_socket = self._complete = False
        self.ended = self.is_bounded = False

    async def write(self, message: Message) -> None:
        """Send on, until the key is taken back."""
        if self.ended:
            return
        if message["type"] == "http.response.start":
            headers = Headers(raw=message.get("headers", []))
            self._started, self.is_bounded = True, "content-length" in headers
            self._is_stream = headers.get("content-type", "").startswith("text/event-stream")
        self._is_socket = self._is_socket or message["type"] == "websocket.accept"
        self._complete = self._complete or (message["type"] == "http.response.body" and not message.get("more_body"))
        await self._send(message)

    async def end(self, scope: Scope, receive: Receive) -> None:
        """Say that it is over, in the words of what was begun."""
        if self._is_socket:
            await self._send({"type": "websocket.close", "code": 1008})
        elif scope["type"] == "websocket" or self._complete:
            return
        elif self._started:
            last = format_sse_event(data_str="{}", event=ENDED) if self._is_stream else b""
            await self._send({"type": "http.response.body", "body": last, "more_body": False})
        else:
            await say(401, TAKEN_BACK, path=scope.get("path", ""))(scope, receive, self._send)
