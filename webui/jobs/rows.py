"""Rows of the database as the values that flow, and back."""

import json
import secrets
import time
from datetime import UTC, datetime
from typing import Any

from webui.core.events import Event, EventAdapter
from webui.core.job import Job, JobError, Plan
from webui.core.record import ImageRecord
from webui.core.request import GenerationRequest


def new_id() -> str:
    """A job id that sorts by time: 12 hex digits of milliseconds, 12 of chance."""
    return f"{time.time_ns() // 1_000_000:012x}{secrets.token_hex(6)}"


def when(seconds: float | None) -> datetime | None:
    """A stored time; UTC."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def job_from(row: Any, images: tuple[ImageRecord, ...] = ()) -> Job:
    """A job from its row. The request is trusted: it was checked when it was stored."""
    return Job(
        id=row.id,
        owner=row.owner,
        state=row.state,
        priority=row.priority,
        attempts=row.attempts,
        request=GenerationRequest.model_validate_json(row.request),
        plan=Plan.model_validate_json(row.plan) if row.plan else None,
        idempotency_key=row.idempotency_key,
        created=datetime.fromtimestamp(row.created, UTC),
        started=when(row.started),
        finished=when(row.finished),
        error=JobError.model_validate_json(row.error) if row.error else None,
        images=images,
        notes=tuple(json.loads(row.notes)),
    )


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


def image_values(record: ImageRecord, request: GenerationRequest | None) -> dict[str, Any]:
    """The columns of a picture's row."""
    return {
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


def event_from(row: Any) -> Event:
    """A stored event with its sequence number."""
    return EventAdapter.validate_json(row.body).model_copy(update={"seq": row.seq, "at": when(row.at)})
