"""JSON as the API gives it: jobs and pictures with links, others' jobs without what is theirs."""

from typing import Any

from webui.api.identity import Viewer
from webui.core.job import Job
from webui.core.record import ImageRecord
from webui.core.request import GenerationRequest
from webui.gallery.index import Marks
from webui.jobs.events import Message
from webui.jobs.queue import JobQueue

HIDDEN = "someone"
_OPEN_EVENTS = ("queued", "started", "step", "done", "failed", "cancelled")


def image_body(record: ImageRecord, viewer: Viewer, request: GenerationRequest | None = None, marks: Marks | None = None) -> dict[str, Any]:
    """A picture with its address, and its marks if they are given."""
    body = record.model_dump(mode="json") | (marks._asdict() if marks else {})
    body["url"] = _address(record.id, viewer)
    body["request"] = request.model_dump(mode="json") if request else None
    is_of = request is not None and request.mode == "extras" and record.index < len(request.inputs)
    body["source"] = request.inputs[record.index] if request is not None and is_of else None
    return body


def _address(image_id: str, viewer: Viewer) -> str:
    return f"{viewer.root}/api/v1/images/{image_id}"


def job_body(queue: JobQueue, job: Job, viewer: Viewer) -> dict[str, Any]:
    """A job; of somebody else's only that it is there and how far it is."""
    return shown_job(queue.public(job), viewer)


def shown_job(body: dict[str, Any], viewer: Viewer) -> dict[str, Any]:
    """The same from a job's plain JSON."""
    mine = viewer.may_touch(body["owner"])
    if not mine:
        hidden: dict[str, Any] = {"request": None, "error": None, "images": [], "notes": [], "idempotency_key": None, "plan": None}
        return {**body, **hidden, "owner": HIDDEN, "mine": False}
    images = [{**image, "url": _address(image["id"], viewer)} for image in body["images"]]
    return {**body, "images": images, "mine": True}


def shown_message(message: Message, viewer: Viewer) -> dict[str, Any] | None:
    """A feed message's data for this viewer; None when it is not theirs to see."""
    if not message.owner or viewer.may_touch(message.owner):
        if message.kind == "job":
            return shown_job(message.body, viewer)
        if message.kind == "image":
            record = {**message.body["record"], "url": _address(message.body["record"]["id"], viewer)}
            return {**message.body, "record": record}
        return message.body
    if message.kind == "job":
        return shown_job(message.body, viewer)
    if message.kind not in _OPEN_EVENTS:
        return None
    kept: dict[str, Any] = {
        key: message.body[key] for key in ("type", "job_id", "seq", "step", "steps", "phase", "batch", "batches") if key in message.body
    }
    return {**kept, "error": {"kind": "", "message": "", "advice": "", "field": None}} if message.kind == "failed" else kept
