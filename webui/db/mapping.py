"""Rows of the database as the values that flow, and back."""

import json
import secrets
import time
from datetime import UTC, datetime
from typing import Any, TypeVar

from pydantic import ValidationError

from webui.core.events import Event, EventAdapter
from webui.core.grid import GridPlace
from webui.core.job import Job, JobError, Plan
from webui.core.pictures import own_words
from webui.core.record import ImageRecord
from webui.core.request import FrozenModel, GenerationRequest, ResolvedRequest

Shape = TypeVar("Shape", bound=FrozenModel)


def new_id() -> str:
    """A job id that sorts by time: 12 hex digits of milliseconds, 12 of chance."""
    return f"{time.time_ns() // 1_000_000:012x}{secrets.token_hex(6)}"


def when(seconds: float | None) -> datetime | None:
    """A stored time; UTC."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def resolved_from(text: str) -> ResolvedRequest | None:
    """Return a stored request; None for one that this version does not know whole."""
    try:
        return ResolvedRequest.model_validate_json(text)
    except ValidationError:
        return None


def request_from(text: str) -> GenerationRequest:
    """Return a stored request; of one that a newer version wrote, what this version knows of it: to be shown, never to be run."""
    if (resolved := resolved_from(text)) is not None:
        return resolved
    values = json.loads(text)
    while values:
        try:
            return GenerationRequest.model_validate(values)
        except ValidationError as error:
            unknown = {str(fault["loc"][0]) for fault in error.errors(include_url=False) if fault["loc"]}
            values = {name: value for name, value in values.items() if name not in unknown} if unknown & set(values) else {}
    return GenerationRequest()


def _known(model: type[Shape], text: str | None) -> Shape | None:
    """A stored value; None where there is none or a newer version wrote it."""
    try:
        return model.model_validate_json(text) if text else None
    except ValidationError:
        return None


def job_from(row: Any, images: tuple[ImageRecord, ...] = ()) -> Job:
    """A job from its row."""
    return Job(
        id=row.id,
        owner=row.owner,
        state=row.state,
        priority=row.priority,
        attempts=row.attempts,
        request=request_from(row.request),
        plan=_known(Plan, row.plan),
        idempotency_key=row.idempotency_key,
        created=datetime.fromtimestamp(row.created, UTC),
        started=when(row.started),
        finished=when(row.finished),
        error=_known(JobError, row.error),
        images=images,
        notes=tuple(json.loads(row.notes)),
        grid=_known(GridPlace, row.place),
        cost=row.cost,
        made=() if row.backend else _made(row.remote),
    )


def _made(text: str) -> tuple[str, ...]:
    """Ids of the pictures of a backend whose finish chain is left to do, in the order of the job's pictures."""
    if text in ("", "[]"):
        return ()
    try:
        parts = sorted(json.loads(text), key=lambda part: part["indexes"])
        return tuple(str(each) for part in parts for each in part.get("pictures") or ())
    except (ValueError, KeyError, TypeError, AttributeError):  # a newer version wrote it
        return ()


def image_from(row: Any) -> ImageRecord:
    """A picture's record from its row."""
    return ImageRecord(
        id=row.id,
        path=row.path,
        kind=row.kind,
        job_id=row.job_id,
        index=row.index,
        owner=row.owner,
        width=row.width,
        height=row.height,
        seed=None if row.seed is None else int(row.seed),
        created=datetime.fromtimestamp(row.created, UTC),
        notes=tuple(json.loads(row.notes)),
    )


def searched_values(request: GenerationRequest | None) -> dict[str, Any]:
    """The columns of a picture's row that repeat what its request says, to be searched and sorted by."""
    if request is None:
        return {}
    return {
        "mode": request.mode,
        "checkpoint": request.checkpoint or "",
        "sampler": request.sampler or "",
        "schedule": request.schedule or "",
        "steps": request.steps,
        "guidance": request.guidance,
        "strength": request.strength if request.init else None,
        "clip_skip": request.clip_skip,
        "hires": request.hires is not None,
    }


def image_values(record: ImageRecord, request: GenerationRequest | None) -> dict[str, Any]:
    """The columns of a picture's row."""
    request = None if request is None else own_words(request, record.index)
    return searched_values(request) | {
        "id": record.id,
        "kind": record.kind,
        "path": record.path,
        "job_id": record.job_id,
        "index": record.index,
        "owner": record.owner,
        "width": record.width,
        "height": record.height,
        "seed": None if record.seed is None else str(record.seed),
        "created": record.created.timestamp(),
        "notes": json.dumps(record.notes),
        "prompt": request.prompt if request else "",
        "request": request.model_dump_json() if request else None,
    }


def event_from(row: Any) -> Event | None:
    """A stored event with its sequence number; None for one that a newer version wrote."""
    try:
        return EventAdapter.validate_json(row.body).model_copy(update={"seq": row.seq, "at": when(row.at)})
    except ValidationError:
        return None
