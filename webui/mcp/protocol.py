"""What the official package leaves open: arguments that a tool does not have, what it says of wrong ones, and which resources there are."""

import base64
from collections.abc import Callable
from typing import Any

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_PARAMS, Resource, Tool
from pydantic import ValidationError

from webui.client import AsyncClient, Picture
from webui.core.names import printable
from webui.core.sentences import sentence
from webui.errors import WebUIError

PAGE = 50
"""Pictures of one answer to `resources/list`."""
_KINDS = {b"\x89PNG": "image/png", b"\xff\xd8\xff": "image/jpeg", b"RIFF": "image/webp"}


def mime_type(data: bytes) -> str:
    """What kind of file a picture is, by its first bytes."""
    return next((kind for start, kind in _KINDS.items() if data.startswith(start)), "application/octet-stream")


class StrictServer(MCPServer[Any]):
    """A server whose tools refuse what they do not know, in sentences."""

    async def list_tools(self) -> list[Tool]:
        """All tools; their schemas say that there are no other arguments."""
        return [
            tool.model_copy(update={"input_schema": {**tool.input_schema, "additionalProperties": False}})
            for tool in await super().list_tools()
        ]

    async def call_tool(self, name: str, arguments: dict[str, Any], context: Context[Any, Any] | None = None) -> Any:
        """Call a tool. Raises `ToolError` with a sentence for arguments that it does not have, or that are wrong."""
        known = next((list(tool.input_schema["properties"]) for tool in await self.list_tools() if tool.name == name), None)
        unknown = [] if known is None else [printable(each[:60]) for each in arguments if each not in known]
        if known is not None and unknown:
            more = " More fields of Darkroom's request go into options." if "options" in known else ""
            raise ToolError(f"{name} has no argument {', '.join(map(repr, unknown[:10]))}. It has {', '.join(known)}.{more}")
        try:
            return await super().call_tool(name, arguments, context)
        except ToolError as error:
            if isinstance(error.__cause__, ValidationError):
                first = error.__cause__.errors(include_url=False)[0]
                field = ".".join(printable(str(part)) for part in first["loc"]) or "The call"
                raise ToolError(sentence(first, field)) from None
            raise


class Resources:
    """Middleware: lists the newest pictures of whoever asks, and tells each one's kind of file."""

    def __init__(self, connect: Callable[[Context[Any, Any] | None], AsyncClient]) -> None:
        self._connect = connect

    async def __call__(self, ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        """Answer, and add what only the caller's gallery knows. What comes from the handler is as it is sent."""
        result = await call_next(ctx)
        if not isinstance(result, dict):
            return result
        if ctx.method == "resources/list":
            client = self._connect(Context(request_context=ctx))
            return {**result, **await _listed(client, str((ctx.params or {}).get("cursor") or ""))}
        if ctx.method == "resources/read":
            return {**result, "contents": [_typed(each) for each in result["contents"]]}
        return result


async def _listed(client: AsyncClient, after: str) -> dict[str, Any]:
    try:
        found = await client.pictures(after=after, limit=PAGE)
    except WebUIError as error:
        raise MCPError(code=INVALID_PARAMS, message=str(error)) from None
    gallery = Resource(
        name="gallery",
        uri="darkroom://gallery",
        title="The newest pictures",
        description="Ids, sizes, seeds and times of the newest 50. darkroom://gallery?search=WORDS finds by words of prompts.",
        mime_type="application/json",
    )
    listed = [*([] if after else [gallery]), *map(_resource, found)]
    told = [each.model_dump(by_alias=True, mode="json", exclude_none=True) for each in listed]
    return {"resources": told, **({"nextCursor": found[-1].id} if len(found) == PAGE else {})}


def _resource(picture: Picture) -> Resource:
    made = f", {picture.created:%Y-%m-%d %H:%M}" if picture.created else ""
    seed = f", seed {picture.seed}" if picture.seed is not None else ""
    title = f"{picture.width}×{picture.height}{seed}{made}"
    return Resource(name=f"picture {picture.id[:12]}", uri=f"darkroom://pictures/{picture.id}", title=title)


def _typed(contents: dict[str, Any]) -> dict[str, Any]:
    return {**contents, "mimeType": mime_type(base64.b64decode(contents["blob"][:64]))} if "blob" in contents else contents
