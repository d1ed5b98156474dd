"""Errors as OpenAI says them: `{"error": {message, type, param, code}}`."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from webui.api.dialects import openai_error
from webui.api.errors import STATUS, in_sentences
from webui.api.printed import PrintedRoute
from webui.core.job import JobError
from webui.core.names import printable
from webui.core.sentences import sentence
from webui.errors import NotFound, OutOfMemory, RequestError, WebUIError


class OpenAIRoute(PrintedRoute):
    """A route whose refusals have OpenAI's shape."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's handler, its errors turned into answers."""
        handler = super().get_route_handler()

        async def answer(request: Request) -> Response:
            try:
                return await handler(request)
            except RequestValidationError as error:
                first = error.errors()[0]
                param = ".".join(printable(str(part)) for part in first["loc"][1:]) if first["type"] != "json_invalid" else ""
                return refused(400, sentence(first, param or "The body"), param or None)
            except HTTPException as error:
                return refused(error.status_code, in_sentences(str(error.detail)) if error.status_code == 400 else str(error.detail))
            except WebUIError as error:
                return _ours(error)

        return answer


def refused(status: int, message: str, param: str | None = None, code: str | None = None) -> JSONResponse:
    """A refusal."""
    return JSONResponse(openai_error(status, message, param, code), status)


def _ours(error: WebUIError) -> JSONResponse:
    status = next((code for kind, code in STATUS.items() if isinstance(error, kind)), 500)
    said = f"{error} {error.advice}" if isinstance(error, OutOfMemory) else str(error)
    said = said.encode("utf-8", "backslashreplace").decode()
    if isinstance(error, RequestError):
        return refused(400, said, printable(error.field) or None, "invalid_value")
    return refused(status, said, code="model_not_found" if isinstance(error, NotFound) else None)


def of_failure(error: JobError | None) -> tuple[int, dict[str, Any]]:
    """(status, body) of a job that failed."""
    if error is None:
        return 500, openai_error(500, "The job was stopped before its picture was done.")
    status = 400 if error.kind in ("RequestError", "CheckpointError", "OutOfMemory") else 500
    return status, openai_error(status, f"{error.message} {error.advice}".strip(), error.field)
