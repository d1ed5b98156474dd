"""An engine that speaks the real protocol and paints with Pillow: for tests of everything around engines. `python -m tests.fake_engine`.

Words in the prompt make trouble: `crash` kills the process once a job (`always-crash`: each time; `crash-after-writing`: when a picture
lies on disk and nobody knows of it), `hang` stops everything, `fail` raises, `slow` takes 50 ms a step, `never` blocks until stopped;
`watched` then shows frames that say how they were wished for.
"""

import hashlib
import os
import signal
import sys
import time
from types import SimpleNamespace

from PIL import Image

from webui.core.events import Done, ImageSaved, Preview, StepDone
from webui.core.job import Plan
from webui.core.protocol import Capabilities, OptionInfo, Planned, Ready, RunJob, Start
from webui.engine.server import EngineServer
from webui.errors import AdmissionRefused
from webui.images.decode import read_image
from webui.images.extras import Added, extras_encoder
from webui.images.finishing import upscale
from webui.images.metadata import GenerationInfo, encoder
from webui.images.store import ImageStore, Origin
from webui.images.upscaling import AT_ONCE, FILTERS, enlarge

UPSCALERS = ("Latent", "None", "Lanczos", "Nearest")


class NoPasses:
    """Painting asks no model."""

    def group_forward(self, calls):
        return []

    def execute_forward(self, calls):
        return []

    def group_decode(self, decodings):
        return []

    def execute_decode(self, decodings):
        return []

    def rows(self, call):
        return 1

    def rng_state(self):
        return None

    def restore_rng_state(self, state):
        pass


class FakeEngine(EngineServer):
    """The real server with another way to make pictures. Jobs paint side by side; a prompt with `large` wants to be alone."""

    def prepare(self, start: Start, settings):
        self.images, self.running = ImageStore(settings.data_dir), set()
        self.writer.send(Capabilities(samplers=(OptionInfo(name="Euler"),), schedules=(OptionInfo(name="Karras"),), upscalers=UPSCALERS))
        self.writer.send(Ready(device="cpu", name="fake"))
        return NoPasses()

    def run_job(self, task: RunJob, slot) -> None:
        slot.run_on_device(lambda: self.admit(task))
        self.writer.send(Planned(job_id=task.job_id, plan=Plan()))
        slot.run_off_device(lambda: paint(task, self.images, self.emitter(task.job_id), self.controls.preview_settings_of(task.job_id)))

    def loaded(self) -> str:
        return getattr(self, "checkpoint", "")

    def admit(self, task: RunJob) -> None:
        self.checkpoint = task.request.checkpoint
        if self.running and "large" in task.request.prompt.split():
            raise AdmissionRefused("there is not enough memory beside the running jobs")
        self.running.add(task.job_id)

    def release(self, job_id: str) -> None:
        self.running.discard(job_id)

    def unload(self) -> None:
        self.checkpoint = ""


def paint(task: RunJob, images: ImageStore, emit, wish) -> None:
    """Steps and pictures by the request's numbers."""
    words = task.request.prompt.split()
    for index in range(task.request.count):
        if index in task.saved:
            continue
        for step in range(1, task.request.steps + 1):
            if "slow" in words:
                time.sleep(0.05)
            emit(StepDone(job_id=task.job_id, step=step, steps=task.request.steps, batch=index, batches=task.request.count))
            if step == 1:
                emit(Preview(job_id=task.job_id, frame=index + 1, data=b"\xff\xd8 a preview"))
            while "never" in words:
                time.sleep(0.02)
                emit(StepDone(job_id=task.job_id, step=step, steps=task.request.steps))
                if "watched" in words:
                    emit(Preview(job_id=task.job_id, frame=index + 2, data=f"{wish().period:g} {wish().method}".encode()))
            if step == 2:
                trouble(words, task.attempt)
        record = save(task, index, images)
        if "crash-after-writing" in words:
            os.kill(os.getpid(), signal.SIGKILL)
        emit(ImageSaved(job_id=task.job_id, record=record))
    emit(Done(job_id=task.job_id))


def trouble(words: list[str], attempt: int) -> None:
    if "always-crash" in words or ("crash" in words and attempt == 1):
        os.kill(os.getpid(), signal.SIGKILL)
    if "hang" in words and attempt == 1:
        os.kill(os.getpid(), signal.SIGSTOP)
    if "fail" in words:
        raise ZeroDivisionError("it was asked to fail")


def save(task: RunJob, index: int, images: ImageStore):
    """A picture whose pixels follow from the request; of Extras by filters alone, the picture that they make."""
    if task.request.mode == "extras" and all(is_filter(step) for step in task.request.finish):
        return save_filtered(task, index, images)
    shade = hashlib.sha256(f"{task.request.prompt}{task.request.seed + index}".encode()).digest()
    hires = task.request.hires
    scale = hires.scale if hires is not None else 1
    image = Image.new("RGB", (round(task.request.width * scale), round(task.request.height * scale)), tuple(shade[:3]))
    encode = encoder(task.request, index, GenerationInfo(job_id=task.job_id))
    return images.save(
        image, task.request, encode, Origin(job_id=task.job_id, owner=task.owner, index=index, seed=task.request.seed + index)
    )


def is_filter(step) -> bool:
    return step.kind == "upscale" and {step.upscaler.lower(), step.second.lower()} <= set(FILTERS)


def save_filtered(task: RunJob, index: int, images: ImageStore):
    data = images.upload_path(task.request.inputs[index]).read_bytes()
    image = read_image(data, "inputs")
    run = SimpleNamespace(enlarge=lambda image, name, factor: enlarge(image, FILTERS[name.lower()], factor, AT_ONCE))
    for step in task.request.finish:
        image = upscale(image, step, run)
    encode = extras_encoder(data, Added(task.request, index, task.request.seed, GenerationInfo(job_id=task.job_id)))
    return images.save(image, task.request, encode, Origin(job_id=task.job_id, owner=task.owner, index=index, seed=task.request.seed))


def main() -> None:
    sink = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    FakeEngine(sys.stdin.buffer, sink, on_end=lambda: os._exit(0)).run()


if __name__ == "__main__":
    main()
