"""Routes whose answers can always be written as JSON: names and paths from the disk may hold bytes that are no UTF-8."""

from collections.abc import Callable
from functools import wraps
from inspect import iscoroutinefunction
from typing import Any

from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute

from webui.core.names import encodable


class PrintedRoute(APIRoute):
    """A route that shows such bytes as `%` and two hex digits, as the library's names do. Every route of ours is one."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        super().__init__(path, _printed(endpoint), **options)


def _printed(endpoint: Callable[..., Any]) -> Callable[..., Any]:
    if iscoroutinefunction(endpoint):

        @wraps(endpoint)
        async def awaited(*given: Any, **named: Any) -> Any:
            return encodable_data(await endpoint(*given, **named))

        return awaited

    @wraps(endpoint)
    def called(*given: Any, **named: Any) -> Any:
        return encodable_data(endpoint(*given, **named))

    return called


def encodable_data(value: Any) -> Any:
    """Lists, objects and texts that can be encoded; every other value (a pydantic model's texts were checked when it was made) as it is."""
    if isinstance(value, str):
        return encodable(value)
    if type(value) is dict:
        return {encodable_data(key): encodable_data(each) for key, each in value.items()}
    if type(value) in (list, tuple):
        return [encodable_data(each) for each in value]
    return value


def plain_json(value: dict[str, Any]) -> JSONResponse:
    """An answer whose values are JSON's own already. FastAPI would look through each once more: most of the time of a list of pictures."""
    return JSONResponse(encodable_data(value))
