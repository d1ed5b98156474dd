"""Our errors as HTTP: 422 with the field, 403, 404, 409, 429, 507; always `{message, field?, advice?}`."""

from datetime import UTC, datetime

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from webui.core.names import printable
from webui.core.sentences import sentence
from webui.errors import (
    CheckpointError,
    Conflict,
    Forbidden,
    LimitReached,
    NotFound,
    OutOfMemory,
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
}


def install(app: FastAPI) -> None:
    """Answer errors in our shape."""
    app.add_exception_handler(WebUIError, _ours)
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(HTTPException, _http)


async def _ours(request: Request, error: Exception) -> JSONResponse:
    status = next((code for kind, code in STATUS.items() if isinstance(error, kind)), 500)
    body: dict[str, str] = {"message": str(error)}
    if isinstance(error, RequestError):
        body["field"] = error.field
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
    where, *path = [printable(str(part)) for part in first["loc"]] or ["body"]
    if first["type"] == "json_invalid" or not path:  # its place is a character's number
        return JSONResponse({"message": sentence(first, "The body"), "field": where}, 422)
    field = ".".join(path)
    return JSONResponse({"message": sentence(first, field), "field": field if where == "body" else path[-1]}, 422)


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    return JSONResponse({"message": str(error.detail)}, error.status_code, headers=error.headers)
