"""Our own API, `/api/v1`: jobs, events, pictures, capabilities. The page uses these same functions."""

import re
from collections.abc import Callable
from typing import Annotated, Any, Literal

from fastapi import Depends, Header, Query, Request
from fastapi.responses import FileResponse, Response
from starlette.concurrency import run_in_threadpool

from webui.api import bodies, stream
from webui.api.deeds import Done
from webui.api.errors import ANYWHERE, responses
from webui.api.identity import Viewer, viewer_of
from webui.api.places import without_folders
from webui.api.printed import PrintedRoute
from webui.api.router import Router
from webui.api.schema import JOB_BODY, answer
from webui.api.shapes import image_body, job_body
from webui.api.submitting import may_see, submit_job
from webui.core.job import Job, PreviewChoice
from webui.core.plain import check_plain
from webui.core.request import parse_request
from webui.errors import NotFound, RequestError
from webui.gallery.index import IndexedImage
from webui.images.decode import as_png, image_bytes, look, read_image
from webui.services import Services

IMMUTABLE = {"Cache-Control": "private, max-age=31536000, immutable"}
NO_STORE = {"Cache-Control": "no-store"}
MAX_SEQUENCE = 2**53


async def get_services(request: Request) -> Services:
    """Return the services, kept on the application."""
    return request.app.state.services  # type: ignore[no-any-return]


async def get_viewer(request: Request) -> Viewer:
    """Who is asking."""
    return viewer_of(request)


Api = Annotated[Services, Depends(get_services)]
Who = Annotated[Viewer, Depends(get_viewer)]
Number = Annotated[int, Query(ge=0, le=MAX_SEQUENCE)]
router = Router(route_class=PrintedRoute, prefix="/api/v1", tags=["Darkroom"], responses=responses(*ANYWHERE))


@router.post("/jobs", status_code=201, responses=responses(409), openapi_extra=JOB_BODY | answer(bodies.JobBody, 201))
async def submit(
    request: Request,
    api: Api,
    who: Who,
    priority: Annotated[int, Query(ge=-100, le=100)] = 0,
    idempotency_key: Annotated[str | None, Header(max_length=255)] = None,
) -> dict[str, Any]:
    """Queue a job. The body is a GenerationRequest; `{"prompt": "a red apple"}` is a whole one."""
    body = await read_json(request)
    return await run_in_threadpool(_submit, api, body, who, priority, idempotency_key)


async def read_json(request: Request) -> dict[str, Any]:
    """The body as an object. Raises `RequestError`."""
    try:
        body = await request.json()
    except RecursionError:
        raise RequestError("request", "The body is nested too deeply.") from None
    except ValueError:
        raise RequestError("request", "The body is not JSON.") from None
    if not isinstance(body, dict):
        raise RequestError("request", "The body must be a JSON object.")
    return body


def _submit(api: Services, body: dict[str, Any], who: Viewer, priority: int, key: str | None) -> dict[str, Any]:
    check_plain(body)
    job = submit_job(api, who, parse_request(body), priority, key)
    return job_body(api.queue, job, who)


@router.get("/jobs", openapi_extra=answer(bodies.JobList))
def list_jobs(
    api: Api,
    who: Who,
    state: Annotated[str, Query(description="One or more of queued, running, done, failed, cancelled, with commas.")] = "",
    after: str = "",
    search: str = "",
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    newest: bool = False,
) -> dict[str, Any]:
    """Jobs in order of submission, after the job with the id `after`; a search looks into your own prompts."""
    owner = who.name if search and not who.admin else None
    jobs = api.queue.jobs([part for part in state.split(",") if part], after, owner, search, limit, newest)
    return {"jobs": [job_body(api.queue, job, who) for job in jobs]}


@router.get("/jobs/{job_id}", responses=responses(404), openapi_extra=answer(bodies.JobBody))
def get_job(job_id: str, api: Api, who: Who) -> dict[str, Any]:
    """One job."""
    return job_body(api.queue, api.queue.get(job_id), who)


@router.delete("/jobs/{job_id}", responses=responses(404, 409), openapi_extra=answer(bodies.JobBody))
def cancel_job(job_id: str, api: Api, who: Who, done: Done, how: Literal["stop", "skip", "after"] = "stop") -> dict[str, Any]:
    """Stop a job now, skip the picture being made, or stop after it."""
    owner = _own(api, job_id, who).owner
    if owner != who.name:
        done.say(f"stopped the job {job_id} of {owner}")
    return job_body(api.queue, api.queue.cancel(job_id, how), who)


@router.delete("/jobs", openapi_extra=answer(bodies.Stopped))
def cancel_all(api: Api, who: Who) -> dict[str, int]:
    """Stop all of your own jobs."""
    return {"stopped": api.queue.cancel_all(who.name)}


@router.post("/jobs/{job_id}/retry", responses=responses(404, 409), openapi_extra=answer(bodies.JobBody))
def retry(job_id: str, api: Api, who: Who, pay_again: bool = False) -> dict[str, Any]:
    """Try a failed or stopped job again. One that may have been paid for in vain is refused (409) unless `pay_again` says so."""
    _own(api, job_id, who)
    return job_body(api.queue, api.queue.retry(job_id, pay_again), who)


@router.post("/jobs/{job_id}/again", status_code=201, responses=responses(404, 409), openapi_extra=answer(bodies.JobBody, 201))
def again(job_id: str, api: Api, who: Who, new_seed: bool = True) -> dict[str, Any]:
    """Submit the same request anew."""
    _own(api, job_id, who)
    return job_body(api.queue, api.queue.resubmit(job_id, new_seed), who)


@router.post("/jobs/{job_id}/move", responses=responses(404, 409), openapi_extra=answer(bodies.JobBody))
def move(job_id: str, to: Literal["up", "down", "top"], api: Api, who: Who) -> dict[str, Any]:
    """Move a waiting job among your own."""
    _own(api, job_id, who)
    return job_body(api.queue, api.queue.move(job_id, to), who)


@router.get("/jobs/{job_id}/events", responses=responses(404), openapi_extra=answer(bodies.JobEventBody, media="text/event-stream"))
async def job_events(job_id: str, request: Request, api: Api, who: Who, after: Number = 0) -> Response:
    """A job's events as SSE: the stored ones after `after` (or `Last-Event-ID`), then what happens, until it has ended."""
    await run_in_threadpool(api.queue.get, job_id)
    return stream.respond(stream.job_events(api.queue, job_id, _last_seen(request, after) or 0, who))


@router.get("/jobs/{job_id}/preview", responses={204: {"description": "There is none yet."}, **responses(404)})
def preview(job_id: str, api: Api, who: Who) -> Response:
    """The newest preview frame of a running job, JPEG; 204 when there is none yet."""
    _own(api, job_id, who)
    found = api.queue.preview(job_id)
    if found is None:
        return Response(status_code=204, headers=NO_STORE)
    return Response(found[1], media_type="image/jpeg", headers={**NO_STORE, "X-Frame": str(found[0])})


@router.put("/jobs/{job_id}/preview", responses=responses(404, 409), openapi_extra=answer(PreviewChoice))
def choose_preview(
    job_id: str,
    api: Api,
    who: Who,
    period: Annotated[float | None, Query(ge=0, le=60)] = None,
    method: Literal["linear", "taesd", "full"] | None = None,
) -> dict[str, Any]:
    """How often (seconds; 0 is never) and how this job's preview frames are made; what is left out is as the settings say."""
    _own(api, job_id, who)
    choice = PreviewChoice(period=period, method=method)
    api.queue.choose_preview(job_id, choice)
    return choice.model_dump()


@router.get("/events", openapi_extra=answer(bodies.PageEvent, media="text/event-stream"))
async def page_events(request: Request, api: Api, who: Who, after: Number | None = None) -> Response:
    """One stream for a page: a snapshot first, then job, picture and engine changes."""
    return stream.respond(stream.page_events(api.queue, api.gallery.index, api.library, _last_seen(request, after), who))


@router.post("/images", status_code=201, openapi_extra=answer(bodies.ImageWithRequest, 201))
async def upload(request: Request, api: Api, who: Who) -> dict[str, Any]:
    """Keep a picture (PNG, JPEG, WebP …; the body, or a form's `file`); gives the `id` that `init` and `mask` take."""
    data = await _upload_bytes(request, api.settings.current().upload_limit_mb * 2**20)
    record = await run_in_threadpool(api.gallery.upload, data, who.name)
    return image_body(record, who)


async def _upload_bytes(request: Request, limit: int) -> bytes:
    if request.headers.get("content-type", "").startswith("multipart/form-data"):
        form = await request.form()
        file = next((part for part in form.values() if not isinstance(part, str)), None)
        if file is None:
            raise RequestError("file", "The form holds no file.")
        data = await file.read(limit + 1)
    else:
        data = await request.body()
    if len(data) > limit:
        raise RequestError("file", f"The picture is larger than {limit // 2**20} MB.")
    return data


@router.get("/images/{image_id}", responses=responses(404))
def get_image(image_id: str, api: Api, who: Who, download: bool = False) -> Response:
    """The picture's file, with its metadata."""
    path = api.gallery.path(image_of(api, image_id, who).record)
    return FileResponse(path, headers=IMMUTABLE, filename=path.name, content_disposition_type="attachment" if download else "inline")


@router.get("/images/{image_id}/read", responses=responses(404))
def image_as_read(image_id: str, api: Api, who: Who) -> Response:
    """The picture as a job reads it to start from: upright, in 8 bits and sRGB, of an animation the first one."""
    path = api.gallery.path(image_of(api, image_id, who).record)
    data = image_bytes(path, "picture")
    if look(data, "picture").plain:
        return FileResponse(path, headers=IMMUTABLE)
    return Response(as_png(read_image(data, "picture")), media_type="image/png", headers=IMMUTABLE)


@router.get("/images/{image_id}/thumb", responses=responses(404))
def thumbnail(image_id: str, api: Api, who: Who, size: Annotated[int, Query(ge=64, le=1024)] = 384) -> Response:
    """A small version of the picture, also of one in the bin."""
    return FileResponse(api.gallery.thumbnail(image_of(api, image_id, who, trashed=True).record, size), headers=IMMUTABLE)


@router.get("/images/{image_id}/parameters", responses=responses(404), openapi_extra=answer(bodies.ParametersText))
def parameters(image_id: str, api: Api, who: Who) -> dict[str, str]:
    """The parameters text inside the picture."""
    return {"text": api.gallery.parameters(image_of(api, image_id, who).record)}


@router.get("/images/{image_id}/request", responses=responses(404), openapi_extra=answer(bodies.ImageWithRequest))
def image_request(image_id: str, api: Api, who: Who) -> dict[str, Any]:
    """A picture's record and request."""
    item = image_of(api, image_id, who)
    return image_body(item.record, who, item.request, item.marks)


@router.delete("/images/{image_id}", responses=responses(404), openapi_extra=answer(bodies.ImageId))
def delete_image(image_id: str, api: Api, who: Who, done: Done) -> dict[str, str]:
    """Move a picture to the bin."""
    record = image_of(api, image_id, who).record
    owner = who.name if api.gallery.index.is_upload_of(record.id, who.name) else record.owner
    if owner != who.name:
        done.say(f"moved a picture of {owner} to the bin")
    api.gallery.trash(record, owner)
    return {"id": record.id}


@router.post("/images/{image_id}/restore", responses=responses(404), openapi_extra=answer(bodies.ImageWithRequest))
def restore_image(image_id: str, api: Api, who: Who) -> dict[str, Any]:
    """Bring a picture back from the bin."""
    item = image_of(api, image_id, who, trashed=True)
    api.gallery.restore(item.record)
    return image_body(item.record, who, item.request, item.marks)


@router.get("/capabilities")
def capabilities(api: Api, who: Who) -> dict[str, Any]:
    """Checkpoints, samplers, schedules, upscalers, LoRA, extensions with the JSON Schema of their values."""
    return without_folders(api.capabilities.described(whole=who.admin), api, who)


@router.get("/queue", openapi_extra=answer(bodies.QueueBody))
def queue_line(api: Api, who: Who) -> dict[str, Any]:
    """Waiting jobs in the order they will run, with the seconds until each starts as this machine's past jobs tell (for the first 200).

    With your own limits, if there are any: what is left, and when it renews.
    """
    limits = [{**each.model_dump(mode="json"), "left": each.left} for each in api.quotas.of(who.name)]
    return {"waiting": api.queue.line(), "paused": api.queue.paused, "limits": limits}


@router.post("/queue/pause", openapi_extra=answer(bodies.PausedBody))
def pause(api: Api, who: Who, done: Done) -> dict[str, Any]:
    """Start no further job."""
    done.say("paused the queue")
    return _paused(api, who, lambda: api.queue.pause(True))


@router.post("/queue/resume", openapi_extra=answer(bodies.PausedBody))
def resume(api: Api, who: Who, done: Done) -> dict[str, Any]:
    """Go on."""
    done.say("let the queue go on")
    return _paused(api, who, lambda: api.queue.pause(False))


@router.post("/queue/free", openapi_extra=answer(bodies.PausedBody))
def free(api: Api, who: Who, done: Done) -> dict[str, Any]:
    """Pause and give the model's memory back."""
    done.say("paused the queue and freed the models' memory")
    return _paused(api, who, api.queue.free_memory)


@router.get("/system", openapi_extra=answer(bodies.SystemBody))
def system(api: Api) -> dict[str, Any]:
    """Memory, load and queue depth over the last minutes."""
    return api.monitor.body()


def _paused(api: Services, who: Viewer, act: Callable[[], None]) -> dict[str, Any]:
    who.must_be_admin("pause the queue or free its memory")
    act()
    return {"paused": api.queue.paused}


def _own(api: Services, job_id: str, who: Viewer) -> Job:
    """The job, if it is the viewer's to touch; others' are as good as not there."""
    if not who.may_touch(api.queue.owner_of(job_id)):
        raise NotFound(f"There is no job {job_id} of yours.")
    return api.queue.get(job_id)


def image_of(api: Services, image_id: str, who: Viewer, *, trashed: bool = False) -> IndexedImage:
    """A picture that this viewer may see. Raises `NotFound`."""
    item = api.gallery.index.get(image_id, trashed=trashed)
    if not may_see(api, item.record, who):
        raise NotFound(f"There is no picture {image_id} of yours.")
    return item


def _last_seen(request: Request, after: int | None) -> int | None:
    given = request.headers.get("last-event-id", "")
    return int(given) if re.fullmatch("[0-9]{1,15}", given) else after
