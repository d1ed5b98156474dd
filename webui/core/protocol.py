"""What web and an engine say to each other, and how it is framed.

A frame is two lengths (4 bytes each, big-endian), a JSON message, and a blob that may be empty (a preview's JPEG).
The engine reads frames on stdin and writes them on the stdout it was started with; end of file on stdin means that web is dead.
"""

import hashlib
import json
import struct
from functools import cache
from typing import Annotated, BinaryIO, Literal

from pydantic import Field, JsonValue, TypeAdapter

from webui.core.events import Event
from webui.core.grid import GridPlace
from webui.core.job import Plan
from webui.core.request import FrozenModel, ResolvedRequest

_HEADER = struct.Struct(">II")
MAX_FRAME = 64 * 2**20
EXIT_DEVICE_LOST = 70
"""Exit code of an engine whose device has stopped working: only a new process can use it again."""


class Start(FrozenModel):
    """First message to an engine: who it is and the launch-time facts it may use. Settings that change later come with each job."""

    type: Literal["start"] = "start"
    engine: str
    device: str
    settings: dict[str, JsonValue]
    extensions_off: tuple[str, ...] = ()


class RunJob(FrozenModel):
    """Make the pictures of `request` except those with an index in `saved` (finished before an interruption).

    `library` and `settings` are what web knows as it hands the job out: an engine whose list of model files has another version looks again
    before it begins, and makes the job by these settings, whatever it was started with.
    """

    type: Literal["run"] = "run"
    job_id: str
    owner: str
    attempt: int
    request: ResolvedRequest
    plan: Plan | None = None
    saved: tuple[int, ...] = ()
    library: str = Field("", description="Version of web's list of model files.")
    settings: dict[str, JsonValue] = {}
    grid: GridPlace | None = None
    more: bool = Field(False, description="Another job follows at once: it may share this one's first pass.")


class Cancel(FrozenModel):
    """Stop a job: now, only this picture (skip), or after the picture being made (after)."""

    type: Literal["cancel"] = "cancel"
    job_id: str
    how: Literal["stop", "skip", "after"] = "stop"


class SetPreview(FrozenModel):
    """Whether somebody looks at previews of this job, and how often to make them (seconds; 0 is never)."""

    type: Literal["watch"] = "watch"
    job_id: str
    period: float = 0.5
    method: Literal["linear", "taesd", "full"] = "linear"


class Unload(FrozenModel):
    """Free the device's memory; the next job loads its model again."""

    type: Literal["unload"] = "unload"


class Stop(FrozenModel):
    """Finish: leave the running job as it is and exit."""

    type: Literal["stop"] = "stop"


ToEngine = Annotated[Start | RunJob | Cancel | SetPreview | Unload | Stop, Field(discriminator="type")]


class OptionInfo(FrozenModel):
    """A named choice: a sampler or a schedule, by whoever registered it."""

    name: str
    aliases: tuple[str, ...] = ()
    owner: str = "darkroom"
    default_schedule: str | None = None
    processes: tuple[Literal["ve", "flow"], ...] = ("ve", "flow")


OWNERS_TO_SEE = "Who runs this Darkroom sees why."
"""In place of a traceback, for everybody else: it names folders of the machine."""


class ExtensionState(FrozenModel):
    """What became of an extension in one process. `error` is a traceback."""

    id: str
    title: str = ""
    version: str = ""
    path: str = ""
    file_hash: str = ""
    hooks: tuple[str, ...] = ()
    registers: tuple[str, ...] = ()
    enabled: bool = True
    error: str = ""


class Capabilities(FrozenModel):
    """What an engine can do; kept by web so that the drop-downs are whole before the next engine is up."""

    type: Literal["capabilities"] = "capabilities"
    samplers: tuple[OptionInfo, ...] = ()
    schedules: tuple[OptionInfo, ...] = ()
    lora_loaders: tuple[str, ...] = ()
    upscalers: tuple[str, ...] = ()
    families: tuple[str, ...] = Field((), description="Model families that are loaded; empty where no engine has said it yet.")
    extensions: tuple[ExtensionState, ...] = ()


class Ready(FrozenModel):
    """The engine can take jobs."""

    type: Literal["ready"] = "ready"
    device: str
    name: str
    memory: int = Field(0, description="Bytes of the device's memory.")
    dtype: str = "float32"
    versions: dict[str, str] = {}
    node: str = Field("", description="The machine of a cluster that it runs on; empty is this one.")


class StartFailed(FrozenModel):
    """The engine cannot be what it was started as, and ends. `message` is a sentence for people."""

    type: Literal["start_failed"] = "start_failed"
    message: str


class BatchStats(FrozenModel):
    """Forward passes since the engine started: how many, how many jobs they answered, their seconds, and the seconds that jobs waited."""

    passes: int = 0
    answered: int = 0
    seconds: float = 0.0
    waited: float = 0.0

    def with_pass(self, jobs: int, seconds: float, waited: float) -> "BatchStats":
        """One pass more."""
        return BatchStats(
            passes=self.passes + 1, answered=self.answered + jobs, seconds=self.seconds + seconds, waited=self.waited + waited
        )


class Heartbeat(FrozenModel):
    """The engine's process lives: from a thread, every second, whatever the step takes."""

    type: Literal["heartbeat"] = "heartbeat"
    resident: int = 0
    device_used: int = 0
    loaded: str = Field("", description="Checkpoint that was used last.")
    warm: tuple[str, ...] = Field((), description="All checkpoints that are loaded.")
    batch: BatchStats = BatchStats()


class JobEventMessage(FrozenModel):
    """An event of a job; a preview's bytes are the frame's blob."""

    type: Literal["event"] = "event"
    event: Event


class Planned(FrozenModel):
    """How the job will run; stored before the first step."""

    type: Literal["planned"] = "planned"
    job_id: str
    plan: Plan


class Declined(FrozenModel):
    """The engine cannot run this job beside those it has; it waits on, and this was no attempt."""

    type: Literal["declined"] = "declined"
    job_id: str
    reason: str


class ExtensionFailed(FrozenModel):
    """A hook raised while the engine worked; the extension is off until it is switched on again."""

    type: Literal["extension_failed"] = "extension_failed"
    extension: str
    hook: str
    traceback: str


FromEngine = Annotated[
    Capabilities | Ready | StartFailed | Heartbeat | JobEventMessage | Planned | Declined | ExtensionFailed, Field(discriminator="type")
]

ToEngineAdapter: TypeAdapter[ToEngine] = TypeAdapter(ToEngine)
FromEngineAdapter: TypeAdapter[FromEngine] = TypeAdapter(FromEngine)


def write_frame(stream: BinaryIO, message: FrozenModel, blob: bytes = b"") -> None:
    """Send one frame and flush it. The caller holds the stream's lock."""
    body = message.model_dump_json().encode()
    stream.write(_HEADER.pack(len(body), len(blob)) + body + blob)
    stream.flush()


def read_frame(stream: BinaryIO) -> tuple[bytes, bytes] | None:
    """Receive one frame as (JSON, blob); None at the end of the stream. Raises ValueError for what cannot be a frame."""
    header = _read_exactly(stream, _HEADER.size)
    if header is None:
        return None
    body_length, blob_length = _HEADER.unpack(header)
    if body_length + blob_length > MAX_FRAME:
        raise ValueError(f"a frame of {body_length + blob_length} bytes: this is not our protocol")
    body, blob = _read_exactly(stream, body_length), _read_exactly(stream, blob_length)
    return None if body is None or blob is None else (body, blob)


def _read_exactly(stream: BinaryIO, size: int) -> bytes | None:
    data = stream.read(size)
    return data if len(data) == size else None


@cache
def fingerprint() -> str:
    """A word for all that is said here: two programs with the same one understand each other."""
    schemas = (ToEngineAdapter.json_schema(), FromEngineAdapter.json_schema())
    return hashlib.sha256(json.dumps(schemas, sort_keys=True).encode()).hexdigest()[:8]
