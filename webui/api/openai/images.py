"""`/v1`: OpenAI's routes for pictures and models."""

from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from PIL import Image
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile

from webui.api.identity import Viewer
from webui.api.native import Api, Who
from webui.api.openai import answers
from webui.api.openai.bodies import Generate, Wish, model_of, request_of
from webui.api.openai.errors import OpenAIRoute, of_failure, refused
from webui.api.router import Router
from webui.api.stream import HEADERS
from webui.api.submitting import submit_job
from webui.api.waiting import Endings
from webui.core.job import Job
from webui.core.plain import check_plain
from webui.core.request import request_error_from
from webui.errors import RequestError
from webui.images.decode import as_png, look, read_image
from webui.library import ModelFile
from webui.services import Services

REFUSED: dict[int | str, dict[str, Any]] = {
    status: {"description": said}
    for status, said in {
        400: "A value is wrong; `error.param` says which.",
        401: "A key is needed.",
        403: "Somebody else's to do.",
        404: "There is no such model.",
        413: "More was sent than may be.",
        422: "The body cannot be read.",
        429: "A limit is reached.",
        500: "The job failed.",
        507: "It cannot be saved.",
    }.items()
}
VARIATION = 0.6
"""How much of a picture a variation makes anew."""
FORM = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["image"],
                    "properties": {
                        "image": {"type": "string", "format": "binary"},
                        "mask": {"type": "string", "format": "binary"},
                        "prompt": {"type": "string"},
                        "model": {"type": "string"},
                        "n": {"type": "integer", "minimum": 1, "maximum": 10},
                        "size": {"type": "string"},
                        "response_format": {"type": "string", "enum": ["url", "b64_json"]},
                    },
                }
            }
        },
    }
}
router = Router(prefix="/v1", tags=["OpenAI"], route_class=OpenAIRoute, responses=REFUSED)


async def get_endings(request: Request) -> Endings:
    """What waits for jobs."""
    return request.app.state.endings  # type: ignore[no-any-return]


Waits = Annotated[Endings, Depends(get_endings)]


@router.get("/models")
def models(api: Api) -> dict[str, Any]:
    """Checkpoints."""
    return {"object": "list", "data": [_model(each) for each in api.library.models("checkpoint") if not each.error]}


@router.get("/models/{model:path}")
def model(model: str, api: Api) -> dict[str, Any]:
    """One checkpoint."""
    found = model_of(model, api.library)
    if found is None:
        raise RequestError("model", "There is no checkpoint yet.")
    return _model(found)


def _model(model: ModelFile) -> dict[str, Any]:
    return {"id": model.name, "object": "model", "created": model.identity.mtime_ns // 10**9, "owned_by": "darkroom"}


@router.post("/images/generations")
async def generations(body: Generate, request: Request, api: Api, who: Who, endings: Waits) -> Response:
    """Make pictures from words."""
    job = await run_in_threadpool(_submit, body, api, who, {})
    return await _respond(job, body, request, api, endings)


@router.post("/images/edits", openapi_extra=FORM)
async def edits(request: Request, api: Api, who: Who, endings: Waits) -> Response:
    """Change a picture, or the part of it that a mask leaves transparent."""
    wish, files = await _form(request)
    job = await run_in_threadpool(_edit, wish, files, api, who)
    return await _respond(job, wish, request, api, endings)


@router.post("/images/variations", openapi_extra=FORM)
async def variations(request: Request, api: Api, who: Who, endings: Waits) -> Response:
    """Make pictures like one."""
    wish, files = await _form(request)
    job = await run_in_threadpool(_vary, wish, files, api, who)
    return await _respond(job, wish, request, api, endings)


async def _form(request: Request) -> tuple[Wish, dict[str, list[bytes]]]:
    """The fields and the files of a form. Raises `RequestError`."""
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise RequestError("image", "Send a form (multipart/form-data) with the picture as its image.")
    form = await request.form(max_files=16, max_fields=100)
    fields: dict[str, Any] = {}
    files: dict[str, list[bytes]] = {}
    for name, value in form.multi_items():
        if isinstance(value, UploadFile):
            files.setdefault(name.removesuffix("[]"), []).append(await value.read())
        else:
            fields[name] = value
    if "image" not in files:
        raise RequestError("image", "The form holds no picture under the name image.")
    try:
        return Wish.model_validate(fields), files
    except ValidationError as error:
        raise request_error_from(error, Wish) from None


def _submit(wish: Wish, api: Services, who: Viewer, more: dict[str, Any]) -> Job:
    check_plain(wish.model_dump(include={"prompt", "darkroom", "model"}))
    return submit_job(api, who, request_of(wish, api.library, more))


def _edit(wish: Wish, files: dict[str, list[bytes]], api: Services, who: Viewer) -> Job:
    if not wish.prompt:
        raise RequestError("prompt", "Say what the picture is to become.")
    if len(files["image"]) > 1:
        raise RequestError("image", "Darkroom starts from one picture. Send one.")
    data = files["image"][0]
    init = api.gallery.upload(data, who.name).id
    mask = files["mask"][0] if files.get("mask") else data if _has_holes(data) else None
    if mask is None:
        return _submit(wish, api, who, {"mode": "img2img", "init": init, "strength": 0.75})
    changed = api.gallery.upload(_white_where_transparent(mask, look(data, "image").size), who.name).id
    return _submit(wish, api, who, {"mode": "inpaint", "init": init, "mask": changed, "strength": 1.0, "fill": "original"})


def _vary(wish: Wish, files: dict[str, list[bytes]], api: Services, who: Viewer) -> Job:
    init = api.gallery.upload(files["image"][0], who.name).id
    return _submit(wish, api, who, {"mode": "img2img", "init": init, "strength": VARIATION})


def _has_holes(data: bytes) -> bool:
    image = read_image(data, "image")
    return image.mode == "RGBA" and bool(image.getchannel("A").getextrema()[0] == 0)


def _white_where_transparent(data: bytes, size: tuple[int, int]) -> bytes:
    """OpenAI's mask as ours: what is transparent there is white here, and is changed."""
    image = read_image(data, "mask").convert("RGBA").getchannel("A").point(lambda value: 0 if value > 0 else 255)
    return as_png(image if image.size == size else image.resize(size, Image.Resampling.NEAREST))


async def _respond(job: Job, wish: Wish, request: Request, api: Services, endings: Endings) -> Response:
    kind = "image_generation" if request.url.path.endswith("generations") else "image_edit"
    if wish.stream:
        return StreamingResponse(answers.events(job, wish, api, endings, kind), media_type="text/event-stream", headers=HEADERS)
    job = await endings.wait(job.id)
    if not job.images:
        status, body = of_failure(job.error)
        return JSONResponse(body, status)
    address = str(request.base_url).rstrip("/")
    return JSONResponse(await run_in_threadpool(answers.answer, job, wish, api, address))


@router.api_route("/{rest:path}", methods=["GET", "POST", "PUT", "PATCH", "DELETE"], include_in_schema=False)
async def not_here(rest: str) -> Response:
    """What of OpenAI's API Darkroom does not have."""
    return refused(404, "Darkroom has no such route. It has /v1/images/generations, edits, variations, and /v1/models.")
