"""What one connection may hold before, and while, it asks for something: time, and its place among the others.

uvicorn waits for ever for a request's head and body, takes any number of connections, and logs each failure of accepting one more.
"""

import asyncio
import contextlib
import logging
import sys
import time
from collections.abc import Callable
from typing import Any

import h11
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from webui.api.peers import PEER, Peer
from webui.api.polled import Polled, Recent, Recording
from webui.core.addresses import is_loopback
from webui.core.request import FrozenModel

_EVERY = 1.0
_QUEUE, _AT_ONCE = 2048, 32
"""Connections that may wait to be accepted, and how many are in one go: so many files more than the limit are open for a moment."""
_LINGER, _LINGERING = 2.0, 64
"""Seconds for which a connection that is told to go is still read, and the most that are: to close with bytes unread resets the
connection, and the reset may overtake the answer (RFC 9112, 9.6); and a client may not understand an answer that comes before it asked.
"""
_SOCKET_MESSAGE = 2**16
"""Bytes of the longest message that a websocket takes; clients have nothing to say there."""
_HEAD_BYTES = 2**16
_FULL = b'{"message": "Too many connections are open. Close some, or try again in a moment."}'
_SLOW = b'{"message": "The request did not arrive in time."}'


class Patience(FrozenModel):
    """Seconds for a request's head; the least bytes a second of a body, after seconds that are given freely; seconds for who does not read
    an answer, or goes on sending after it; and the most connections, of all and of one address.
    """

    head: float = 15.0
    rate: int = 4096
    body: float = 30.0
    reader: float = 60.0
    after: float = 10.0
    most: int = 1000
    each: int = 128


class Pool:
    """All connections, oldest first. `shared(address)`: many come from it by right (a proxy), so that only the whole number counts."""

    def __init__(self, patience: Patience, shared: Callable[[str], bool] = lambda address: False) -> None:
        self.patience = patience
        self.recent = Recent()
        self._shared = shared
        self._all: dict[Connection, None] = {}
        self._watching = False
        self._lingering = 0

    def admit(self, connection: "Connection") -> bool:
        """Take one more; where there is no place, in that of the one that has asked for nothing for longest. False: all are at work."""
        address = connection.address
        same = [each for each in self._all if each.address == address]
        crowds = [list(self._all)] if len(self._all) >= self.patience.most else []
        if len(same) >= self.patience.each and not self._shared(address):
            crowds.insert(0, same)
        for crowd in crowds:
            idle = [each for each in crowd if each in self._all and each.is_idle]
            if not idle:
                return False
            min(idle, key=lambda each: each.since).drop()
        self._all[connection] = None
        if not self._watching:
            self._watching = True
            connection.loop.call_later(_EVERY, self._watch, connection.loop)
        return True

    def forget(self, connection: "Connection") -> None:
        """It is closed."""
        self._all.pop(connection, None)

    def linger(self, connection: "Connection") -> bool:
        """Whether this one, which is sent away, is read for a moment still; it is ended after that."""
        if self._lingering >= _LINGERING:
            return False
        self._lingering += 1
        connection.loop.call_later(_LINGER, self._end, connection)
        return True

    def _end(self, connection: "Connection") -> None:
        self._lingering -= 1
        connection.end()

    def _watch(self, loop: asyncio.AbstractEventLoop) -> None:
        now = time.monotonic()
        for connection in list(self._all):
            connection.look(now)
        self._watching = bool(self._all)
        if self._watching:
            loop.call_later(_EVERY, self._watch, loop)


class Socket(WebSocketsSansIOProtocol):
    """uvicorn's websocket, which says when it is gone. A client that does not answer its pings is closed."""

    gone: Callable[[], None] | None = None

    def connection_lost(self, exc: Exception | None) -> None:
        """Gone."""
        if self.gone is not None:
            self.gone()
        super().connection_lost(exc)

    async def send(self, message: Any) -> None:
        """Send. One that was refused with an answer is done: uvicorn takes it for one that was forgotten, and logs an error each time."""
        await super().send(message)
        self.handshake_complete = self.handshake_complete or self.close_sent


class Connection(H11Protocol):
    """uvicorn's connection, which also knows since when it waits for its client, and for what."""

    def __init__(self, pool: Pool, **more: Any) -> None:
        super().__init__(**more)
        self.conn = recording = Recording(h11.SERVER, _HEAD_BYTES)
        self._polled = Polled(recording, pool.recent, self._sender)
        self._pool = pool
        self.address = ""
        self._peer = Peer(None, None)
        self.since = time.monotonic()
        self._begun = True  # what is awaited first is a head, from the moment of connecting
        self._taken = 0
        self._stuck: float | None = None
        self._is_socket = False
        self._refused = self._told = False

    @property
    def is_idle(self) -> bool:
        """Nothing is being answered."""
        return not self._is_socket and (self.cycle is None or self.cycle.response_complete)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Come in, or hear that there is no room."""
        super().connection_made(transport)
        self.address = self.client[0] if self.client else ""
        self._peer = Peer(self.client, self.server)
        self.app_state = {**self.app_state, PEER: self._peer}
        if not self._pool.admit(self):
            self._refused = self._pool.linger(self)
            if not self._refused:
                self._say(b"503 Service Unavailable", _FULL)

    def connection_lost(self, exc: Exception | None) -> None:
        """Gone."""
        self._pool.forget(self)
        super().connection_lost(exc)

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        """It goes on as a websocket, in the place that it has among the others."""
        self._is_socket = True
        super().handle_websocket_upgrade(event)
        socket = self.transport.get_protocol()
        if isinstance(socket, Socket):
            socket.gone = lambda: self._pool.forget(self)

    def data_received(self, data: bytes) -> None:
        """Note when a head or a body begins."""
        if self._told or self.transport.is_closing():
            return
        if self._refused:
            self._say(b"503 Service Unavailable", _FULL)
            return
        before = self.conn.their_state
        is_start = before is h11.IDLE and not self.conn.trailing_data[0]
        if is_start and (same := self._polled.answer(data)):
            self._restart(begun=False)
            self.transport.write(same)
            return
        if is_start:
            self._polled.begin(data)
        else:
            self._polled.more()
        if before is h11.IDLE and not self._begun:
            self._restart(begun=True)
        self._taken += len(data)
        super().data_received(data)
        if self.conn.their_state is not before or self._is_socket:
            self._restart(begun=False)

    def on_response_complete(self) -> None:
        """Answered: from now on it waits for the next request."""
        self._restart(begun=False)
        self._polled.end()
        super().on_response_complete()

    def _sender(self) -> tuple[str, bool]:
        """What the guard can see of the other end."""
        return self.address, is_loopback(self.address) and self._peer.is_service

    def pause_writing(self) -> None:
        """Its client does not read."""
        self._stuck = time.monotonic()
        super().pause_writing()

    def resume_writing(self) -> None:
        """It reads again."""
        self._stuck = None
        super().resume_writing()

    def look(self, now: float) -> None:
        """Close it if its client has had its time."""
        patience, waited = self._pool.patience, now - self.since
        if self._stuck is not None and now - self._stuck > patience.reader:
            self.transport.abort()
        elif self._told or self.transport.is_closing():
            if waited > patience.after:
                self.transport.abort()
        elif self._is_socket:
            self.since = now  # so that it has its time once it closes
        elif self.conn.their_state is h11.IDLE and self.is_idle:
            if self._begun and waited > patience.head:
                self._say(b"408 Request Timeout", _SLOW)
        elif self.conn.their_state is h11.SEND_BODY:
            self._look_at_body(waited)

    def _look_at_body(self, waited: float) -> None:
        patience = self._pool.patience
        if self.is_idle:
            if waited > patience.after:
                self.drop()
        elif self.flow.read_paused:  # we are the slow ones
            self.since += _EVERY
        elif waited > patience.body + self._taken / patience.rate:
            self._say(b"408 Request Timeout", _SLOW) if not self.cycle.response_started else self.drop()

    def end(self) -> None:
        """Close it if it is not closed; whoever never asked hears now why."""
        if self._refused and not self._told:
            self._say(b"503 Service Unavailable", _FULL)
            self.transport.close()
        else:
            self.transport.abort()

    def drop(self) -> None:
        """Close it without a word."""
        self._pool.forget(self)
        self.transport.abort()

    def _restart(self, begun: bool) -> None:
        self.since, self._begun, self._taken = time.monotonic(), begun, 0

    def _say(self, status: bytes, body: bytes) -> None:
        lines = (
            b"HTTP/1.1 " + status,
            b"Content-Type: application/json",
            b"Content-Length: %d" % len(body),
            b"Connection: close",
            b"Retry-After: 10",
        )
        self.since, self._told = time.monotonic(), True
        self.transport.write(b"\r\n".join(lines) + b"\r\n\r\n" + body)
        if self.transport.can_write_eof() and (self._refused or self._pool.linger(self)):
            self.transport.write_eof()
        else:
            self.transport.close()


class Server(uvicorn.Server):
    """uvicorn's server; what its event loop cannot accept is said once a minute."""

    async def startup(self, sockets: Any = None) -> None:
        """Begin to listen."""
        asyncio.get_running_loop().set_exception_handler(_Complaints().take)
        await super().startup(sockets)
        for listener in sockets or ():
            listener.listen(_QUEUE)


def make_server(app: ASGIApp, pool: Pool, log_level: str = "warning") -> Server:
    """A server of these connections. They are kept for 75 s between two requests: with uvicorn's 5 s, a client's next request may meet one
    that is being closed, and fail.
    """
    config = uvicorn.Config(
        app,
        log_level=log_level,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=1,
        access_log=False,
        proxy_headers=False,
        h11_max_incomplete_event_size=_HEAD_BYTES,
        ws=Socket,
        ws_max_size=_SOCKET_MESSAGE,
        ws_per_message_deflate=False,
        backlog=_AT_ONCE,
    )
    config.load()
    config.http_protocol_class = lambda **more: Connection(pool, **more)  # type: ignore[assignment]
    logging.getLogger("uvicorn.error").addFilter(_SELDOM)
    return Server(config)


def raise_file_limit(wanted: int = 65_536) -> int:
    """Let this process open as many files as the system allows it, up to `wanted`; gives how many it may open now."""
    if sys.platform == "win32":
        return wanted
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    aim = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft == resource.RLIM_INFINITY or soft >= aim:
        return wanted if soft == resource.RLIM_INFINITY else soft
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (aim, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


class _Complaints:
    """The event loop's own troubles."""

    def __init__(self) -> None:
        self._said = -60.0

    def take(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Say it; that there are no more files, once a minute."""
        error = context.get("exception")
        said = str(context.get("message", ""))
        if isinstance(error, ValueError) and "_start_serving" in said:
            return  # asyncio tries again to accept, but the server has ended
        if not (isinstance(error, OSError) and "accept" in said):
            loop.default_exception_handler(context)
        elif time.monotonic() - self._said >= 60:
            self._said = time.monotonic()
            print(f"No more connections can be taken for now: {error.strerror}.", file=sys.stderr, flush=True)


class _Seldom(logging.Filter):
    """At most ten lines a minute that say the same: anybody can make the server complain as often as they like."""

    def __init__(self) -> None:
        super().__init__()
        self._seen: dict[str, tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether this line is printed. A stream that is cut off at the end of the program is no failure."""
        if record.exc_info and isinstance(record.exc_info[1], asyncio.CancelledError):
            return False
        now = time.monotonic()
        since, count = self._seen.get(str(record.msg), (now, 0))
        since, count = (now, 0) if now - since >= 60 else (since, count)
        if len(self._seen) < 100:
            self._seen[str(record.msg)] = (since, count + 1)
        return count < 10


_SELDOM = _Seldom()
