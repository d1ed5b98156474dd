"""Around every request: bodies end where they are too long, and no exception, of whichever part, becomes an answer without a sentence."""

import errno
import logging
from collections.abc import Callable, Iterator

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from webui.api import dialects

FULL = "The disk is full. Free some space, or choose another folder with --data-dir; nothing that was saved is lost."
BROKEN = "Something went wrong inside Darkroom. The terminal that it was started in says more."
UNREADABLE = "This request cannot be read."
UNKNOWN = "There is no such function on this page."
CHALLENGE = {"WWW-Authenticate": 'Bearer realm="Darkroom"'}
"""With every 401 (RFC 9110): which way a key is brought. Basic is taken, too, but named here it would have browsers ask in a box."""
_FULL_DISK = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC), errno.EFBIG}
_ODD_INPUT = (ArithmeticError, AssertionError, AttributeError, LookupError, RecursionError, TypeError, ValueError)

log = logging.getLogger("webui.api")


def say(status: int, message: str, headers: dict[str, str] | None = None, path: str = "") -> Response:
    """An answer in the shape of the API that `path` belongs to; without one, in that of our own."""
    asked = CHALLENGE if status == 401 else {}
    return JSONResponse(dialects.refusal(path, status, message), status, {**asked, **(headers or {})})


async def answer(
    app: ASGIApp, scope: Scope, receive: Receive, send: Send, *, fits: Callable[[int], bool], too_long: str, foreign: bool
) -> None:
    """Let `app` answer, with a body whose parts (by their lengths) `fits` allows; where it fails, answer in its place.

    `foreign`: the route is Gradio's, which meets odd requests with exceptions; those are the caller's fault and not ours.
    """
    path = scope.get("path", "").removeprefix(scope.get("root_path", ""))
    exchange = _Exchange(receive, send, fits)
    failure: Exception | None = None
    try:
        await app(scope, exchange.read, exchange.write)
    except Exception as error:
        if exchange.started and not isinstance(error, ClientDisconnect):
            if not foreign:
                raise
            log.info("Gradio broke off its answer", exc_info=error)
            await exchange.end_stream()
            return
        failure = error
    if exchange.started or (isinstance(failure, ClientDisconnect) and not exchange.is_over):
        return
    if exchange.is_over:
        await say(413, too_long, path=path)(scope, receive, send)
    elif failure is not None or foreign:
        response = _instead(failure, foreign, path)
        await response(scope, receive, send)
        if failure is not None and response.status_code == 500:
            raise failure
    else:
        await exchange.release()


class _Exchange:
    """One request and its answer. An answer of status 500 is held back until it is known why."""

    def __init__(self, receive: Receive, send: Send, fits: Callable[[int], bool]) -> None:
        self._receive, self._send, self._fits = receive, send, fits
        self._held: list[Message] = []
        self.started = self.is_over = self._is_stream = False

    async def read(self) -> Message:
        """The next part of the body; the end of it where it is too long, whatever its headers said."""
        if self.is_over:
            return {"type": "http.disconnect"}
        message = await self._receive()
        self.is_over = not self._fits(len(message.get("body", b"")))
        return {"type": "http.disconnect"} if self.is_over else message

    async def write(self, message: Message) -> None:
        """Send on, or hold back."""
        if self._held or (not self.started and (self.is_over or message.get("status") == 500)):
            self._held.append(message)
            return
        self.started = True
        if message["type"] == "http.response.start":
            self._is_stream = Headers(raw=message.get("headers", [])).get("content-type", "").startswith("text/event-stream")
        await self._send(message)

    async def end_stream(self) -> None:
        """End a stream of events that was broken off: its last event said why. Any other answer stays cut, and is seen to be."""
        if self._is_stream:
            await self._send({"type": "http.response.body", "body": b""})

    async def release(self) -> None:
        """Send what was held back."""
        for message in self._held:
            await self._send(message)


def at_most(limit: int) -> Callable[[int], bool]:
    """Whether the parts of a body, by their lengths, are together at most this long."""
    taken = 0

    def fits(count: int) -> bool:
        nonlocal taken
        taken += count
        return taken <= limit

    return fits


def _instead(failure: Exception | None, foreign: bool, path: str) -> Response:
    """What to say where a route failed."""
    chain = list(_chain(failure))
    if any(_is_full_disk(error) for error in chain):
        return say(507, FULL, path=path)
    if foreign and (failure is None or isinstance(failure, (*_ODD_INPUT, OSError))):
        if failure is not None:
            log.info("Gradio could not answer", exc_info=failure)
        return say(400, UNREADABLE)
    if foreign and type(failure).__module__.startswith("gradio"):
        return say(404, UNKNOWN)
    if isinstance(failure, RecursionError | UnicodeError):
        return say(422, UNREADABLE, path=path)
    return say(500, BROKEN, path=path)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _is_full_disk(error: BaseException) -> bool:
    """The system's word for it, or SQLite's."""
    return (isinstance(error, OSError) and error.errno in _FULL_DISK) or "database or disk is full" in str(error)
