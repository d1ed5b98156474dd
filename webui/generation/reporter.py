"""Reports a job's progress as events."""

import time
from dataclasses import dataclass, field
from typing import Literal

from webui.core.events import Done, Emit, ImageSaved, Preview, StepDone
from webui.core.record import ImageRecord

Phase = Literal["loading", "encoding", "sampling", "hires", "decoding", "upscaling", "finishing"]


@dataclass
class JobReporter:
    """Wraps `emit` for one job and adds its id. `notes` are what the user should know about the result, without duplicates."""

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
        """Progress callback of `ModelCache.get`."""
        self.step("loading", done, of)

    def preview(self, jpeg: bytes, width: int, height: int) -> None:
        """Send a preview frame."""
        self.frames += 1
        self.emit(Preview(job_id=self.job_id, frame=self.frames, width=width, height=height, data=jpeg))

    def note(self, *notes: str) -> None:
        """Add notes for the user."""
        self.notes.update(dict.fromkeys(notes))

    def saved(self, record: ImageRecord) -> None:
        """Report an image that is on disk."""
        self.emit(ImageSaved(job_id=self.job_id, record=record))

    def done(self, engine_seconds: float) -> None:
        """Report that all images are saved."""
        seconds = round(time.monotonic() - self._began, 3)
        self.emit(Done(job_id=self.job_id, notes=tuple(self.notes), seconds=seconds, engine_seconds=engine_seconds))
