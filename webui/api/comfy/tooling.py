"""The routes of Krita's tooling nodes, /api/etn: pictures that go to and fro beside the graph, and what is known of models."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import Query, Request, Response
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from webui.api.comfy.files import CACHED
from webui.api.comfy.listings import FOLDERS
from webui.api.comfy.refusals import REFUSED, ComfyRoute
from webui.api.comfy.routes import shown
from webui.api.comfy.sent import PICTURE, Held
from webui.api.native import Api, Who
from webui.api.router import Router
from webui.errors import Forbidden, RequestError
from webui.library.models import ModelFile

_FAMILIES: Mapping[str, str] = {"sd1": "sd15", "sd2": "sd20"}
_TYPES: Mapping[str, str] = {"v": "v-prediction"}
_EMPTY = ("diffusion_models", "unet", "unet_gguf", "clip", "clip_vision", "text_encoders")
"""Folders of ComfyUI's in which nothing is here."""
_BYTES = {"requestBody": {"content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}}}
_PICTURE: dict[int | str, dict[str, Any]] = {200: {"content": {"image/png": {}}, "description": "The picture's file."}}
router = Router(prefix="/api/etn", tags=["ComfyUI"], route_class=ComfyRoute, responses=REFUSED)


@router.get("/model_info")
@router.get("/model_info/{folder}")
def model_info(
    api: Api,
    folder: str = "checkpoints",
    offset: Annotated[int, Query(ge=0, le=10**6)] = 0,
    limit: Annotated[int | None, Query(ge=1, le=10**6)] = None,
) -> dict[str, Any]:
    """What kind of model each file of a folder is; with `limit` so many of them, and how many there are."""
    if folder not in (*FOLDERS, *_EMPTY):
        raise RequestError("folder", f"There is no such folder. There are: {', '.join((*FOLDERS, *_EMPTY))}.")
    models = [each for each in api.library.models(FOLDERS[folder]) if not each.error] if folder in FOLDERS else []
    part = models[offset:] if limit is None else models[offset : offset + limit]
    told = {each.file_name: _told(each) for each in part}
    return told if limit is None else told | {"_meta": {"offset": offset, "count": len(part), "total": len(models)}}


def _told(model: ModelFile) -> dict[str, Any]:
    family = _FAMILIES.get(model.family, model.family)
    return {"base_model": family, "is_inpaint": model.variant == "inpaint", "type": _TYPES.get(model.prediction, model.prediction)}


@router.get("/languages")
def languages() -> list[dict[str, str]]:
    """Languages that prompts are translated from: none."""
    return []


@router.get("/translate/{language}/{text:path}")
def translate(language: str, text: str) -> str:
    """A text as it is: nothing is translated."""
    return text


@router.put("/image/{name}", openapi_extra=_BYTES, status_code=201, responses={200: {"description": "It was here already."}})
async def put_image(name: str, request: Request, api: Api, who: Who, graphs: Held) -> Response:
    """Keep a picture; ETN_LoadImageCache takes its name."""
    if len(name) > 200:
        raise RequestError("name", "A picture's name has at most 200 letters.")
    record = await run_in_threadpool(api.gallery.upload, await request.body(), who.name)
    await run_in_threadpool(graphs.name, who.name, name + CACHED, record.id)
    return JSONResponse({"status": "success"}, 201)


@router.get("/image/{name}", response_class=Response, responses=_PICTURE)
def get_image(name: str, api: Api, who: Who, graphs: Held) -> Response:
    """A picture that a graph of yours has made, or that you sent."""
    return shown(name if PICTURE.fullmatch(name) else graphs.id_of(who.name, name + CACHED), api, who, graphs)


@router.post("/workflow/subscribe")
@router.post("/workflow/unsubscribe")
def no_workflows() -> dict[str, str]:
    """Hear of workflows that others share: nobody does, here."""
    return {"status": "success"}


@router.put("/upload/{folder}/{name}", openapi_extra=_BYTES)
def no_upload(folder: str, name: str) -> Response:
    """Models come from who runs this Darkroom, not from clients."""
    raise Forbidden("Models are not taken over this address. Who runs this Darkroom adds them: Models, Get models.")
