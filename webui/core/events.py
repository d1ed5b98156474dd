"""What happens to a job, in the order it happens.

The engine makes events, web gives them a `seq` and stores those that matter (all but `step` and `preview`), followers read them.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from webui.core.job import JobError, Plan
from webui.core.record import ImageRecord
from webui.core.request import FrozenModel


class _Event(FrozenModel):
    job_id: str = ""
    seq: int = Field(0, description="Order of stored events, rising over all jobs; 0 for those that are not stored.")
    at: datetime | None = None


class Queued(_Event):
    """The job waits: just submitted, or put back after an engine's death (`reason` says so)."""

    type: Literal["queued"] = "queued"
    attempt: int = 0
    reason: str = ""


class Started(_Event):
    """An engine took the job; `plan` is how it will run."""

    type: Literal["started"] = "started"
    attempt: int = 1
    engine: str = ""
    plan: Plan | None = None


class StepDone(_Event):
    """Progress. `step` of `steps` within `phase` of picture batch `batch` of `batches`. `steps` 0: the length is not known."""

    type: Literal["step"] = "step"
    phase: Literal["loading", "encoding", "sampling", "hires", "decoding", "upscaling", "finishing"] = "sampling"
    step: int = 0
    steps: int = 0
    batch: int = 0
    batches: int = 1
    detail: str = ""


class Preview(_Event):
    """A newer preview frame exists (`GET /api/v1/jobs/{id}/preview`). `data`, a JPEG, is left out of JSON: it travels beside the event."""

    type: Literal["preview"] = "preview"
    frame: int = 0
    width: int = 0
    height: int = 0
    data: bytes = Field(b"", exclude=True, repr=False)


class ImageSaved(_Event):
    """A finished picture lies on disk."""

    type: Literal["image"] = "image"
    record: ImageRecord


class _Ended(_Event):
    engine_seconds: float = Field(0.0, description="Seconds of the engine's time; of a shared pass the job's share.")


class Done(_Ended):
    """All pictures of the job are saved."""

    type: Literal["done"] = "done"
    notes: tuple[str, ...] = ()
    seconds: float = 0.0


class Failed(_Ended):
    """The job ended with an error; finished pictures are kept."""

    type: Literal["failed"] = "failed"
    error: JobError


class Cancelled(_Ended):
    """The user stopped the job; finished pictures are kept. `step` of `steps` is where."""

    type: Literal["cancelled"] = "cancelled"
    step: int = 0
    steps: int = 0


Event = Annotated[Queued | Started | StepDone | Preview | ImageSaved | Done | Failed | Cancelled, Field(discriminator="type")]
EventAdapter: TypeAdapter[Event] = TypeAdapter(Event)
Emit = Callable[[Event], None]
"""The only seam between work and world. Raises `JobCancelled` when the user asked to stop; a test passes `events.append`."""

EPHEMERAL: frozenset[str] = frozenset({"step", "preview"})
