"""What the API's JSON looks like, for the OpenAPI document and the page's types: `shapes` and `stream` make it as plain values.

A test compares what the routes really answer with these.
"""

from datetime import datetime
from typing import Literal

from pydantic import JsonValue, RootModel

from webui.core.events import Cancelled, Done, Failed, ImageSaved, Preview, Queued, Started, StepDone
from webui.core.grid import Cell
from webui.core.job import Job, JobError
from webui.core.record import ImageRecord
from webui.core.request import FrozenModel, GenerationRequest
from webui.jobs.placement import EngineStatus
from webui.jobs.progress import Progress
from webui.jobs.prompt_history import UsedPrompt
from webui.people.roles import Need, Role
from webui.words.presets import Preset
from webui.words.wildcards import Wildcard


class ImageBody(ImageRecord):
    """A picture with its address."""

    url: str


class ImageWithRequest(ImageBody):
    """A picture with the request that it was made with; an upload has none. `source` is the picture that Extras made it of.

    Where it is listed: its number, stars (0 to 5), flag (1 kept, -1 rejected) and session.
    """

    request: GenerationRequest | None
    source: str | None
    number: int = 0
    rating: int = 0
    flag: int = 0
    session: int = 0


class ImageList(FrozenModel):
    """A page of pictures, newest first, and how many there are in all."""

    images: tuple[ImageWithRequest, ...]
    total: int


class JobBody(Job):
    """A job with its pictures' addresses. `progress` is there while it runs.

    Of somebody else's only that it is there and how far it is: `mine` is false, and request, error, images, notes and plan are empty.
    """

    request: GenerationRequest | None  # type: ignore[assignment]
    images: tuple[ImageBody, ...]
    mine: bool
    progress: Progress | None = None


class JobList(FrozenModel):
    """Jobs in order of submission."""

    jobs: tuple[JobBody, ...]


class PassedOverFile(FrozenModel):
    """A file of a folder that was left alone, and why."""

    name: str
    why: str


class ExtrasJobs(FrozenModel):
    """The jobs of a call of Extras, in order, and which files of the folder were passed over."""

    jobs: tuple[JobBody, ...]
    passed_over: tuple[PassedOverFile, ...]


class Stopped(FrozenModel):
    """How many jobs were stopped."""

    stopped: int


class WaitingJob(FrozenModel):
    """A job's place in the line from 1, seconds until it starts and for itself; null where nobody can know."""

    id: str
    place: int
    starts_in: float | None
    takes: float | None


class QuotaBody(FrozenModel):
    """One limit of one owner, and what is left of it. `renews` is null where it renews as jobs end."""

    name: Literal["jobs", "megapixels", "minutes", "pictures", "uploads", "storage"]
    limit: float
    used: float
    left: float
    renews: datetime | None


class QueueBody(FrozenModel):
    """The waiting jobs in the order they will run, and the asker's own limits."""

    waiting: tuple[WaitingJob, ...]
    paused: bool
    limits: tuple[QuotaBody, ...]


class PausedBody(FrozenModel):
    """Whether the queue is paused now."""

    paused: bool


class ParametersText(FrozenModel):
    """The parameters text inside a picture."""

    text: str


class ImageId(FrozenModel):
    """A picture's id."""

    id: str


class Sample(FrozenModel):
    """The machine at one moment: seconds since 1970, percent, bytes, jobs, steps a second."""

    at: float
    cpu: float
    memory: float
    memory_total: float
    device_used: int
    device_total: int
    engines_memory: int
    queue: int
    speed: float


class SystemBody(FrozenModel):
    """Samples of the last minutes, the newest last."""

    samples: tuple[Sample, ...]


class Engines(FrozenModel):
    """All engines, and what of the program itself does not work: the data of `event: engine`."""

    engines: tuple[EngineStatus, ...]
    paused: bool
    troubles: tuple[str, ...]


class Snapshot(Engines):
    """Everything as it is now: the data of `event: snapshot`, the first of a page's stream.

    `models` is another word where other model files are listed.
    """

    jobs: tuple[JobBody, ...]
    images: tuple[ImageWithRequest, ...]
    total: int
    waiting: tuple[WaitingJob, ...]
    models: str
    owner: str
    admin: bool
    named: bool
    shared: bool
    role: Role
    invited: bool
    may: tuple[Need, ...]


class ImageMade(ImageSaved):
    """A finished picture with its address."""

    record: ImageBody


class Alive(FrozenModel):
    """The data of `event: alive`: nothing happened for a while."""


class HiddenJobEvent(FrozenModel):
    """What is told of somebody else's job."""

    type: Literal["queued", "started", "step", "done", "failed", "cancelled"]
    job_id: str
    seq: int
    step: int = 0
    steps: int = 0
    phase: str = ""
    batch: int = 0
    batches: int = 1
    error: JobError | None = None


JobEvent = Queued | Started | StepDone | Preview | ImageMade | Done | Failed | Cancelled | HiddenJobEvent


class JobEventBody(RootModel[JobEvent]):
    """The data of one event of a job's stream."""


class PageEvent(RootModel[Snapshot | Engines | JobBody | JobEvent | Alive]):
    """The data of one event of a page's stream; `event:` says which."""


class WildcardList(FrozenModel):
    """All wildcards by name, and the folders that they are looked for in, the first being Darkroom's own."""

    wildcards: tuple[Wildcard, ...]
    folders: tuple[str, ...]


class WildcardLines(FrozenModel):
    """The first lines of what a name or pattern means, and how many there are."""

    name: str
    lines: tuple[str, ...]
    total: int


class Template(FrozenModel):
    """A prompt to fill for some seeds."""

    text: str
    seeds: tuple[int, ...] = (1,)


class Filled(FrozenModel):
    """What a template becomes for each seed."""

    prompts: tuple[str, ...]


class AxisBody(FrozenModel):
    """An axis: its kind, what it is called, and its values with their labels."""

    kind: str
    name: str
    of: str
    title: str
    values: tuple[JsonValue, ...]
    labels: tuple[str, ...]


class GridBody(FrozenModel):
    """A grid: its axes, its base request, and how many of its cells are in which state."""

    id: str
    owner: str
    title: str
    state: Literal["active", "done", "cancelled"]
    priority: int
    created: float
    counts: dict[str, int]
    total: int
    sides: tuple[int, ...]
    axes: tuple[AxisBody, ...]
    request: dict[str, JsonValue]


class GridOfFolder(GridBody):
    """A grid over a folder's pictures, and which files of the folder were passed over."""

    passed_over: tuple[PassedOverFile, ...]


class CellBody(Cell):
    """A cell with its pictures."""

    images: tuple[ImageWithRequest, ...]


class GridWithCells(GridBody):
    """A grid with all its cells."""

    cells: tuple[CellBody, ...]


class GridList(FrozenModel):
    """Several grids."""

    grids: tuple[GridBody, ...]


class GridCount(FrozenModel):
    """How many values the axes have, and how many cells that are."""

    sides: tuple[int, ...]
    cells: int


class AxisKind(FrozenModel):
    """A kind of axis, and the values that can be chosen."""

    kind: str
    name: str
    choices: tuple[str, ...]


class AxisKinds(FrozenModel):
    """All kinds of axes, those used most first."""

    kinds: tuple[AxisKind, ...]


class PresetList(FrozenModel):
    """Several presets."""

    presets: tuple[Preset, ...]


class PromptList(FrozenModel):
    """Prompts that were used."""

    prompts: tuple[UsedPrompt, ...]


class DetectorList(FrozenModel):
    """The detectors' names, and why files of theirs are not among them."""

    detectors: tuple[str, ...]
    refused: dict[str, str]


class RegionBody(FrozenModel):
    """A part of a picture that a detector found: left, top, right, bottom in pixels."""

    box: tuple[int, int, int, int]
    confidence: float
    label: str


class RegionList(FrozenModel):
    """What a step would paint again in a picture of this size, in order. `masks` are PNGs in base64, as soft as they are used."""

    width: int
    height: int
    regions: tuple[RegionBody, ...]
    masks: tuple[str, ...]
    notes: tuple[str, ...]
