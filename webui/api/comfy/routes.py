"""ComfyUI's routes about jobs and pictures: /prompt, /history, /view, /upload, /queue, /interrupt."""

import json
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import FileResponse, JSONResponse, Response
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile

from webui.api.comfy.files import finished, loaded, start_images, without_base64
from webui.api.comfy.graphs import GraphError, Understood, failed, understood
from webui.api.comfy.history import history_of
from webui.api.comfy.listings import files
from webui.api.comfy.refusals import REFUSED, ComfyRoute
from webui.api.comfy.sent import PICTURE, SID, Graphs, Held, Sent
from webui.api.identity import Viewer
from webui.api.native import Api, Who
from webui.api.submitting import check_ids, may_see, submit_job
from webui.core.job import FINAL_STATES, Job
from webui.core.plain import check_plain
from webui.core.request import GenerationRequest
from webui.errors import NotFound, RequestError, WebUIError
from webui.services import Services

_NO_BODY = {"requestBody": {"content": {"application/json": {"schema": {"type": "object"}}}}}
Text = Annotated[str, Query(max_length=1000)]
router = APIRouter(tags=["ComfyUI"], route_class=ComfyRoute, responses=REFUSED)


@router.post("/prompt", openapi_extra=_NO_BODY)
async def submit(request: Request, api: Api, who: Who, graphs: Held) -> dict[str, Any]:
    """Queue a graph."""
    body = await _object(request)
    async with graphs.sending(who.name):
        called = await run_in_threadpool(_submit, body, api, who, graphs)
    number = len(await run_in_threadpool(api.queue.waiting_order))
    return {"prompt_id": called, "number": number, "node_errors": {}}


def _submit(body: dict[str, Any], api: Services, who: Viewer, graphs: Graphs) -> str:
    """Queue a graph's jobs; gives what they are called together."""
    try:
        check_plain(body)
        meant = understood(body.get("prompt"), files(api, "upscale_models"))
        graph = without_base64(body["prompt"], api.gallery, who.name)
        check_ids(api, who, loaded(graph, graphs, who.name))
        requests = [each.request(start_images(each, graph, api.gallery, graphs, who.name)) for each in meant]
        jobs = _all_or_none(api, who, requests, meant)
    except RequestError as error:
        raise failed(error) from None
    called = _name(body, "prompt_id") or jobs[0].id
    client = _name(body, "client_id")
    graphs.keep(who.name, called, {job.id: Sent(graph, each.ends, client, called) for job, each in zip(jobs, meant, strict=True)})
    return called


def _all_or_none(api: Services, who: Viewer, requests: Sequence[GenerationRequest], meant: Sequence[Understood]) -> list[Job]:
    """The jobs of a graph; where one is refused, those before it are taken back."""
    jobs: list[Job] = []
    try:
        for request, each in zip(requests, meant, strict=True):
            jobs.append(submit_job(api, who, request, notes=each.notes))
    except WebUIError:
        for job in jobs:
            api.queue.cancel(job.id)
        raise
    return jobs


def _name(body: dict[str, Any], key: str) -> str:
    """What a client calls itself, or its job."""
    name = body.get(key)
    return name[:SID] if isinstance(name, str) else ""


@router.get("/prompt")
def waiting(api: Api) -> dict[str, Any]:
    """How many jobs wait or run."""
    return {"exec_info": {"queue_remaining": api.queue.store.count("queued", "running")}}


@router.get("/history")
def histories(api: Api, who: Who, graphs: Held, max_items: Annotated[int, Query(ge=1, le=200)] = 50) -> dict[str, Any]:
    """Your jobs that have ended."""
    jobs = api.queue.jobs(tuple(sorted(FINAL_STATES)), owner=who.name, limit=max_items, newest=True)
    found: dict[str, Any] = {}
    for job in reversed(jobs):
        called = graphs.called(job.id)
        if called not in found and (made := _ended(api, who, graphs, graphs.with_others(who.name, job.id))):
            found[called] = history_of(made)
    return found


@router.get("/history/{prompt_id}")
def history(prompt_id: str, api: Api, who: Who, graphs: Held) -> dict[str, Any]:
    """One of your jobs once it has ended; nothing before."""
    made = _ended(api, who, graphs, graphs.jobs_of(who.name, prompt_id))
    return {graphs.called(made[0][0].id): history_of(made)} if made else {}


def _ended(api: Services, who: Viewer, graphs: Graphs, job_ids: Iterable[str]) -> list[tuple[Job, Sent]]:
    """The jobs of one graph, of this viewer, once all have ended; none before."""
    jobs = []
    for job_id in job_ids:
        with suppress(NotFound):
            jobs.append(api.queue.get(job_id))
    over = all(job.state in FINAL_STATES and who.may_touch(job.owner) for job in jobs)
    return [(job, graphs.of(job.id)) for job in jobs] if over else []


@router.post("/history")
async def forget(request: Request) -> dict[str, Any]:
    """ComfyUI forgets; Darkroom keeps pictures until they are deleted in the gallery."""
    await _object(request)
    return {}


@router.get("/view")
def view(api: Api, who: Who, graphs: Held, filename: Text = "", subfolder: Text = "", type: Text = "output") -> Response:
    """A picture's file."""
    return shown(filename if PICTURE.fullmatch(filename) else graphs.id_of(who.name, filename), api, who, graphs)


def shown(name: str, api: Services, who: Viewer, graphs: Graphs) -> Response:
    """A picture as the graph that made it shows it, or an upload, by a name that `PICTURE` matches. Raises `NotFound`."""
    image_id = name[:64]
    try:
        record = api.gallery.index.get(image_id).record
    except NotFound:
        check_ids(api, who, [image_id])
        return FileResponse(api.gallery.path_by_id(image_id))
    if not may_see(api, record, who):
        raise NotFound("There is no such picture of yours.")
    sent = graphs.of(record.job_id or "")
    made = finished(record, sent, sent.end_of(name), api.gallery, graphs)
    if made is None:
        return FileResponse(api.gallery.path(record))
    return Response(made, media_type="image/jpeg" if made.startswith(b"\xff\xd8") else "image/png")


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
    waiting = _pending(api, who, graphs)
    return {"queue_running": _queued(graphs, _own(api, who, "running")), "queue_pending": _queued(graphs, waiting)}


def _queued(graphs: Graphs, jobs: Iterable[Job]) -> list[list[Any]]:
    found = {graphs.called(job.id): graphs.of(job.id) for job in jobs}
    return [[number, called, sent.graph, {}, sent.all_ends()] for number, (called, sent) in enumerate(found.items())]


def _pending(api: Services, who: Viewer, graphs: Graphs) -> list[Job]:
    """Jobs of graphs of which nothing runs."""
    running = {other for job in _own(api, who, "running") for other in graphs.with_others(who.name, job.id)}
    return [job for job in _own(api, who, "queued") if job.id not in running]


def _own(api: Services, who: Viewer, state: str) -> list[Job]:
    return api.queue.jobs((state,), owner=who.name, limit=200)


@router.post("/queue", openapi_extra=_NO_BODY)
async def change_queue(request: Request, api: Api, who: Who, graphs: Held) -> dict[str, Any]:
    """Take waiting jobs of yours out: some by `delete`, all by `clear`."""
    body = await _object(request)
    given = body.get("delete") if isinstance(body.get("delete"), list) else []
    wanted = {job_id for each in given or () for job_id in graphs.jobs_of(who.name, str(each))}
    await run_in_threadpool(_take_out, api, who, graphs, None if body.get("clear") else wanted)
    return {}


def _take_out(api: Services, who: Viewer, graphs: Graphs, wanted: set[str] | None) -> None:
    for job in _pending(api, who, graphs):
        if wanted is None or job.id in wanted:
            api.queue.cancel(job.id)


@router.post("/interrupt", openapi_extra=_NO_BODY)
async def interrupt(request: Request, api: Api, who: Who, graphs: Held) -> dict[str, Any]:
    """Stop your jobs that run, or the one that `prompt_id` names."""
    named = _name(await _object(request), "prompt_id")
    await run_in_threadpool(_interrupt, api, who, graphs, named)
    return {}


def _interrupt(api: Services, who: Viewer, graphs: Graphs, named: str) -> None:
    for job_id in api.queue.running_of(who.name):
        if not named or job_id in graphs.jobs_of(who.name, named):
            for each in reversed(graphs.with_others(who.name, job_id)):
                api.queue.cancel(each)


@router.post("/free")
def free(api: Api, who: Who) -> dict[str, Any]:
    """Give the models' memory back as soon as nothing runs."""
    who.must_be_admin("unload the models")
    api.engines.free_memory()
    return {}


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
