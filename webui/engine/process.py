"""The engine process: reads tasks from one pipe, tells what happens on the other, dies with web.

`python -m webui.engine.process` is started by the supervisor. Whatever libraries print goes to standard error, never into the pipe.
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
from webui.core.protocol import (
    LOST_DEVICE,
    BatchFigures,
    Cancel,
    Declined,
    ExtensionFailed,
    FromEngine,
    Happened,
    Heartbeat,
    Planned,
    Ready,
    RunJob,
    Start,
    Stop,
    ToEngine,
    ToEngineAdapter,
    Unload,
    Watch,
    read_frame,
    write_frame,
)
from webui.core.sentences import in_words
from webui.engine.conductor import HUNG, Conductor, Passes
from webui.engine.seat import Hung, Seat
from webui.engine.wishes import Wishes
from webui.errors import Apart, EngineLost, JobCancelled, OutOfMemory, RequestError, WebUIError
from webui.settings import Settings

if TYPE_CHECKING:
    from webui.engine.company import Company

BEAT = 1.0


class Outbox:
    """Frames to web, from any thread. When web is gone there is nothing left to do."""

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
    """One engine: a reader thread for messages, a heartbeat thread, and the caller's thread, in which the conductor computes."""

    hung = HUNG

    def __init__(self, source: BinaryIO, sink: BinaryIO, on_end: Callable[[], None]) -> None:
        self._source, self._on_end = source, on_end
        self.outbox = Outbox(sink)
        self.wishes = Wishes()
        self._inbox: SimpleQueue[Any] = SimpleQueue()
        self._ended = threading.Event()
        self._conductor: Conductor | None = None
        self._company: Company | None = None
        self._unload_wanted = self._is_spoilt = False

    def run(self) -> None:
        """Serve until told to stop or web is gone."""
        threading.Thread(target=self._read, name="reader", daemon=True).start()
        threading.Thread(target=self._beat, name="heartbeat", daemon=True).start()
        start = self._inbox.get()
        if isinstance(start, Start):
            passes = self.prepare(start, Settings.model_validate(start.settings))
            self._conductor = Conductor(
                self._inbox, passes, self._take, self._job_left, self.wishes.is_stopped, self._job_abandoned, self.hung
            )
            self._conductor.run()

    # What an engine is; `tests.fake_engine` has another one -----------------------------------------------------------------

    def prepare(self, start: Start, settings: Settings) -> Passes:
        """Get ready for jobs and say so."""
        from webui.devices.environment import prepare_process

        prepare_process()
        from webui.devices.machine import choose, describe
        from webui.devices.plan import default_dtype
        from webui.engine.company import Company
        from webui.engine.forward import ForwardPasses
        from webui.engine.workshop import build_tools, capabilities

        tools = build_tools(settings, start.extensions_off)
        tools.extensions.on_failure = lambda extension, hook, text: self.outbox.send(
            ExtensionFailed(extension=extension, hook=hook, traceback=text)
        )
        device = choose(start.device)
        self._company = Company(tools, device, settings)
        facts = describe(device, default_dtype(device, settings))
        self.outbox.send(capabilities(tools))
        self.outbox.send(Ready(device=device, name=facts.name, memory=facts.memory, dtype=facts.dtype, versions=facts.versions))
        return ForwardPasses()

    def make(self, task: RunJob, seat: Seat) -> None:
        """Make a job's pictures, in the job's own thread."""
        company, conductor = self._company, self._conductor
        assert company is not None and conductor is not None
        seat.aside(lambda: company.meet(task))
        plan = seat.do(lambda: company.admit(task, conductor.is_closed))
        self.outbox.send(Planned(job_id=task.job_id, plan=plan))
        company.run(task.model_copy(update={"plan": plan}), seat, self.wishes.previews_of(task.job_id), self.emitter(task.job_id))

    def leave(self, job_id: str) -> None:
        """A job has ended, however."""
        if self._company is not None:
            self._company.leave(job_id)

    def unload(self) -> None:
        """Give the model's memory back."""
        if self._company is not None:
            self._company.tools.pipelines.unload()

    def loaded(self) -> str:
        """The checkpoint in memory."""
        return "" if self._company is None else self._company.tools.pipelines.loaded

    # Jobs -------------------------------------------------------------------------------------------------------------------

    def _take(self, message: ToEngine | EngineLost) -> None:
        """From the conductor, between two steps."""
        match message:
            case EngineLost():
                raise message
            case RunJob() if self._conductor is not None:
                self._conductor.begin(message.job_id, lambda seat: self._run_job(message, seat))
            case Unload():
                self._unload_wanted = True
                self._when_idle()
            case Stop() if self._conductor is not None:
                self._conductor.stopping = True

    def _run_job(self, task: RunJob, seat: Seat) -> None:
        """The job boundary: whatever goes wrong becomes an event, and the engine goes on."""
        try:
            self.make(task, seat)
        except Apart as apart:
            self.outbox.send(Declined(job_id=task.job_id, reason=str(apart)))
        except JobCancelled:
            last = self.wishes.end(task.job_id)
            self.tell(Cancelled(job_id=task.job_id, step=last.step, steps=last.steps, engine_seconds=seat.seconds))
        except Exception as error:
            from webui.devices.plan import is_device_lost

            if is_device_lost(error):
                traceback.print_exc()
                self._inbox.put(EngineLost(str(error)))
                return
            self.tell(Failed(job_id=task.job_id, error=explain(error), engine_seconds=seat.seconds))
            self._unload_wanted = True

    def _job_left(self, seat: Seat) -> None:
        self.wishes.end(seat.job_id)
        self.leave(seat.job_id)
        self._when_idle()

    def _job_abandoned(self, seat: Seat) -> None:
        """It hangs where Python cannot reach it: it has failed, and this process ends when its neighbours have."""
        self._is_spoilt = True
        self.tell(Failed(job_id=seat.job_id, error=explain(Hung()), engine_seconds=seat.seconds))

    def _when_idle(self) -> None:
        if self._conductor is None or self._conductor.seats:
            return
        if self._is_spoilt:
            self._on_end()
            self._conductor.stopping = True
        if self._unload_wanted:
            self._unload_wanted = False
            self.unload()

    def emitter(self, job_id: str) -> Callable[[Event], None]:
        """What a job tells, and what it hears of its user's wishes."""

        def emit(event: Event) -> None:
            event = event.model_copy(update={"job_id": job_id})
            self.tell(event)
            self.wishes.obey(event)

        return emit

    def tell(self, event: Event) -> None:
        """Send an event to web."""
        blob = event.data if isinstance(event, Preview) else b""
        self.outbox.send(Happened(event=event), blob)

    # Threads ----------------------------------------------------------------------------------------------------------------

    def _read(self) -> None:
        try:
            while (frame := read_frame(self._source)) is not None:
                self._receive(ToEngineAdapter.validate_json(frame[0]))
        except (OSError, ValueError):
            traceback.print_exc()
        self._receive(Stop())

    def _receive(self, message: ToEngine) -> None:
        """Wishes act at once; the rest waits for the conductor."""
        match message:
            case Cancel():
                self.wishes.wish(message)
            case Watch():
                self.wishes.watch(message)
            case Stop():
                self._ended.set()
                self._on_end()
                self._inbox.put(message)
            case _:
                if isinstance(message, RunJob):
                    self.wishes.expect(message.job_id)
                self._inbox.put(message)

    def _beat(self) -> None:
        import psutil

        process = psutil.Process()
        while not self._ended.wait(BEAT) and not self.outbox.broken:
            figures = self._conductor.figures if self._conductor is not None else BatchFigures()
            resident = process.memory_info().rss
            self.outbox.send(Heartbeat(resident=resident, device_used=_device_used(), loaded=self.loaded(), batch=figures))


def explain(error: Exception) -> JobError:
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


def main() -> None:
    """The program: take standard output for frames alone, and end at once when web does."""
    sink = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    _ignore_interrupts()
    started = time.monotonic()
    try:
        serve(sys.stdin.buffer, sink, on_end=lambda: os._exit(0))
    except EngineLost:
        os._exit(LOST_DEVICE)  # the device's own clean-up would hang or fail
    print(f"engine ended after {time.monotonic() - started:.0f} s", file=sys.stderr)


def _ignore_interrupts() -> None:
    """Ctrl+C reaches the whole process group; web decides when the engine ends."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)


if __name__ == "__main__":
    main()
