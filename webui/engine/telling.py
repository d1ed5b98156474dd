"""How a job tells what happens: every event carries the job's id, every step its batch."""

import time
from dataclasses import dataclass, field
from typing import Literal

from webui.core.events import Done, Emit, ImageSaved, Preview, StepDone
from webui.core.record import ImageRecord

Phase = Literal["loading", "encoding", "sampling", "hires", "decoding", "upscaling"]


@dataclass
class Teller:
    """Wraps `emit` for one job. `notes` are what the user should know about the result, each once."""

    emit: Emit
    job_id: str
    batches: int
    batch: int = 0
    notes: dict[str, None] = field(default_factory=dict)
    frames: int = 0
    _began: float = field(default_factory=time.monotonic)

    def step(self, phase: Phase, step: int = 0, steps: int = 0, detail: str = "") -> None:
        """Progress; raises `JobCancelled` when the user asked to stop."""
        self.emit(StepDone(job_id=self.job_id, phase=phase, step=step, steps=steps, batch=self.batch, batches=self.batches, detail=detail))

    def loading(self, done: int, of: int) -> None:
        """What `Pipelines.get` reports to."""
        self.step("loading", done, of)

    def preview(self, jpeg: bytes, width: int, height: int) -> None:
        """A newer frame."""
        self.frames += 1
        self.emit(Preview(job_id=self.job_id, frame=self.frames, width=width, height=height, data=jpeg))

    def note(self, *notes: str) -> None:
        """Remember what the user should know."""
        self.notes.update(dict.fromkeys(notes))

    def saved(self, record: ImageRecord) -> None:
        """A picture lies on disk."""
        self.emit(ImageSaved(job_id=self.job_id, record=record))

    def done(self, engine_seconds: float) -> None:
        """All pictures are saved."""
        seconds = round(time.monotonic() - self._began, 3)
        self.emit(Done(job_id=self.job_id, notes=tuple(self.notes), seconds=seconds, engine_seconds=engine_seconds))
