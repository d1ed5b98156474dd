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

from webui.core.events import Cancelled, Event, Failed, ImageSaved, Preview, StepDone
from webui.core.job import JobError
from webui.core.protocol import (
    LOST_DEVICE,
    Cancel,
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
from webui.errors import EngineLost, JobCancelled, OutOfMemory, RequestError, WebUIError
from webui.settings import Settings

if TYPE_CHECKING:
    from webui.engine.tools import PreviewWish, Tools

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


class Current:
    """The job that runs, and what the user wants of it; written by the reader's thread, read by `emit`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._job_id = ""
        self._given: set[str] = set()
        self._wishes: dict[str, str] = {}
        self._watch: dict[str, Watch] = {}
        self._last_step = StepDone()

    def expect(self, job_id: str) -> None:
        """A job was given to this engine: from now on it can be stopped."""
        with self._lock:
            self._given.add(job_id)

    def begin(self, job_id: str) -> None:
        """A job starts."""
        with self._lock:
            self._job_id, self._last_step = job_id, StepDone(job_id=job_id)

    def end(self) -> StepDone:
        """It has ended; gives its last step."""
        with self._lock:
            self._given.discard(self._job_id)
            self._wishes.pop(self._job_id, None)
            self._watch.pop(self._job_id, None)
            self._job_id = ""
            return self._last_step

    def wish(self, message: Cancel) -> None:
        """The user wants a job stopped somehow; a stop outranks the others. One that comes too late must not stop the job's next try."""
        with self._lock:
            if message.job_id in self._given and self._wishes.get(message.job_id) != "stop":
                self._wishes[message.job_id] = message.how

    def watch(self, message: Watch) -> None:
        """Somebody looks, or nobody any more."""
        with self._lock:
            if message.period > 0 and message.job_id in self._given:
                self._watch[message.job_id] = message
            else:
                self._watch.pop(message.job_id, None)

    def preview_wish(self) -> "PreviewWish":
        """How often and how to make previews of the running job."""
        from webui.engine.tools import PreviewWish

        with self._lock:
            watch = self._watch.get(self._job_id)
        return PreviewWish() if watch is None else PreviewWish(period=watch.period, method=watch.method)

    def obey(self, event: Event) -> None:
        """Raise what the user asked for: at any event for a stop or a skip, after a saved picture for "after"."""
        from webui.engine.tools import SkipBatch

        with self._lock:
            if isinstance(event, StepDone):
                self._last_step = event
            wish = self._wishes.get(self._job_id)
            if wish == "skip" and isinstance(event, StepDone) and event.phase != "loading":
                del self._wishes[self._job_id]
        if wish == "stop" or (wish == "after" and isinstance(event, ImageSaved)):
            raise JobCancelled("stopped")
        if wish == "skip" and isinstance(event, StepDone) and event.phase != "loading":
            raise SkipBatch("skipped")


class EngineServer:
    """One engine: a reader thread for messages, a heartbeat thread, and the caller's thread that computes."""

    def __init__(self, source: BinaryIO, sink: BinaryIO, on_end: Callable[[], None]) -> None:
        self._source, self._on_end = source, on_end
        self.outbox = Outbox(sink)
        self.current = Current()
        self._work: SimpleQueue[Start | RunJob | Unload | Stop] = SimpleQueue()
        self._loaded: Callable[[], str] = lambda: ""
        self._ended = threading.Event()

    def run(self) -> None:
        """Serve until told to stop or web is gone."""
        threading.Thread(target=self._read, name="reader", daemon=True).start()
        threading.Thread(target=self._beat, name="heartbeat", daemon=True).start()
        start = self._work.get()
        if not isinstance(start, Start):
            return
        settings = Settings.model_validate(start.settings)
        tools, device = self._prepare(start, settings)
        while isinstance(message := self._work.get(), (RunJob, Unload)):
            if isinstance(message, Unload):
                tools.pipelines.unload()
            else:
                self._run_job(message, tools, device, settings)

    def _prepare(self, start: Start, settings: Settings) -> tuple["Tools", str]:
        from webui.devices.environment import prepare_process

        prepare_process()
        from webui.devices.machine import choose, describe
        from webui.devices.plan import default_dtype
        from webui.engine.workshop import build_tools, capabilities

        tools = build_tools(settings, start.extensions_off, self.current.preview_wish)
        tools.extensions.on_failure = lambda extension, hook, text: self.outbox.send(
            ExtensionFailed(extension=extension, hook=hook, traceback=text)
        )
        device = choose(start.device)
        self._loaded = lambda: tools.pipelines.loaded
        facts = describe(device, default_dtype(device, settings))
        self.outbox.send(capabilities(tools))
        self.outbox.send(Ready(device=device, name=facts.name, memory=facts.memory, dtype=facts.dtype, versions=facts.versions))
        return tools, device

    def _run_job(self, task: RunJob, tools: "Tools", device: str, settings: Settings) -> None:
        """The job boundary: whatever goes wrong becomes an event, and the engine goes on."""
        from webui.engine.run import run
        from webui.engine.workshop import make_plan

        self.current.begin(task.job_id)
        try:
            plan = make_plan(task, tools, device, settings)
            self.outbox.send(Planned(job_id=task.job_id, plan=plan))
            run(task.model_copy(update={"plan": plan}), tools, self._emitter(task.job_id))
        except JobCancelled:
            last = self.current.end()
            self._tell(Cancelled(job_id=task.job_id, step=last.step, steps=last.steps))
        except Exception as error:
            from webui.devices.plan import is_device_lost

            if is_device_lost(error):
                traceback.print_exc()
                raise EngineLost(str(error)) from error
            self.current.end()
            self._tell(Failed(job_id=task.job_id, error=explain(error)))
            tools.pipelines.unload()
        else:
            self.current.end()

    def _emitter(self, job_id: str) -> Callable[[Event], None]:
        def emit(event: Event) -> None:
            self._tell(event.model_copy(update={"job_id": job_id}))
            self.current.obey(event)

        return emit

    def _tell(self, event: Event) -> None:
        blob = event.data if isinstance(event, Preview) else b""
        self.outbox.send(Happened(event=event), blob)

    def _read(self) -> None:
        try:
            while (frame := read_frame(self._source)) is not None:
                self._take(ToEngineAdapter.validate_json(frame[0]))
        except (OSError, ValueError):
            traceback.print_exc()
        self._ended.set()
        self._work.put(Stop())
        self._on_end()

    def _take(self, message: ToEngine) -> None:
        match message:
            case Cancel():
                self.current.wish(message)
            case Watch():
                self.current.watch(message)
            case Stop():
                self._ended.set()
                self._on_end()
                self._work.put(message)
            case _:
                if isinstance(message, RunJob):
                    self.current.expect(message.job_id)
                self._work.put(message)

    def _beat(self) -> None:
        import psutil

        process = psutil.Process()
        while not self._ended.wait(BEAT) and not self.outbox.broken:
            self.outbox.send(Heartbeat(resident=process.memory_info().rss, device_used=_device_used(), loaded=self._loaded()))


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
        message=f"{type(error).__name__}: {error}",
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
