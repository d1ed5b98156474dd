"""Errors as ComfyUI says them: `{"error": {type, message, details, extra_info}, "node_errors": {}}`."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from webui.api.comfy.graphs import GraphError
from webui.api.errors import STATUS
from webui.api.printed import PrintedRoute
from webui.core.names import printable
from webui.core.sentences import sentence
from webui.errors import RequestError, WebUIError

REFUSED: dict[int | str, dict[str, Any]] = {
    status: {"description": "It cannot be done; `error` says why."} for status in (400, 401, 403, 404, 413, 422, 429, 507)
}


class ComfyRoute(PrintedRoute):
    """A route whose refusals have ComfyUI's shape."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's handler, its errors turned into answers."""
        handler = super().get_route_handler()

        async def answer(request: Request) -> Response:
            try:
                return await handler(request)
            except GraphError as error:
                return JSONResponse(error.body, 400)
            except RequestValidationError as error:
                first = error.errors()[0]
                return _said(400, "invalid_input", sentence(first, printable(str(first["loc"][-1]))))
            except HTTPException as error:
                return _said(error.status_code, "invalid_input", str(error.detail))
            except WebUIError as error:
                status = next((code for kind, code in STATUS.items() if isinstance(error, kind)), 500)
                return _said(400 if isinstance(error, RequestError) else status, type(error).__name__, str(error))

        return answer


def _said(status: int, kind: str, message: str) -> JSONResponse:
    said = message.encode("utf-8", "backslashreplace").decode()
    return JSONResponse(GraphError(kind, said).body, status)
