"""`/v1`: OpenAI's routes for pictures and models."""

from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from PIL import Image
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile

from webui.api.encoding import in_format
from webui.api.identity import Viewer
from webui.api.native import Api, Who
from webui.api.openai import answers
from webui.api.openai.bodies import Generate, Wish, form_fields, model_of, request_of
from webui.api.openai.errors import OpenAIRoute, of_failure, refused
from webui.api.router import Router
from webui.api.sdapi.run import note_header
from webui.api.signed import FOLDER, SECONDS, SignedAddresses
from webui.api.stream import HEADERS
from webui.api.submitting import submit_job
from webui.api.waiting import Endings
from webui.core.job import Job
from webui.core.plain import check_plain
from webui.core.request import request_error_from
from webui.errors import Forbidden, RequestError
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
    job = await run_in_threadpool(_submit, body, api, who, {}, body.remarks())
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
    fields: dict[str, str] = {}
    files: dict[str, list[bytes]] = {}
    for name, value in form.multi_items():
        if isinstance(value, UploadFile):
            files.setdefault(name.removesuffix("[]"), []).append(await value.read())
        else:
            fields[name] = value
    if "image" not in files:
        raise RequestError("image", "The form holds no picture under the name image.")
    try:
        return Wish.model_validate(form_fields(fields)), files
    except ValidationError as error:
        raise request_error_from(error, Wish) from None


def _submit(wish: Wish, api: Services, who: Viewer, more: dict[str, Any], notes: list[str]) -> Job:
    check_plain(wish.model_dump())
    return submit_job(api, who, request_of(wish, api.library, more), notes=notes)


def _edit(wish: Wish, files: dict[str, list[bytes]], api: Services, who: Viewer) -> Job:
    if not wish.prompt:
        raise RequestError("prompt", "Say what the picture is to become.")
    if len(files["image"]) > 1:
        raise RequestError("image", "Darkroom starts from one picture. Send one.")
    data, notes = files["image"][0], wish.remarks(files.keys() - {"image", "mask"})
    mask = _mask(files["mask"][0], look(data, "image").size) if files.get("mask") else _holes(data)
    init = _upload(data, api, who, "image")
    if mask is None:
        return _submit(wish, api, who, {"mode": "img2img", "init": init, "strength": 0.75}, notes)
    changed = _upload(mask, api, who, "mask")
    return _submit(wish, api, who, {"mode": "inpaint", "init": init, "mask": changed, "strength": 1.0, "fill": "original"}, notes)


def _vary(wish: Wish, files: dict[str, list[bytes]], api: Services, who: Viewer) -> Job:
    init = _upload(files["image"][0], api, who, "image")
    notes = wish.remarks(files.keys() - {"image"})
    return _submit(wish, api, who, {"mode": "img2img", "init": init, "strength": VARIATION}, notes)


def _upload(data: bytes, api: Services, who: Viewer, field: str) -> str:
    """The id of a picture that is kept. Raises `RequestError` on `field`."""
    try:
        return api.gallery.upload(data, who.name).id
    except RequestError as error:
        raise RequestError(field, error.message) from None


def _holes(data: bytes) -> bytes | None:
    """The mask that a picture's own transparent places are; None where it has none."""
    image = read_image(data, "image")
    return _white_where_transparent(image) if image.mode == "RGBA" else None


def _mask(data: bytes, size: tuple[int, int]) -> bytes:
    """A mask that was sent. Raises `RequestError` for one of another size, or with nothing to change."""
    image = read_image(data, "mask")
    if image.size != size:
        raise RequestError(
            "mask", f"The mask has {image.width}×{image.height} pixels, the picture {size[0]}×{size[1]}. Send one of the same size."
        )
    mask = _white_where_transparent(image)
    if mask is None:
        raise RequestError("mask", "The mask is transparent nowhere, so that nothing would be changed. Make transparent what is to change.")
    return mask


def _white_where_transparent(image: Image.Image) -> bytes | None:
    """OpenAI's mask as ours: what is transparent there is white here, and is changed. None where nothing is."""
    mask = image.convert("RGBA").getchannel("A").point(lambda value: 0 if value > 0 else 255)
    return as_png(mask) if mask.getbbox() is not None else None


async def _respond(job: Job, wish: Wish, request: Request, api: Services, endings: Endings) -> Response:
    kind = "image_generation" if request.url.path.endswith("generations") else "image_edit"
    if wish.stream:
        told = HEADERS | note_header(list(job.notes))
        return StreamingResponse(answers.events(job, wish, api, endings, kind), media_type="text/event-stream", headers=told)
    job = await endings.wait(job)
    if not job.images:
        status, body = of_failure(job.error)
        return JSONResponse(body, status)
    address = str(request.base_url).rstrip("/")
    said = await run_in_threadpool(answers.answer, job, wish, api, address)
    return JSONResponse(said, headers=note_header(list(job.notes)))


@router.get("/images/files/{name}")
def signed_picture(name: str, request: Request, api: Api) -> Response:
    """A picture by an address that an answer gave as `url`. It needs no key, and is over after an hour."""
    if not SignedAddresses(api.queue.store).opens(request.scope, f"{FOLDER}{name}"):
        raise Forbidden("This address is not one that Darkroom gave, or its hour is over. Ask for the picture again.")
    image_id, quality, kind = name.split(".")
    data = api.gallery.path(api.gallery.index.get(image_id).record).read_bytes()
    return Response(
        in_format(data, kind, int(quality)), media_type=f"image/{kind}", headers={"Cache-Control": f"private, max-age={SECONDS}"}
    )


@router.api_route("/{rest:path}", methods=["GET", "POST", "PUT", "PATCH", "DELETE"], include_in_schema=False)
async def not_here(rest: str) -> Response:
    """What of OpenAI's API Darkroom does not have."""
    return refused(404, "Darkroom has no such route. It has /v1/images/generations, edits, variations, and /v1/models.")
