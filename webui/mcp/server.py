"""The tools and resources that a language model finds: make, change, enlarge, vary and find pictures, list models."""

import asyncio
import base64
import json
from collections.abc import Callable
from typing import Annotated, Any, Literal

from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ResourceError, ToolError
from mcp_types import ImageContent, TextContent
from pydantic import Field

from webui import __version__
from webui.client import AsyncClient, Picture, RemoteJob
from webui.errors import RequestError, WebUIError
from webui.mcp.protocol import Resources, StrictServer, mime_type

Ctx = Context[Any, Any]
Content = list[TextContent | ImageContent]
Connect = Callable[[Ctx | None], AsyncClient]
"""The client that acts for whoever called the tool; without a context, for whoever runs this server."""
PERIOD = 0.3
"""Seconds between looks at a job."""
INSTRUCTIONS = (
    "Darkroom makes pictures on the user's own machine with Stable Diffusion. Pictures have ids; a tool that takes a picture takes an id "
    "from an earlier answer, or the picture's file as base64."
)
PictureGiven = Annotated[str, Field(description="A picture's id, or its file as base64.")]
Strength = Annotated[float, Field(ge=0, le=1, description="0 keeps the picture, 1 makes a new one.")]
Side = Annotated[int | None, Field(ge=64, le=4096, description="Pixels, a multiple of 8; the model's own size where it is left out.")]


def make_server(connect: Connect) -> MCPServer[Any]:
    """A server with all tools; `connect` gives the client for a call."""
    server = StrictServer("Darkroom", instructions=INSTRUCTIONS, version=__version__, log_level="WARNING", middleware=[Resources(connect)])
    _add_making(server, connect)
    _add_changing(server, connect)
    _add_finding(server, connect)
    return server


def _add_making(server: MCPServer[Any], connect: Connect) -> None:
    @server.tool(structured_output=False)
    async def generate(
        ctx: Ctx,
        prompt: str,
        negative_prompt: str = "",
        width: Side = None,
        height: Side = None,
        count: Annotated[int, Field(ge=1, le=8)] = 1,
        options: Annotated[dict[str, Any] | None, Field(description="More fields of Darkroom's request: seed, steps, checkpoint …")] = None,
    ) -> Content:
        """Make pictures from words."""
        wanted = {"prompt": prompt, "negative_prompt": negative_prompt, "width": width, "height": height, "batch_count": count}
        return await _made(connect(ctx), ctx, {**wanted, **(options or {})})


def _add_changing(server: MCPServer[Any], connect: Connect) -> None:
    @server.tool(structured_output=False)
    async def edit(ctx: Ctx, image: PictureGiven, prompt: str, strength: Strength = 0.6) -> Content:
        """Make a picture anew after words, keeping its composition."""
        client = connect(ctx)
        start = await _picture_id(client, image)
        return await _made(client, ctx, {"mode": "img2img", "init": start, "prompt": prompt, "strength": strength})

    @server.tool(structured_output=False)
    async def inpaint(ctx: Ctx, image: PictureGiven, mask: PictureGiven, prompt: str, strength: Strength = 0.9) -> Content:
        """Change the part of a picture where the mask, of the same size, is white."""
        client = connect(ctx)
        places = {"init": await _picture_id(client, image), "mask": await _picture_id(client, mask)}
        return await _made(client, ctx, {"mode": "inpaint", **places, "prompt": prompt, "strength": strength})

    @server.tool(structured_output=False)
    async def vary(ctx: Ctx, image: PictureGiven, strength: Strength = 0.5, prompt: str = "") -> Content:
        """Make a picture like another one; without a prompt, with the one it was made with."""
        client = connect(ctx)
        start = await _picture_id(client, image)
        made_with = await _said(client.request_of(start))
        wanted = {key: made_with[key] for key in ("negative_prompt", "checkpoint") if made_with.get(key)}
        return await _made(
            client, ctx, {**wanted, "mode": "img2img", "init": start, "strength": strength, "prompt": prompt or made_with.get("prompt", "")}
        )

    @server.tool(structured_output=False)
    async def upscale(
        ctx: Ctx, image: PictureGiven, scale: Annotated[float, Field(gt=0, le=8)] = 2.0, upscaler: Literal["Lanczos", "Nearest"] = "Lanczos"
    ) -> Content:
        """Enlarge a picture; its content stays as it is."""
        client = connect(ctx)
        data = await _said(client.picture(image)) if _is_id(image) else _decoded(image)
        large = await _said(client.upscaled(data, scale, upscaler))
        kept = await _said(client.upload(large))
        return [_image(large), TextContent(type="text", text=_line(kept))]


def _add_finding(server: MCPServer[Any], connect: Connect) -> None:
    @server.tool(structured_output=False)
    async def find_pictures(ctx: Ctx, search: str = "", limit: Annotated[int, Field(ge=1, le=50)] = 10) -> Content:
        """Find the user's pictures by words of their prompts, newest first. Answers ids, not the pictures."""
        found = await _said(connect(ctx).pictures(search, limit=limit))
        return [TextContent(type="text", text="\n".join(map(_line, found)) or "There are no such pictures.")]

    @server.tool(structured_output=False)
    async def show_picture(ctx: Ctx, image: Annotated[str, Field(description="A picture's id.")]) -> Content:
        """Look at one picture."""
        return [_image(await _said(connect(ctx).picture(image)))]

    @server.tool(structured_output=False)
    async def list_models(ctx: Ctx, kind: Literal["checkpoint", "lora", "vae", "embedding"] = "checkpoint") -> Content:
        """List model files. A LoRA is used by <lora:name:weight> in a prompt."""
        models = (await _said(connect(ctx).capabilities()))["models"].get(kind, [])
        lines = [f"{model['name']} ({model['family']})" for model in models if not model.get("error")]
        return [TextContent(type="text", text="\n".join(lines) or f"There are no files of the kind {kind}.")]

    @server.resource("darkroom://gallery{?search}", mime_type="application/json")
    async def gallery(ctx: Ctx, search: str = "") -> str:
        """The newest pictures, also by words of their prompts: ids, sizes, when they were made."""
        found = await _read(connect(ctx).pictures(search, limit=50))
        return json.dumps([each.model_dump(mode="json", include={"id", "width", "height", "seed", "created"}) for each in found])

    @server.resource("darkroom://pictures/{picture_id}", mime_type="image/png")
    async def picture(picture_id: str, ctx: Ctx) -> bytes:
        """One picture's file."""
        return bytes(await _read(connect(ctx).picture(picture_id)))


async def _made(client: AsyncClient, ctx: Ctx, wanted: dict[str, Any]) -> Content:
    """Submit, tell of progress, and give the pictures. A call that is cancelled stops its job."""
    job = await _said(client.submit({name: value for name, value in wanted.items() if value is not None}))
    try:
        job = await _ended(client, ctx, job)
    except asyncio.CancelledError:
        await asyncio.shield(client.cancel(job.id))
        raise
    if job.error is not None or not job.images:
        raise ToolError(f"{job.error.message} {job.error.advice}".strip() if job.error is not None else "The job was stopped.")
    answer: Content = []
    for picture in job.images:
        answer += [_image(await _said(client.picture(picture))), TextContent(type="text", text=_line(picture))]
    return [*answer, *(TextContent(type="text", text=note) for note in job.notes)]


async def _ended(client: AsyncClient, ctx: Ctx, job: RemoteJob) -> RemoteJob:
    told = -1.0
    while not job.has_ended:
        await asyncio.sleep(PERIOD)
        job = await _said(client.job(job.id))
        now = job.progress or {}
        if (steps := now.get("steps", 0)) and (batches := now.get("batches", 1)):
            done = now.get("batch", 0) + now.get("step", 0) / steps
            if done > told:
                told = done
                await ctx.report_progress(done, batches, f"{now.get('phase', '')} {now.get('step', 0)}/{steps}")
    return job


async def _picture_id(client: AsyncClient, given: str) -> str:
    return given if _is_id(given) else (await _said(client.upload(_decoded(given)))).id


def _is_id(given: str) -> bool:
    return len(given) == 64 and set(given) <= set("0123456789abcdef")


def _decoded(given: str) -> bytes:
    try:
        return base64.b64decode(given.partition(",")[2] if given.startswith("data:") else given, validate=True)
    except ValueError:
        raise ToolError("This is neither a picture's id nor a picture as base64.") from None


async def _said(call: Any) -> Any:
    """What a call gives; Darkroom's own errors as the tool's."""
    try:
        return await call
    except RequestError as error:
        raise ToolError(f"{error.field}: {error.message}") from None
    except WebUIError as error:
        raise ToolError(str(error)) from None


async def _read(call: Any) -> Any:
    try:
        return await call
    except WebUIError as error:
        raise ResourceError(str(error)) from None


def _image(data: bytes) -> ImageContent:
    return ImageContent(type="image", data=base64.b64encode(data).decode(), mime_type=mime_type(data))


def _line(picture: Picture) -> str:
    seed = f", seed {picture.seed}" if picture.seed is not None else ""
    return f"id {picture.id}, {picture.width}×{picture.height}{seed}"
