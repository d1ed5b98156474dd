"""ComfyUI's routes: /prompt, /history, /view, /upload, /queue, /interrupt, /object_info, /system_stats."""

import json
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import FileResponse, JSONResponse, Response
from PIL import Image
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile

from webui import __version__
from webui.api.comfy.graphs import ENDS, GraphError, Understood, failed, understood
from webui.api.comfy.history import history_of
from webui.api.comfy.inputs import INPUTS, OUTPUTS
from webui.api.comfy.refusals import ComfyRoute
from webui.api.comfy.sent import PICTURE, SID, Graphs, Held, Sent
from webui.api.identity import Viewer
from webui.api.native import Api, Who
from webui.core.job import FINAL_STATES, Job
from webui.core.plain import check_plain
from webui.errors import NotFound, RequestError
from webui.images.decode import as_png, read_image
from webui.samplers.catalog import BUILTIN_SAMPLERS, BUILTIN_SCHEDULES, Sampler
from webui.services import Services

REFUSED: dict[int | str, dict[str, Any]] = {
    status: {"description": "It cannot be done; `error` says why."} for status in (400, 401, 403, 404, 413, 422, 429, 507)
}
_NO_BODY = {"requestBody": {"content": {"application/json": {"schema": {"type": "object"}}}}}
Text = Annotated[str, Query(max_length=1000)]
router = APIRouter(tags=["ComfyUI"], route_class=ComfyRoute, responses=REFUSED)


@router.post("/prompt", openapi_extra=_NO_BODY)
async def submit(request: Request, api: Api, who: Who, graphs: Held) -> dict[str, Any]:
    """Queue a graph."""
    body = await _object(request)
    async with graphs.sending(who.name):
        job = await run_in_threadpool(_submit, body, api, who, graphs)
    return {"prompt_id": job.id, "number": len(await run_in_threadpool(api.queue.waiting_order)), "node_errors": {}}


def _submit(body: dict[str, Any], api: Services, who: Viewer, graphs: Graphs) -> Job:
    try:
        check_plain(body)
        meant = understood(body.get("prompt"))
        images = _images(meant, api, who, graphs)
        job = api.queue.submit(meant.request(images), who.name, notes=meant.notes)
    except RequestError as error:
        raise failed(error) from None
    client = body.get("client_id")
    graphs.keep(job.id, Sent(body["prompt"], meant.saves, client[:SID] if isinstance(client, str) else ""))
    return job


def _images(meant: Understood, api: Services, who: Viewer, graphs: Graphs) -> dict[str, str]:
    if meant.mode == "txt2img":
        return {}
    init = graphs.id_of(who.name, meant.image)
    return {"init": init, **({"mask": _mask_of(api, graphs.id_of(who.name, meant.mask), who)} if meant.mask else {})}


def _mask_of(api: Services, image_id: str, who: Viewer) -> str:
    """ComfyUI's mask of a picture: white where it is transparent; the picture itself where nothing of it is."""
    image = read_image(api.gallery.path_by_id(image_id).read_bytes(), "mask")
    if image.mode != "RGBA" or image.getchannel("A").getextrema() == (255, 255):
        return image_id
    return api.gallery.upload(as_png(Image.eval(image.getchannel("A"), lambda value: 255 - value)), who.name).id


@router.get("/prompt")
def waiting(api: Api) -> dict[str, Any]:
    """How many jobs wait or run."""
    return {"exec_info": {"queue_remaining": api.queue.store.count("queued", "running")}}


@router.get("/history")
def histories(api: Api, who: Who, graphs: Held, max_items: Annotated[int, Query(ge=1, le=200)] = 50) -> dict[str, Any]:
    """Your jobs that have ended."""
    jobs = api.queue.jobs(tuple(sorted(FINAL_STATES)), owner=who.name, limit=max_items, newest=True)
    return {job.id: history_of(job, graphs.of(job.id)) for job in reversed(jobs)}


@router.get("/history/{prompt_id}")
def history(prompt_id: str, api: Api, who: Who, graphs: Held) -> dict[str, Any]:
    """One of your jobs once it has ended; nothing before."""
    try:
        job = api.queue.get(prompt_id)
    except NotFound:
        return {}
    return {job.id: history_of(job, graphs.of(job.id))} if job.state in FINAL_STATES and who.may_touch(job.owner) else {}


@router.post("/history")
async def forget(request: Request) -> dict[str, Any]:
    """ComfyUI forgets; Darkroom keeps pictures until they are deleted in the gallery."""
    await _object(request)
    return {}


@router.get("/view")
def view(api: Api, who: Who, graphs: Held, filename: Text = "", subfolder: Text = "", type: Text = "output") -> Response:
    """A picture's file."""
    match = PICTURE.fullmatch(filename)
    image_id = match[1] if match else graphs.id_of(who.name, filename)
    try:
        record = api.gallery.index.get(image_id).record
    except NotFound:
        return FileResponse(api.gallery.path_by_id(image_id))
    if record.kind == "result" and not who.may_touch(record.owner):
        raise NotFound("There is no such picture of yours.")
    return FileResponse(api.gallery.path(record))


@router.post("/upload/image", openapi_extra={"requestBody": {"content": {"multipart/form-data": {"schema": {"type": "object"}}}}})
@router.post("/upload/mask", openapi_extra={"requestBody": {"content": {"multipart/form-data": {"schema": {"type": "object"}}}}})
async def upload(request: Request, api: Api, who: Who, graphs: Held) -> dict[str, Any]:
    """Keep a picture; the answer's `name` is what LoadImage takes."""
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise RequestError("image", "Send a form (multipart/form-data) with the picture as its image.")
    form = await request.form(max_files=4, max_fields=20)
    file = form.get("image")
    if not isinstance(file, UploadFile):
        raise RequestError("image", "The form holds no picture under the name image.")
    record = await run_in_threadpool(api.gallery.upload, await file.read(), who.name)
    name = Path(file.filename or "").name[:200] or f"{record.id}.png"
    graphs.name(who.name, name, record.id)
    return {"name": name, "subfolder": "", "type": "input"}


@router.get("/queue")
def queue(api: Api, who: Who, graphs: Held) -> dict[str, Any]:
    """Your jobs that run and wait."""
    return {"queue_running": _queued(api, who, graphs, "running"), "queue_pending": _queued(api, who, graphs, "queued")}


def _queued(api: Services, who: Viewer, graphs: Graphs, state: str) -> list[list[Any]]:
    found = [(number, job.id, graphs.of(job.id)) for number, job in enumerate(_own(api, who, state))]
    return [[number, job_id, sent.graph, {}, [sent.saves]] for number, job_id, sent in found]


def _own(api: Services, who: Viewer, state: str) -> list[Job]:
    return api.queue.jobs((state,), owner=who.name, limit=200)


@router.post("/queue", openapi_extra=_NO_BODY)
async def change_queue(request: Request, api: Api, who: Who) -> dict[str, Any]:
    """Take waiting jobs of yours out: some by `delete`, all by `clear`."""
    body = await _object(request)
    wanted = body.get("delete") if isinstance(body.get("delete"), list) else []
    await run_in_threadpool(_take_out, api, who, None if body.get("clear") else {str(each) for each in wanted or ()})
    return {}


def _take_out(api: Services, who: Viewer, wanted: set[str] | None) -> None:
    for job in _own(api, who, "queued"):
        if wanted is None or job.id in wanted:
            api.queue.cancel(job.id)


@router.post("/interrupt")
def interrupt(api: Api, who: Who) -> dict[str, Any]:
    """Stop your jobs that run."""
    for job_id in api.queue.running_of(who.name):
        api.queue.cancel(job_id)
    return {}


@router.post("/free")
def free(api: Api, who: Who) -> dict[str, Any]:
    """Give the models' memory back as soon as nothing runs."""
    who.must_be_admin("unload the models")
    api.engines.free_memory()
    return {}


@router.get("/object_info")
def object_info(api: Api) -> dict[str, Any]:
    """The nodes that are understood."""
    choices = _choices(api)
    return {kind: _info(kind, choices) for kind in INPUTS}


@router.get("/object_info/{kind}")
def one_object_info(kind: str, api: Api) -> dict[str, Any]:
    """One node."""
    return {kind: _info(kind, _choices(api))} if kind in INPUTS else {}


def _choices(api: Services) -> dict[str, list[str]]:
    kinds = {"CHECKPOINTS": "checkpoint", "VAES": "vae", "LORAS": "lora"}
    models = {name: [model.file_name for model in api.library.models(kind) if not model.error] for name, kind in kinds.items()}
    schedules = [_plain(each.name) for each in BUILTIN_SCHEDULES]
    return models | {"SAMPLERS": [_comfys(each) for each in BUILTIN_SAMPLERS], "SCHEDULERS": schedules}


def _comfys(sampler: Sampler) -> str:
    """A sampler's name in ComfyUI."""
    return next((alias for alias in sampler.aliases if not alias.startswith(("k_", "sample_"))), _plain(sampler.name))


def _plain(name: str) -> str:
    return name.lower().replace(" ", "_")


def _info(kind: str, choices: dict[str, list[str]]) -> dict[str, Any]:
    outputs = list(OUTPUTS.get(kind, ("LATENT",)))
    return {
        "input": {"required": {name: [choices[what]] if what in choices else [what, {}] for name, what in INPUTS[kind].items()}},
        "input_order": {"required": list(INPUTS[kind])},
        "output": outputs,
        "output_is_list": [False] * len(outputs),
        "output_name": outputs,
        "name": kind,
        "display_name": kind,
        "description": "",
        "python_module": "nodes",
        "category": "darkroom",
        "output_node": kind in ENDS,
    }


@router.get("/system_stats")
def system_stats(api: Api) -> dict[str, Any]:
    """The program and its devices."""
    devices = [
        {
            "name": each.name,
            "type": each.device.partition(":")[0],
            "index": number,
            "vram_total": each.device_total,
            "vram_free": max(each.device_total - each.device_used, 0),
            "torch_vram_total": each.device_total,
            "torch_vram_free": max(each.device_total - each.device_used, 0),
        }
        for number, each in enumerate(api.queue.engines())
    ]
    return {
        "system": {"os": "", "comfyui_version": f"Darkroom {__version__}", "python_version": "", "embedded_python": False},
        "devices": devices,
    }


@router.get("/embeddings")
def embeddings(api: Api) -> list[str]:
    """Textual inversions."""
    return [model.short_name for model in api.library.models("embedding") if not model.error]


@router.get("/ws")
def no_socket() -> Response:
    """What is not asked for as a websocket."""
    error = GraphError("not_supported", "This address is a websocket.", "Open it as one, or ask /history/PROMPT_ID until it answers.")
    return JSONResponse(error.body, 400)


async def _object(request: Request) -> dict[str, Any]:
    try:
        body = json.loads(await request.body() or b"{}")
    except (ValueError, RecursionError):
        raise GraphError("invalid_prompt", "The body is not JSON.") from None
    if not isinstance(body, dict):
        raise GraphError("invalid_prompt", "The body must be a JSON object.")
    return body
