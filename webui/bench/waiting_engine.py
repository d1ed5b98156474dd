"""An engine that waits instead of computing: what is around engines, measured without a model. `python -m webui.bench.waiting_engine`.

A step takes as many milliseconds as the prompt begins with; the picture is of one colour, which follows from prompt and seed.
"""

import hashlib
import os
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

from PIL import Image

from webui.core.events import Done, Event, ImageSaved, StepDone
from webui.core.job import Plan
from webui.core.protocol import Planned, Ready, RunJob, Start
from webui.engine.scheduler import ModelRunner
from webui.engine.server import EngineServer
from webui.engine.slot import JobSlot
from webui.images.metadata import GenerationInfo, encoder
from webui.images.store import ImageStore, Origin
from webui.settings import Settings


class NoPasses:
    """Waiting asks no model."""

    def group_forward(self, calls: Sequence[Any]) -> list[Any]:
        """No groups."""
        return []

    execute_forward = group_decode = execute_decode = group_forward

    def rows(self, call: Any) -> int:
        """One."""
        return 1

    def rng_state(self) -> None:
        """None."""

    def restore_rng_state(self, state: Any) -> None:
        """Nothing."""


class WaitingEngine(EngineServer):
    """The real server around a clock."""

    checkpoint = ""

    def prepare(self, start: Start, settings: Settings) -> ModelRunner:
        """See `EngineServer`."""
        self.images = ImageStore(settings.data_dir)
        self.writer.send(Ready(device="cpu", name="a clock"))
        return NoPasses()

    def run_job(self, task: RunJob, slot: JobSlot) -> None:
        """Wait for each step, then save."""
        self.checkpoint = task.request.checkpoint
        self.writer.send(Planned(job_id=task.job_id, plan=Plan()))
        slot.run_off_device(lambda: wait_and_save(task, self.images, self.emitter(task.job_id)))

    def loaded(self) -> str:
        """The last checkpoint."""
        return self.checkpoint

    def warm(self) -> tuple[str, ...]:
        """None besides."""
        return ()

    def unload(self) -> None:
        """Forget it."""
        self.checkpoint = ""

    def release(self, job_id: str) -> None:
        """Nothing is held."""


def wait_and_save(task: RunJob, images: ImageStore, emit: Callable[[Event], None]) -> None:
    """A job's steps and pictures."""
    seconds = float(task.request.prompt.split()[0]) / 1000
    for index in range(task.request.count):
        if index in task.saved:
            continue
        for step in range(1, task.request.steps + 1):
            time.sleep(seconds)
            emit(StepDone(job_id=task.job_id, step=step, steps=task.request.steps))
        seed = task.request.seed + index
        shade = hashlib.sha256(f"{task.request.prompt}{seed}".encode()).digest()
        image = Image.new("RGB", (task.request.width, task.request.height), (shade[0], shade[1], shade[2]))
        encode = encoder(task.request, index, GenerationInfo(job_id=task.job_id))
        origin = Origin(job_id=task.job_id, owner=task.owner, index=index, seed=seed)
        emit(ImageSaved(job_id=task.job_id, record=images.save(image, task.request, encode, origin)))
    emit(Done(job_id=task.job_id))


def main() -> None:
    """Serve on stdin and stdout, as an engine does."""
    sink = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    WaitingEngine(sys.stdin.buffer, sink, on_end=lambda: os._exit(0)).run()


if __name__ == "__main__":
    main()
