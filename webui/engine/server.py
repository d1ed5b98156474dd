"""The engine process: reads jobs from one pipe, writes events to the other, and exits when web does.

`python -m webui.engine.server` is started by the supervisor. Whatever libraries print goes to standard error, never into the pipe.
"""

import os
import sys
import threading
import time
import traceback
from collections.abc import Callable
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, BinaryIO

from webui.core.events import Cancelled, Event, Failed, Preview
from webui.core.job import JobError
from webui.core.names import encodable
from webui.core.protocol import (
    EXIT_DEVICE_LOST,
    BatchStats,
    Cancel,
    Declined,
    ExtensionFailed,
    FromEngine,
    Heartbeat,
    JobEventMessage,
    Planned,
    Ready,
    RunJob,
    SetPreview,
    Start,
    StartFailed,
    Stop,
    ToEngine,
    ToEngineAdapter,
    Unload,
    read_frame,
    write_frame,
)
from webui.core.sentences import in_words
from webui.engine.control import JobControls
from webui.engine.scheduler import HUNG_AFTER_S, BatchScheduler, ModelRunner
from webui.engine.slot import Hung, JobSlot
from webui.errors import AdmissionRefused, EngineLost, JobCancelled, OutOfMemory, RequestError, WebUIError
from webui.settings import Settings

if TYPE_CHECKING:
    from webui.engine.admission import AdmissionController

HEARTBEAT_S = 1.0


class MessageWriter:
    """Writes frames to web, from any thread. Sets `broken` when web is gone."""

    def __init__(self, sink: BinaryIO) -> None:
        self._sink = sink
        self._lock = threading.Lock()
        self.broken = False

    def send(self, message: FromEngine, blob: bytes = b"") -> None:
        """Send one message."""
        try:
            with self._lock:
                write_frame(self._sink, message, blob)
        except (OSError, ValueError):
            self.broken = True


class EngineServer:
    """One engine: a reader thread for messages, a heartbeat thread, and the caller's thread, in which the scheduler computes."""

    hung_after_s = HUNG_AFTER_S

    def __init__(self, source: BinaryIO, sink: BinaryIO, on_end: Callable[[], None]) -> None:
        self._source, self._on_end = source, on_end
        self.writer = MessageWriter(sink)
        self.controls = JobControls()
        self._inbox: SimpleQueue[Any] = SimpleQueue()
        self._ended = threading.Event()
        self._scheduler: BatchScheduler | None = None
        self._admission: AdmissionController | None = None
        self._unload_wanted = self._has_hung_thread = False

    def run(self) -> bool:
        """Serve until told to stop or web is gone; False where it could not start, which web has been told."""
        threading.Thread(target=self._read, name="reader", daemon=True).start()
        threading.Thread(target=self._send_heartbeats, name="heartbeat", daemon=True).start()
        start = self._inbox.get()
        if isinstance(start, Start):
            runner = self._prepared(start)
            if runner is None:
                return False
            self._scheduler = BatchScheduler(
                self._inbox, runner, self._take, self._on_job_ended, self.controls.is_stopped, self._on_job_hung, self.hung_after_s
            )
            self._scheduler.run()
        return True

    def _prepared(self, start: Start) -> ModelRunner | None:
        """The model runner; None where something is wrong, which is sent as a sentence."""
        try:
            return self.prepare(start, Settings.model_validate(start.settings))
        except WebUIError as error:
            said = str(error)
        except Exception as error:
            traceback.print_exc()
            said = f"A fault that Darkroom did not foresee{in_words(error)}. The log has the details."
        self.writer.send(StartFailed(message=encodable(said)))
        return None

    # What an engine is; `tests.fake_engine` has another one -----------------------------------------------------------------

    def prepare(self, start: Start, settings: Settings) -> ModelRunner:
        """Load what jobs need, send `Ready`, and return the model runner."""
        from webui.devices.environment import prepare_process

        prepare_process()
        from webui.devices.machine import choose, describe
        from webui.devices.plan import default_dtype
        from webui.engine.admission import AdmissionController
        from webui.engine.bootstrap import build_context, capabilities
        from webui.engine.model_runner import TorchModelRunner

        context = build_context(settings, start.extensions_off)
        context.extensions.on_failure = lambda extension, hook, text: self.writer.send(
            ExtensionFailed(extension=extension, hook=hook, traceback=text)
        )
        device = choose(start.device)
        self._admission = AdmissionController(context, device, settings)
        facts = describe(device, default_dtype(device, settings))
        self.writer.send(capabilities(context))
        self.writer.send(Ready(device=device, name=facts.name, memory=facts.memory, dtype=facts.dtype, versions=facts.versions))
        return TorchModelRunner()

    def run_job(self, task: RunJob, slot: JobSlot) -> None:
        """Admit a job and make its images, in the job's thread."""
        admission, scheduler = self._admission, self._scheduler
        assert admission is not None and scheduler is not None
        if not admission.knows_library(task):  # to leave the device, if only for a moment, costs a step that the others make meanwhile
            slot.run_off_device(lambda: admission.refresh_library(task))
        plan = slot.run_on_device(lambda: admission.admit(task, scheduler.draining))
        self.writer.send(Planned(job_id=task.job_id, plan=plan))
        admission.run(
            task.model_copy(update={"plan": plan}), slot, self.controls.preview_settings_of(task.job_id), self.emitter(task.job_id)
        )

    def release(self, job_id: str) -> None:
        """Called when a job has ended, however it ended."""
        if self._admission is not None:
            self._admission.release(job_id)

    def unload(self) -> None:
        """Give the model's memory back."""
        if self._admission is not None:
            self._admission.context.models.unload()

    def warm(self) -> tuple[str, ...]:
        """All checkpoints in memory."""
        return () if self._admission is None else self._admission.context.models.warm

    def loaded(self) -> str:
        """The checkpoint in memory."""
        return "" if self._admission is None else self._admission.context.models.loaded

    # Jobs -------------------------------------------------------------------------------------------------------------------

    def _take(self, message: ToEngine | EngineLost) -> None:
        """Handle a message from web; called by the scheduler between two steps."""
        match message:
            case EngineLost():
                raise message
            case RunJob() if self._scheduler is not None:
                self._scheduler.start_job(message.job_id, lambda slot: self._run_guarded(message, slot))
                self._scheduler.expecting = message.more
            case Unload():
                self._unload_wanted = True
                self._when_idle()
            case Stop() if self._scheduler is not None:
                self._scheduler.stopping = True

    def _run_guarded(self, task: RunJob, slot: JobSlot) -> None:
        """Run a job; every exception becomes an event and the engine continues."""
        try:
            self.run_job(task, slot)
        except AdmissionRefused as apart:
            self.writer.send(Declined(job_id=task.job_id, reason=str(apart)))
        except JobCancelled:
            last = self.controls.unregister(task.job_id)
            self.report(Cancelled(job_id=task.job_id, step=last.step, steps=last.steps, engine_seconds=slot.seconds))
        except Exception as error:
            from webui.devices.plan import is_device_lost

            if is_device_lost(error):
                traceback.print_exc()
                self._inbox.put(EngineLost(str(error)))
                return
            self.report(Failed(job_id=task.job_id, error=job_error_from(error), engine_seconds=slot.seconds))
            self._unload_wanted = True

    def _on_job_ended(self, slot: JobSlot) -> None:
        self.controls.unregister(slot.job_id)
        self.release(slot.job_id)
        self._when_idle()

    def _on_job_hung(self, slot: JobSlot) -> None:
        """The thread is stuck in native code: fail the job, let the other jobs finish, then exit."""
        self._has_hung_thread = True
        self.report(Failed(job_id=slot.job_id, error=job_error_from(Hung()), engine_seconds=slot.seconds))

    def _when_idle(self) -> None:
        if self._scheduler is None or self._scheduler.slots:
            return
        if self._has_hung_thread:
            self._on_end()
            self._scheduler.stopping = True
        if self._unload_wanted:
            self._unload_wanted = False
            self.unload()

    def emitter(self, job_id: str) -> Callable[[Event], None]:
        """Return the job's `emit`: it sends events to web and raises pending cancel requests."""

        def emit(event: Event) -> None:
            if event.job_id != job_id:
                event = event.model_copy(update={"job_id": job_id})
            self.report(event)
            self.controls.raise_if_cancelled(event)

        return emit

    def report(self, event: Event) -> None:
        """Send an event to web."""
        blob = event.data if isinstance(event, Preview) else b""
        self.writer.send(JobEventMessage(event=event), blob)

    # Threads ----------------------------------------------------------------------------------------------------------------

    def _read(self) -> None:
        try:
            while (frame := read_frame(self._source)) is not None:
                self._receive(ToEngineAdapter.validate_json(frame[0]))
        except (OSError, ValueError):
            traceback.print_exc()
        self._receive(Stop())

    def _receive(self, message: ToEngine) -> None:
        """JobControls act at once; the rest waits for the scheduler."""
        match message:
            case Cancel():
                self.controls.request_cancel(message)
            case SetPreview():
                self.controls.set_preview(message)
            case Stop():
                self._ended.set()
                self._on_end()
                self._inbox.put(message)
            case _:
                if isinstance(message, RunJob):
                    self.controls.register(message.job_id)
                self._inbox.put(message)

    def _send_heartbeats(self) -> None:
        import psutil

        process = psutil.Process()
        while not self._ended.wait(HEARTBEAT_S) and not self.writer.broken:
            figures = self._scheduler.stats if self._scheduler is not None else BatchStats()
            resident = process.memory_info().rss
            self.writer.send(
                Heartbeat(resident=resident, device_used=_device_used(), loaded=self.loaded(), warm=self.warm(), batch=figures)
            )


def job_error_from(error: Exception) -> JobError:
    """An error as the user will see it; what we did not foresee also goes to standard error with its traceback."""
    if isinstance(error, RequestError):
        return JobError(kind="RequestError", message=error.message, field=error.field)
    if isinstance(error, WebUIError):
        return JobError(kind=type(error).__name__, message=str(error), advice=error.advice if isinstance(error, OutOfMemory) else "")
    traceback.print_exc()
    from webui.devices.plan import is_out_of_memory

    if is_out_of_memory(error):
        return JobError(kind="OutOfMemory", message="The memory did not suffice.", advice="Try a smaller size or batch.")
    return JobError(
        kind=type(error).__name__,
        message=f"A fault that Darkroom did not foresee stopped this job{in_words(error)}.",
        advice="This is a fault in Darkroom or an extension; the log has the details.",
    )


def _device_used() -> int:
    torch: Any = sys.modules.get("torch")
    cuda = getattr(torch, "cuda", None)
    return int(cuda.memory_reserved()) if cuda is not None and cuda.is_available() and cuda.is_initialized() else 0


def serve(source: BinaryIO, sink: BinaryIO, on_end: Callable[[], None] = lambda: None) -> None:
    """Run an engine on two streams until the source ends."""
    EngineServer(source, sink, on_end).run()


def main(make: type[EngineServer] = EngineServer) -> None:
    """The program: take standard output for frames alone, and end at once when web does.

    It ends without Python's clean-up, which aborts the process where the reader still waits for standard input.
    """
    sink = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    _ignore_interrupts()
    started = time.monotonic()
    code = 1
    try:
        code = 0 if make(sys.stdin.buffer, sink, lambda: os._exit(0)).run() else 1
    except EngineLost:
        code = EXIT_DEVICE_LOST  # the device's own clean-up would hang or fail
    except Exception:
        traceback.print_exc()
    print(f"engine ended after {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
    os._exit(code)


def _ignore_interrupts() -> None:
    """Ctrl+C reaches the whole process group; web decides when the engine ends."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)


if __name__ == "__main__":
    main()
