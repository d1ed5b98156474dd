"""A job: a stored request and what has become of it."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from webui.core.grid import GridPlace
from webui.core.record import ImageRecord
from webui.core.request import FrozenModel, GenerationRequest, ResolvedRequest
from webui.errors import RequestError

JobState = Literal["queued", "running", "done", "failed", "cancelled"]
FINAL_STATES: frozenset[str] = frozenset({"done", "failed", "cancelled"})
LOCAL_OWNER = "local"


class Plan(FrozenModel):
    """How the machine makes the pictures; fixed at the first attempt so that a retry gives the same pixels."""

    device: str = "cpu"
    dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    attention: Literal["sdpa", "xformers", "tiled"] = "sdpa"
    threads: int = 0
    channels_last: bool = True
    packed: bool = Field(False, description="Weights lie as oneDNN computes with them: faster on a CPU with bf16 units.")
    weights: Literal["full", "half", "int8"] = Field(
        "full", description="How weights are kept: as they are computed with, in their file's 16 bits, or the denoiser's in 8."
    )
    offload: Literal["none", "model", "sequential"] = "none"
    work: int = Field(0, description="Bytes that computing takes besides the weights, as estimated.")
    peak: int = Field(0, description="Bytes that weights and computing take at most on the device, as estimated.")
    rows: int = Field(0, description="Images, each with one prompt, that pass through the network at once; 0: all of them.")
    narrowed: bool = Field(False, description="Computed in fewer bits than is usual here, for it did not fit.")
    vae_tiles: bool = Field(False, description="Images larger than a tile are decoded in tiles whose edges are blended.")


class PreviewChoice(FrozenModel):
    """How often (seconds; 0 is never) and how one job's preview frames are made; None is as the settings say."""

    period: float | None = Field(None, ge=0, le=60)
    method: Literal["linear", "taesd", "full"] | None = None


class JobError(FrozenModel):
    """Why a job failed: `kind` is the error class, `message` what is wrong, `advice` what to do, `field` where if it is the request."""

    kind: str
    message: str
    advice: str = ""
    field: str | None = None


class Said(FrozenModel):
    """What is said of a job besides its request: notes for its owner, and its place in a grid."""

    notes: tuple[str, ...] = ()
    place: GridPlace | None = None


class Job(FrozenModel):
    """One row of the queue. Times are UTC."""

    id: str
    owner: str = LOCAL_OWNER
    state: JobState = "queued"
    priority: int = 0
    attempts: int = 0
    request: GenerationRequest
    plan: Plan | None = None
    idempotency_key: str | None = None
    created: datetime
    started: datetime | None = None
    finished: datetime | None = None
    error: JobError | None = None
    images: tuple[ImageRecord, ...] = ()
    notes: tuple[str, ...] = Field((), description="What the user should know about the result.")
    grid: GridPlace | None = Field(None, description="Where it stands in a grid, for a cell of one.")
    cost: float = Field(0.0, description="US dollars: before its end as estimated, after it as the provider told, where it does.")
    made: tuple[str, ...] = Field((), exclude=True)
    """Ids of pictures that a backend has made: what is left to an engine is their finish chain."""

    @property
    def work(self) -> ResolvedRequest:
        """What an engine does for it. Raises `RequestError` as `resolved` does."""
        if not self.made:
            return self.resolved
        plain = {"checkpoint": "", "where": "here", "where_options": "", "init": None, "mask": None, "hires": None, "outpaint": None}
        return ResolvedRequest.model_validate({**dict(self.resolved), **plain, "mode": "extras", "inputs": self.made})

    @property
    def resolved(self) -> ResolvedRequest:
        """The request as it is run. Raises `RequestError` for a job that this version cannot read whole."""
        if not isinstance(self.request, ResolvedRequest):
            raise RequestError("request", "This job was stored by a newer Darkroom and cannot be read.")
        return self.request
