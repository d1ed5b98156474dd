"""Grids over HTTP: planned, followed, added to, stopped, and fetched as one picture or as JSON."""

import io
import json
from typing import Annotated, Any, Literal

from fastapi import Query, Request
from fastapi.responses import Response
from PIL.PngImagePlugin import PngInfo
from starlette.concurrency import run_in_threadpool

from webui.api import bodies
from webui.api.errors import ANYWHERE, responses
from webui.api.identity import Viewer
from webui.api.native import NO_STORE, Api, Who, read_json
from webui.api.printed import PrintedRoute
from webui.api.router import Router
from webui.api.schema import REFERENCE, answer
from webui.api.shapes import image_body
from webui.api.submitting import grow_grid, make_grid
from webui.core.grid import MAX_AXES, FolderWish, Grid, GridWish
from webui.core.plain import check_plain
from webui.errors import NotFound, RequestError
from webui.grids.animation import Format as Moving
from webui.grids.animation import Motion
from webui.grids.axes import kinds
from webui.grids.plan import parse_wish
from webui.grids.service import Grids
from webui.images.png_writing import fast_png
from webui.services import Services

router = Router(route_class=PrintedRoute, prefix="/api/v1/grids", tags=["Grids"], responses=responses(*ANYWHERE))
WISH = {"requestBody": {"required": True, "content": {"application/json": {"schema": {"$ref": REFERENCE.format(model="GridWish")}}}}}
_MORE = {"axis": {"enum": ["x", "y", "z"], "type": "string"}, "values": {"anyOf": [{"type": "string"}, {"type": "array", "items": {}}]}}
MORE = {"requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object", "properties": _MORE}}}}}
Format = Literal["png", "webp", "jpeg"]


@router.post("", status_code=201, responses=responses(507), openapi_extra=WISH | answer(bodies.GridBody, 201))
async def create(request: Request, api: Api, who: Who) -> dict[str, Any]:
    """Make `request` for every combination of up to three axes, each `{kind, values}`: cells are jobs of yours that wait their turn."""
    wish = _wish(await read_json(request))
    return (await run_in_threadpool(make_grid, api, who, wish)).body


@router.post("/count", openapi_extra=WISH | answer(bodies.GridCount))
async def count(request: Request, api: Api, who: Who) -> dict[str, Any]:
    """How many cells a grid would have; it is checked as a whole, and nothing is made."""
    sides = await run_in_threadpool(api.grids.count, _wish(await read_json(request)))
    return {"sides": list(sides), "cells": sides[0] * sides[1] * sides[2]}


@router.post("/folder", status_code=201, responses=responses(507), openapi_extra=answer(bodies.GridOfFolder, 201))
def of_folder(body: FolderWish, api: Api, who: Who) -> dict[str, Any]:
    """Make `request` for every picture of a folder of this machine: the first axis are the pictures, up to two more may follow.

    Only for who runs this Darkroom. Other files, and pictures that cannot be read, are passed over and named.
    """
    who.must_be_admin("name a folder of this machine")
    return api.grids.of_folder(body, who.name)


def _wish(body: dict[str, Any]) -> GridWish:
    check_plain(body)
    return parse_wish(body)


@router.get("/axes", openapi_extra=answer(bodies.AxisKinds))
def axis_kinds(api: Api, who: Who) -> dict[str, Any]:
    """The kinds of axes with the values that can be chosen, where those are known."""
    return {"kinds": kinds(_choices(api))}


def _choices(api: Services) -> dict[str, list[str]]:
    known = api.capabilities.current()
    samplers, schedules = [each.name for each in known.samplers], [each.name for each in known.schedules]
    checkpoints = [model.name for model in api.library.models("checkpoint") if not model.error]
    named = {kind: [model.name for model in api.library.models(kind) if not model.error] for kind in ("vae", "lora")}
    return {
        "checkpoint": checkpoints,
        "refiner_checkpoint": ["None", *checkpoints],
        "hires.checkpoint": checkpoints,
        "vae": ["Automatic", "None", *named["vae"]],
        "LoRA": ["None", *named["lora"]],
        "sampler": samplers,
        "hires.sampler": samplers,
        "schedule": schedules,
        "hires.schedule": schedules,
        "hires.upscaler": list(known.upscalers),
        "Styles": ["None", *(style.name for style in api.words.styles.all().styles)],
    }


@router.get("", openapi_extra=answer(bodies.GridList))
def list_grids(api: Api, who: Who, after: str = "", limit: Annotated[int, Query(ge=1, le=100)] = 30) -> dict[str, Any]:
    """Your grids, newest first."""
    found = api.grids.find(None if who.admin else who.name, after, limit)
    return {"grids": [grid.body for grid in found]}


@router.get("/{grid_id}", responses=responses(404), openapi_extra=answer(bodies.GridWithCells))
def get_grid(grid_id: str, api: Api, who: Who) -> dict[str, Any]:
    """One grid with its cells: place, state, job, pictures."""
    grid = _own(api, grid_id, who)
    cells = api.grids.cells(grid_id)
    pictures = api.grids.pictures(cells)
    shown = [
        {**cell.model_dump(mode="json"), "images": [image_body(each, who) for each in pictures.get(cell.job_id or "", ())]}
        for cell in cells
    ]
    return {**grid.body, "cells": shown}


@router.delete("/{grid_id}", responses=responses(404), openapi_extra=answer(bodies.GridBody))
def cancel_grid(grid_id: str, api: Api, who: Who) -> dict[str, Any]:
    """Stop a grid: no further cell, and those that wait or run are stopped. Its pictures stay."""
    _own(api, grid_id, who)
    return api.grids.cancel(grid_id).body


@router.post("/{grid_id}/retry", responses=responses(404, 409), openapi_extra=answer(bodies.GridBody))
def retry_grid(grid_id: str, api: Api, who: Who, pay_again: bool = False) -> dict[str, Any]:
    """Try the cells again that failed. Where one may have been paid for in vain, all wait (409) until `pay_again` says so."""
    _own(api, grid_id, who)
    return api.grids.retry(grid_id, pay_again).body


@router.post("/{grid_id}/values", status_code=201, responses=responses(404, 409), openapi_extra=MORE | answer(bodies.GridBody, 201))
async def add_values(grid_id: str, request: Request, api: Api, who: Who) -> dict[str, Any]:
    """Add values to an axis, `{"axis": "x", "values": "40, 50"}`: the cells that the grid then lacks are made."""
    body = await read_json(request)
    check_plain(body)
    axis, values = str(body.get("axis", "x")).lower(), body.get("values", "")
    if axis not in ("x", "y", "z")[:MAX_AXES]:
        raise RequestError("axis", "An axis is x, y or z.")
    if not isinstance(values, str | list):
        raise RequestError("values", "The values are a text or a list.")
    await run_in_threadpool(_own, api, grid_id, who)
    given = values if isinstance(values, str) else tuple(values)
    return (await run_in_threadpool(grow_grid, api, who, grid_id, "xyz".index(axis), given)).body


@router.get("/{grid_id}/export", responses=responses(404))
def export(grid_id: str, api: Api, who: Who) -> Response:
    """All of a grid as a JSON file: axes, base request, every cell with its values and pictures."""
    _own(api, grid_id, who)
    text = json.dumps(api.grids.export(grid_id), ensure_ascii=False, indent=1)
    return Response(text, media_type="application/json", headers={"Content-Disposition": f'attachment; filename="grid-{grid_id}.json"'})


@router.get("/{grid_id}/picture", responses=responses(404))
def picture(
    grid_id: str,
    api: Api,
    who: Who,
    format: Format = "png",
    side: Annotated[int | None, Query(ge=32, le=4096)] = None,
    labels: bool = True,
) -> Response:
    """All cells in one labelled picture, each at most `side` pixels wide and high. Cells that are not done yet are grey."""
    grid = _own(api, grid_id, who)
    data = sheet_bytes(api.grids, grid, format, side, labels)
    name = {"Content-Disposition": f'inline; filename="grid-{grid_id}.{format}"'}
    return Response(data, media_type=f"image/{format}", headers={**NO_STORE, **name})


@router.get("/{grid_id}/animation", responses=responses(404))
def animation(
    grid_id: str,
    api: Api,
    who: Who,
    format: Moving = "webp",
    seconds: Annotated[float, Query(ge=0.02, le=10)] = 0.1,
    side: Annotated[int | None, Query(ge=32, le=4096)] = None,
    bounce: bool = False,
) -> Response:
    """The cells' pictures one after another: each stands for so many seconds; `bounce` goes there and back. MP4 needs ffmpeg."""
    _own(api, grid_id, who)
    data = api.grids.animation(grid_id, Motion(format, seconds, side, bounce))
    name = {"Content-Disposition": f'inline; filename="grid-{grid_id}.{format}"'}
    return Response(data, media_type="video/mp4" if format == "mp4" else f"image/{format}", headers={**NO_STORE, **name})


def sheet_bytes(grids: Grids, grid: Grid, format: Format, side: int | None, labels: bool) -> bytes:
    """A grid's picture as a file. A PNG says what it shows, as A1111 writes it."""
    image, stream = grids.sheet(grid.id, side, labels), io.BytesIO()
    if format == "png":
        said = PngInfo()
        said.add_itxt("parameters", grids.said(grid))
        return fast_png(image, said)
    try:
        image.save(stream, format.upper(), quality=90, **({"method": 0} if format == "webp" else {}))
    except (ValueError, OSError):
        raise RequestError("format", f"This picture is too large for {format}. Ask for PNG, or for a smaller side.") from None
    return stream.getvalue()


def _own(api: Services, grid_id: str, who: Viewer) -> Grid:
    grid = api.grids.get(grid_id)
    if not who.may_touch(grid.owner):
        raise NotFound(f"There is no grid {grid_id} of yours.")
    return grid
