"""ComfyUI's routes about jobs and pictures: /prompt, /history, /view, /upload, /queue, /interrupt."""

import json
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import FileResponse, JSONResponse, Response
from starlette.concurrency import run_in_threadpool

from webui.api.comfy.files import finished, loaded, start_images, without_base64
from webui.api.comfy.graphs import GraphError, Understood, failed, understood
from webui.api.comfy.history import history_of
from webui.api.comfy.listings import files
from webui.api.comfy.refusals import REFUSED, ComfyRoute
from webui.api.comfy.sending import Asked, Sending, changed
from webui.api.comfy.sent import SID, Graphs, Held, Sent
from webui.api.identity import Viewer
from webui.api.native import Api, Who
from webui.api.submitting import check_ids, may_see, submit_job
from webui.core.job import FINAL_STATES, Job
from webui.core.plain import check_plain
from webui.core.request import GenerationRequest
from webui.errors import NotFound, RequestError, WebUIError
from webui.services import Services

_LONGEST = 200
"""Jobs of a history."""
_FORM = {"requestBody": {"content": {"multipart/form-data": {"schema": {"type": "object"}}}}}
_NO_BODY = {"requestBody": {"content": {"application/json": {"schema": {"type": "object"}}}}}
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
    check_plain(body)
    meant = understood(body.get("prompt"), files(api, "upscale_models"))
    graph = without_base64(body["prompt"], api.gallery, who.name)
    requests = [_request(each, graph, api, who, graphs) for each in meant]
    jobs = _all_or_none(api, who, graph, requests, meant)
    called = _name(body, "prompt_id") or jobs[0].id
    client = _name(body, "client_id")
    graphs.keep(who.name, called, {job.id: Sent(graph, each.ends, client, called) for job, each in zip(jobs, meant, strict=True)})
    return called


def _request(meant: Understood, graph: dict[str, Any], api: Services, who: Viewer, graphs: Graphs) -> GenerationRequest:
    """What makes one picture of a graph. Raises `GraphError` at the node that it cannot be made for."""
    end = meant.ends[0].node
    try:
        check_ids(api, who, loaded(graph, end, graphs, who.name))
        return meant.request(start_images(meant, graph, api.gallery, graphs, who.name))
    except RequestError as error:
        raise failed(error, graph, end) from None


def _all_or_none(
    api: Services, who: Viewer, graph: dict[str, Any], requests: Sequence[GenerationRequest], meant: Sequence[Understood]
) -> list[Job]:
    """The jobs of a graph; where one is refused, those before it are taken back."""
    jobs: list[Job] = []
    try:
        for request, each in zip(requests, meant, strict=True):
            try:
                jobs.append(submit_job(api, who, request, notes=each.notes))
            except RequestError as error:
                raise failed(error, graph, each.ends[0].node) from None
    except (WebUIError, GraphError):
        for job in jobs:
            api.queue.cancel(job.id)
        raise
    return jobs


def _name(body: dict[str, Any], key: str) -> str:
    """What a client calls itself, or its job. Raises `RequestError`."""
    return "" if body.get(key) is None else _text(body[key], key)


def _text(sent: Any, key: str) -> str:
    if isinstance(sent, bool) or not isinstance(sent, str | int):
        raise RequestError(key, f"{key} must be text.")
    return str(sent)[:SID]


@router.get("/prompt")
def waiting(api: Api) -> dict[str, Any]:
    """How many jobs wait or run."""
    return {"exec_info": {"queue_remaining": api.queue.store.count("queued", "running")}}


@router.get("/history")
def histories(api: Api, who: Who, graphs: Held, max_items: int = 50) -> dict[str, Any]:
    """Your jobs that have ended, the newest 200 of them at most."""
    forgotten = graphs.kept.forgotten(who.name)
    most = min(max_items, _LONGEST) if max_items > 0 else _LONGEST
    jobs = api.queue.jobs(tuple(sorted(FINAL_STATES)), owner=who.name, limit=most + len(forgotten.ids), newest=True)
    found: dict[str, Any] = {}
    for job in reversed([job for job in jobs if not forgotten.has(job)][:most]):
        called = graphs.called(job.id)
        if called not in found and (made := _ended(api, who, graphs, graphs.with_others(who.name, job.id))):
            found[called] = history_of(made)
    return found


@router.get("/history/{prompt_id}")
def history(prompt_id: str, api: Api, who: Who, graphs: Held) -> dict[str, Any]:
    """One of your jobs once it has ended; nothing before."""
    forgotten = graphs.kept.forgotten(who.name)
    made = _ended(api, who, graphs, graphs.jobs_of(who.name, prompt_id))
    made = [] if any(forgotten.has(job) for job, _ in made) else made
    return {graphs.called(made[0][0].id): history_of(made)} if made else {}


def _ended(api: Services, who: Viewer, graphs: Graphs, job_ids: Iterable[str]) -> list[tuple[Job, Sent]]:
    """The jobs of one graph, of this viewer, once all have ended; none before."""
    jobs = []
    for job_id in job_ids:
        with suppress(NotFound):
            jobs.append(api.queue.get(job_id))
    over = all(job.state in FINAL_STATES and who.may_touch(job.owner) for job in jobs)
    return [(job, graphs.of(job.id)) for job in jobs] if over else []


@router.post("/history", openapi_extra=_NO_BODY)
async def forget(request: Request, who: Who, graphs: Held) -> dict[str, Any]:
    """Take jobs of yours out of this list: some by `delete`, all by `clear`. Their pictures stay in the gallery."""
    body = await _object(request)
    wanted = await run_in_threadpool(_meant, body, who, graphs)
    if body.get("clear") or wanted:
        await run_in_threadpool(graphs.kept.forget, who.name, None if body.get("clear") else wanted)
    return {}


@router.get("/view", responses={404: {"description": "There is no such picture of yours."}})
def view(api: Api, who: Who, graphs: Held, asked: Annotated[Asked, Depends()]) -> Response:
    """A picture's file: one that a graph showed, or one that you sent, by the names that were answered.

    `preview` makes a smaller file of it (`webp;80`, `jpeg`), `channel` takes its transparency away (`rgb`) or shows it alone (`a`).
    """
    found = shown(graphs.name_of(who.name, asked.filename, asked.subfolder, asked.type), api, who, graphs)
    return changed(found, asked.preview, asked.channel) if asked.preview or asked.channel in ("rgb", "a") else found


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


@router.post("/upload/image", openapi_extra=_FORM)
async def upload(request: Request, api: Api, who: Who, graphs: Held) -> dict[str, Any]:
    """Keep a picture; `name`, `subfolder` and `type` of the answer are what LoadImage and /view take.

    Where you have another of this name, it gets a number, unless the form says `overwrite`.
    """
    sent = await Sending.of(request)
    return await run_in_threadpool(sent.keep, api.gallery, graphs, who.name)


@router.post("/upload/mask", openapi_extra=_FORM)
async def upload_mask(request: Request, api: Api, who: Who, graphs: Held) -> dict[str, Any]:
    """Keep a picture with the transparency of what is sent: the form's `original_ref` names it. Without one, what is sent is kept."""
    sent = await Sending.of(request)
    return await run_in_threadpool(sent.keep_mask, api.gallery, graphs, who.name)


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
    wanted = await run_in_threadpool(_meant, body, who, graphs)
    await run_in_threadpool(_take_out, api, who, graphs, None if body.get("clear") else set(wanted))
    return {}


def _meant(body: dict[str, Any], who: Viewer, graphs: Graphs) -> list[str]:
    """The jobs that `delete` names by their graphs. Raises `RequestError`."""
    given = body.get("delete") or []
    if not isinstance(given, list):
        raise RequestError("delete", "delete must be a list of what /prompt called its graphs.")
    names = dict.fromkeys(_text(each, "delete") for each in given)
    return [job_id for each in names for job_id in graphs.jobs_of(who.name, each)]


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
