"""What the client gives: jobs, pictures and events as the API tells of them. Fields that a newer server adds are passed over."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from webui.core.job import JobError, JobState
from webui.core.request import GenerationRequest


class _Told(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Picture(_Told):
    """A picture in the gallery, or an upload: its `id` is what `init` and `mask` of a request take."""

    id: str
    url: str
    width: int
    height: int
    kind: str = "result"
    job_id: str | None = None
    index: int = 0
    owner: str = ""
    seed: int | None = None
    created: datetime | None = None
    notes: tuple[str, ...] = ()


class RemoteJob(_Told):
    """A job. Of somebody else's only its state and place are told; then `request` is None."""

    id: str
    state: JobState
    owner: str = ""
    mine: bool = True
    request: GenerationRequest | None = None
    error: JobError | None = None
    images: tuple[Picture, ...] = ()
    notes: tuple[str, ...] = ()
    progress: dict[str, Any] | None = None
    created: datetime | None = None
    started: datetime | None = None
    finished: datetime | None = None

    @property
    def has_ended(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.state in ("done", "failed", "cancelled")


class RemoteCell(_Told):
    """One cell of a grid: where it stands on each axis, and its pictures once they are there."""

    x: int = 0
    y: int = 0
    z: int = 0
    state: str = "planned"
    job_id: str | None = None
    images: tuple[Picture, ...] = ()


class RemoteGrid(_Told):
    """A grid. `counts`: how many cells are in which state. `cells` are told of one grid, not in lists."""

    id: str
    state: Literal["active", "done", "cancelled"]
    owner: str = ""
    title: str = ""
    total: int = 0
    sides: tuple[int, ...] = ()
    counts: dict[str, int] = {}
    cells: tuple[RemoteCell, ...] = ()


class JobEvent(_Told):
    """Something that happened to a job. `kind` names it; `body` is all of it."""

    kind: str
    seq: int = 0
    body: dict[str, Any] = {}
