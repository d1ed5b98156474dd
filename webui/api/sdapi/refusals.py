"""Errors as A1111 says them: `{"detail": …}`, a list of places where the body's types are wrong, a sentence for everything else."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from webui.api.errors import STATUS, in_sentences
from webui.api.printed import PrintedRoute
from webui.core.job import Job
from webui.core.names import printable
from webui.errors import OutOfMemory, RequestError, WebUIError

LONGEST = 200
"""Letters of a wrong value that are sent back: A1111 sends back whole pictures."""
_KEPT = ("type", "loc", "msg", "input", "ctx")


class Refusal(Exception):
    """A refusal in A1111's own words: status and the text of `detail`."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status, self.detail = status, detail


class JobFailed(Exception):
    """A job has failed; it says why."""

    def __init__(self, job: Job) -> None:
        super().__init__(job.id)
        self.job = job


class A1111Route(PrintedRoute):
    """A route whose refusals have A1111's shape."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's handler, its errors turned into answers."""
        handler = super().get_route_handler()

        async def answer(request: Request) -> Response:
            try:
                return await handler(request)
            except Refusal as error:
                return JSONResponse({"detail": error.detail}, error.status)
            except RequestValidationError as error:
                return JSONResponse({"detail": [_entry(each) for each in error.errors()[:100]]}, 422)
            except HTTPException as error:
                said = in_sentences(str(error.detail)) if error.status_code == 400 else str(error.detail)
                return JSONResponse({"detail": said}, error.status_code, headers=error.headers)
            except WebUIError as error:
                return failure(error)

        return answer


def failure(error: WebUIError) -> JSONResponse:
    """One of our errors with the keys of A1111's and of Forge's handler."""
    status = next((code for kind, code in STATUS.items() if isinstance(error, kind)), 500)
    said = f"{error} {error.advice}" if isinstance(error, OutOfMemory) else str(error)
    if isinstance(error, RequestError) and error.field:
        said = f"{printable(error.field)}: {said}"
    return failed(status, type(error).__name__, said)


def failed(status: int, kind: str, said: str) -> JSONResponse:
    """A sentence under every key in which A1111, Forge or their clients look for one."""
    said = said.encode("utf-8", "backslashreplace").decode()
    return JSONResponse({"error": kind, "detail": said, "body": "", "errors": said, "message": said}, status)


def _entry(found: dict[str, Any]) -> dict[str, Any]:
    return {key: _shown(found[key]) for key in _KEPT if key in found}


def _shown(value: Any, depth: int = 0) -> Any:
    """A value as it may be sent back: short, and of JSON's types."""
    if isinstance(value, str):
        value = value.encode("utf-8", "backslashreplace").decode()
        return value if len(value) <= LONGEST else f"{value[:LONGEST]}… ({len(value)} letters)"
    if isinstance(value, bool | int | None):
        return value if not isinstance(value, int) or abs(value) < 2**63 else "a number of too many digits"
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else str(value)
    if depth > 4:
        return "…"
    if isinstance(value, dict):
        return {str(_shown(str(key))): _shown(each, depth + 1) for key, each in list(value.items())[:50]}
    if isinstance(value, list | tuple):
        return [_shown(each, depth + 1) for each in value[:50]]
    return str(value)[:LONGEST]
