"""Our errors as HTTP: 422 with the field, 403, 404, 409, 429, 507; always `{message, field?, advice?}`."""

from datetime import UTC, datetime
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from webui.core.complaints import step_label, without_branch
from webui.core.names import printable
from webui.core.request import FrozenModel
from webui.core.sentences import sentence
from webui.downloads.net import FetchError
from webui.errors import (
    CheckpointError,
    Conflict,
    Forbidden,
    LimitReached,
    NotFound,
    OutOfMemory,
    PaysAgain,
    RequestError,
    SettingsError,
    StorageError,
    WebUIError,
)

STATUS: dict[type[WebUIError], int] = {
    RequestError: 422,
    NotFound: 404,
    Forbidden: 403,
    Conflict: 409,
    LimitReached: 429,
    StorageError: 507,
    CheckpointError: 422,
    OutOfMemory: 422,
    SettingsError: 422,
    FetchError: 502,
}


class Problem(FrozenModel):
    """What every refusal says: a sentence for people, the request's field if it is about one, what to do, and when a limit renews."""

    message: str
    field: str | None = None
    advice: str | None = None
    renews: datetime | None = None


_WHEN = {
    400: "This server is not called so, or the request cannot be read.",
    401: "An access key is needed.",
    403: "Only who runs this Darkroom may do this, or another web site asked.",
    404: "There is nothing of yours by this id.",
    409: "The state of it forbids this.",
    413: "More was sent than may be.",
    422: "A value is wrong; `field` says which.",
    429: "A limit is reached, or too many wrong keys were sent.",
    502: "A site that was asked refuses, or does not answer.",
    507: "It cannot be saved.",
}
_WORDS = {
    "Not Found": "There is nothing at this address.",
    "Method Not Allowed": "This cannot be done at this address: another method is meant.",
    "There was an error parsing the body": "The body cannot be read: it is no JSON in UTF-8, or is nested too deeply.",
}
"""What the frameworks say, as sentences."""
ANYWHERE = (400, 401, 403, 413, 422, 429, 507)
"""What the guard in front of every route may say, and the disk behind it."""


def in_sentences(detail: str) -> str:
    """What a framework says, as a sentence."""
    return _WORDS.get(detail, detail)


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """These refusals, for the schema."""
    return {status: {"model": Problem, "description": _WHEN[status]} for status in statuses}


def install(app: FastAPI) -> None:
    """Answer errors in our shape."""
    app.add_exception_handler(WebUIError, _ours)
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(HTTPException, _http)


async def _ours(request: Request, error: Exception) -> JSONResponse:
    status = next((code for kind, code in STATUS.items() if isinstance(error, kind)), 500)
    body: dict[str, str] = {"message": _text(error)}
    if isinstance(error, RequestError | PaysAgain):
        body["field"] = printable(error.field)
    if isinstance(error, OutOfMemory):
        body["advice"] = error.advice
    headers = {}
    if isinstance(error, LimitReached) and error.renews is not None:
        body["renews"] = error.renews.isoformat()
        headers["Retry-After"] = str(max(int((error.renews - datetime.now(UTC)).total_seconds()), 1))
    return JSONResponse(body, status, headers)


async def _validation(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where, *path = [printable(str(part)) for part in without_branch(first["loc"])] or ["body"]
    if first["type"] == "json_invalid" or not path:  # its place is a character's number
        return JSONResponse({"message": sentence(first, "The body"), "field": where}, 422)
    field = ".".join(path)
    label = step_label(tuple(first["loc"][1:])) or field
    return JSONResponse({"message": sentence(first, label), "field": field if where == "body" else path[-1]}, 422)


def _text(error: Exception) -> str:
    """Its message; what it quotes may be no Unicode."""
    return str(error).encode("utf-8", "backslashreplace").decode()


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    return JSONResponse({"message": in_sentences(str(error.detail))}, error.status_code, headers=error.headers)
