"""Keeps the engines alive: starts them, watches them, gives them jobs, replaces them when they die or hang.

An engine runs several jobs at once when they may share a batch (`core.together`); what it cannot take beside the others it declines, and
the job waits until one of them has ended.
"""

import contextlib
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from webui.core.job import Job
from webui.core.protocol import (
    Cancel,
    Capabilities,
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
    Unload,
    Watch,
)
from webui.core.sentences import in_words
from webui.core.together import company_key
from webui.errors import StorageError
from webui.jobs.link import Link
from webui.jobs.persist import Result, insist
from webui.jobs.placement import EngineStatus
from webui.jobs.queue import JobQueue
from webui.settings import Settings

MakeLink = Callable[[Callable[[FromEngine, bytes], None], Callable[[], None]], Link]
ADVICE = "Try a smaller size or batch, or fewer pictures at a time."


@dataclass(frozen=True)
class Patience:
    """Seconds: without a heartbeat until an engine counts as hung, until a new one must be ready, between restarts, for a stop."""

    hung: float = 30.0
    ready: float = 300.0
    backoff: float = 0.5
    most_backoff: float = 30.0
    stop: float = 2.0


class Keeper(threading.Thread):
    """One engine's life: a thread that starts it, hands it jobs, and starts it again when it is lost."""

    def __init__(
        self,
        name: str,
        device: str,
        queue: JobQueue,
        settings: Callable[[], Settings],
        make_link: MakeLink,
        patience: Patience,
        library: Callable[[], str],
    ) -> None:
        super().__init__(name=f"keeper-{name}", daemon=True)
        self._queue, self._settings, self._make_link, self._patience = queue, settings, make_link, patience
        self._library = library
        self._status = EngineStatus(name=name, device=device)
        self._change = threading.Condition()
        self._link: Link | None = None
        self._jobs: dict[str, Job] = {}
        self._is_full = False
        self._ended = False
        self._stopping = False
        self._restart_wanted = False
        self._unload_wanted = False
        self._last_beat = 0.0
        self._losses = 0
        self._taking = False
        self.on_extension_failed: Callable[[ExtensionFailed], None] = lambda failure: None

    # The thread ---------------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Start, serve, and start again until told to stop. A fault of ours ends the thread; the page says why."""
        try:
            self._serve()
        except Exception as error:
            traceback.print_exc()
            why = f"The engine {self._status.name} was given up after a fault in Darkroom{in_words(error)}. Start Darkroom again."
            self._queue.say_trouble(why)
            self._show(state="off", message=why, job_id="", jobs=())

    def _serve(self) -> None:
        while not self._stopping:
            cause = self._serve_one_engine()
            if self._stopping:
                break
            self._lose(cause)
            with self._change:
                self._change.wait_for(lambda: self._stopping, 0 if not cause else self._pause_before_restart())
        self._show(state="off", message="", job_id="", jobs=())

    def _serve_one_engine(self) -> str:
        """One engine from start to end; gives the cause of its end, "" when we asked for it."""
        self._ended, self._last_beat, self._is_full = False, time.monotonic(), False
        self._show(state="starting" if not self._losses else "restarting", loaded="", job_id="", jobs=())
        try:
            link = self._make_link(self._receive, self._on_end)
        except OSError as error:
            return f"it could not be started: {error.strerror}"
        self._link = link
        settings = self._settings()
        started = time.monotonic()
        link.send(
            Start(
                engine=self._status.name,
                device=self._status.device,
                settings=settings.model_dump(mode="json"),
                extensions_off=settings.extensions_off,
            )
        )
        cause = self._watch(link, started)
        with self._change:
            self._link = None
        link.close(self._patience.stop if not cause or self._stopping else 0)
        return cause

    def _watch(self, link: Link, started: float) -> str:
        while True:
            with self._change:
                if self._stopping or (self._restart_wanted and not self._jobs):
                    self._restart_wanted = False
                    link.send(Stop())
                    return ""
                if self._ended:
                    return link.cause()
            if time.monotonic() - self._last_beat > self._patience.hung:
                return f"it did not answer for {self._patience.hung:.0f} s"
            if self._status.state in ("starting", "restarting") and time.monotonic() - started > self._patience.ready:
                return f"it was not ready after {self._patience.ready:.0f} s"
            if not self._hand_out(link):
                with self._change:
                    self._change.wait(1.0)

    def _hand_out(self, link: Link) -> bool:
        """Give the engine work if it can take some; True when something was sent."""
        if self._status.state not in ("ready", "working"):
            return False
        with self._change:
            running = list(self._jobs.values())
        if self._unload_wanted and not running:
            self._unload_wanted = False
            return link.send(Unload())
        if running and (self._is_full or self._unload_wanted or self._restart_wanted or len(running) >= self._settings().batch_jobs):
            return False
        with self._change:
            self._taking = True  # a stop that comes now waits until it is known which engine has the job
        try:
            return self._take(link, running)
        except StorageError as error:
            self._show(message=str(error))
            return False
        finally:
            with self._change:
                self._taking = False
                self._change.notify_all()

    def _take(self, link: Link, running: Sequence[Job]) -> bool:
        job = self._queue.take(self._status.name, self._status.loaded, batch_of(running), self._served_enough(running))
        if job is None:
            return False
        with self._change:
            self._jobs[job.id] = job
        self._show_jobs()
        saved = self._stored(lambda: self._queue.store.saved_indexes(job.id)) or ()
        link.send(self._task(job, saved))
        self._send_watch(link, job)
        if how := self._queue.stop_asked(job.id):
            link.send(Cancel(job_id=job.id, how=how))
        return True

    def _task(self, job: Job, saved: tuple[int, ...]) -> RunJob:
        """A job with what web knows now."""
        settings = self._settings().model_dump(mode="json")
        return RunJob(
            job_id=job.id,
            owner=job.owner,
            attempt=job.attempts + 1,
            request=job.request,
            plan=job.plan,
            saved=saved,
            library=self._library(),
            settings=settings,
        )

    def _served_enough(self, running: Sequence[Job]) -> set[str]:
        """Owners who have as many jobs in the batch as they may."""
        limit = self._settings().batch_own_jobs or (1 if self._status.device.startswith("cpu") else len(running) + 1)
        return {owner for owner, count in Counter(job.owner for job in running).items() if count >= limit}

    def _show_jobs(self) -> None:
        with self._change:
            ids = tuple(self._jobs)
        self._show(state="working" if ids else "ready", job_id=ids[0] if ids else "", jobs=ids, **({"message": ""} if ids else {}))

    def _stored(self, act: Callable[[], Result]) -> Result | None:
        """Keep what happened, however long the database refuses; meanwhile the engine, which is held up by us, does not count as hung."""

        def waits(why: str) -> None:
            self._last_beat = time.monotonic()
            self._show(message=why)

        said = self._status.message
        result = insist(act, lambda: self._stopping, waits)
        if self._status.message != said:
            self._show(message=said)
        return result

    def _lose(self, cause: str) -> None:
        with self._change:
            jobs, self._jobs = list(self._jobs), {}
        if cause:
            self._losses += 1
            self._show(state="restarting", message=f"The engine stopped: {cause}.", job_id="", jobs=(), loaded="")
        for job_id in jobs:
            if cause:
                self._stored(partial(self._queue.lost, job_id, cause, self._settings().max_attempts, ADVICE))
            else:
                self._stored(partial(self._queue.put_back, job_id, "the engine was restarted"))

    def _pause_before_restart(self) -> float:
        return min(self._patience.backoff * 2.0 ** min(self._losses - 1, 10), self._patience.most_backoff)

    # Messages from the engine (its reader's thread) ---------------------------------------------------------------------

    def _on_end(self) -> None:
        with self._change:
            self._ended = True
            self._change.notify_all()

    def _receive(self, message: FromEngine, blob: bytes) -> None:
        self._last_beat = time.monotonic()
        match message:
            case Ready():
                self._losses = 0
                self._show(state="ready", device=message.device, message=message.name, device_total=message.memory)
                self.wake()
            case Heartbeat():
                self._show(resident=message.resident, device_used=message.device_used, loaded=message.loaded, batch=message.batch)
            case Capabilities():
                self._stored(lambda: self._queue.set_capabilities(message))
            case Planned():
                self._stored(lambda: self._queue.planned(message.job_id, message.plan))
            case Declined():
                self._declined(message)
            case ExtensionFailed():
                self.on_extension_failed(message)
            case Happened():
                self._happened(message, blob)

    def _happened(self, message: Happened, blob: bytes) -> None:
        with self._change:
            job = self._jobs.get(message.event.job_id)
        if job is not None and self._stored(lambda: self._queue.happened(message.event, job.request, blob)):
            self._losses = 0
            self._drop(job.id)

    def _declined(self, message: Declined) -> None:
        with self._change:
            known = message.job_id in self._jobs
            self._is_full = known and len(self._jobs) > 1
        if known:
            self._drop(message.job_id, makes_room=False)
            self._stored(lambda: self._queue.declined(message.job_id, message.reason))

    def _drop(self, job_id: str, makes_room: bool = True) -> None:
        """The engine has this job no more; an end makes room for those it could not take."""
        with self._change:
            self._jobs.pop(job_id, None)
            self._is_full = self._is_full and not makes_room
            self._change.notify_all()
        self._show_jobs()

    # From other threads -------------------------------------------------------------------------------------------------

    def wake(self) -> None:
        """Look for work now."""
        with self._change:
            self._change.notify_all()

    def cancel(self, job_id: str, how: str) -> bool:
        """Pass a stop on; False when this engine does not run the job."""
        with self._change:
            self._change.wait_for(lambda: not self._taking, 5)
            link = self._link
            if job_id not in self._jobs:
                return False
        return link is not None and link.send(Cancel(job_id=job_id, how=how))

    def unload(self) -> None:
        """Free the device's memory as soon as the engine is idle."""
        self._unload_wanted = True
        self.wake()

    def restart(self) -> None:
        """Start the engine anew between jobs (an extension was switched)."""
        self._restart_wanted = True
        self.wake()

    def watch_changed(self) -> None:
        """Somebody began or ceased to look at previews."""
        with self._change:
            link, jobs = self._link, list(self._jobs.values())
        if link is not None:
            for job in jobs:
                self._send_watch(link, job)

    def stop(self) -> None:
        """Begin to end; `join` waits for it."""
        with self._change:
            self._stopping = True
            self._change.notify_all()

    def put_back(self) -> None:
        """After the end: the jobs it was running wait again."""
        with self._change:
            jobs, self._jobs = list(self._jobs), {}
        for job_id in jobs:
            with contextlib.suppress(StorageError):  # the next start finds it running and does the same
                self._queue.put_back(job_id, "Darkroom was stopped")

    def _send_watch(self, link: Link, job: Job) -> None:
        settings, choice = self._settings(), self._queue.preview_choice(job.id)
        period = settings.preview_period if choice.period is None else choice.period
        period = period if self._queue.feed.watched else 0.0
        link.send(Watch(job_id=job.id, period=period, method=choice.method or settings.preview_method))

    def _show(self, **changes: object) -> None:
        self._status = self._status.model_copy(update=changes)
        self._queue.set_engine(self._status)


def batch_of(running: Sequence[Job]) -> str | None:
    """What the running jobs have in common: "" when the one that runs is alone, None when none runs."""
    if not running:
        return None
    return "" if running[0].attempts else company_key(running[0].request)


class Supervisor:
    """All engines, one to a device."""

    def __init__(
        self,
        queue: JobQueue,
        settings: Callable[[], Settings],
        make_link: MakeLink,
        patience: Patience | None = None,
        library: Callable[[], str] = lambda: "",
    ) -> None:
        """`library` gives the version of web's list of model files as it is now; `settings` and it go to the engine with each job."""
        devices = settings().devices
        self._queue = queue
        self.keepers = [
            Keeper(f"engine-{number}", device, queue, settings, make_link, patience or Patience(), library)
            for number, device in enumerate(devices, 1)
        ]
        queue.on_work = self._wake
        queue.on_cancel = lambda job_id, how: any([keeper.cancel(job_id, how) for keeper in self.keepers])
        queue.on_free = self._free
        queue.on_preview_choice = self._watch_changed
        queue.feed.on_watchers = lambda anybody: self._watch_changed()

    def start(self) -> None:
        """Start all engines; they are ready a little later."""
        for keeper in self.keepers:
            keeper.start()

    def stop(self) -> None:
        """End all engines and put their jobs back; within a few seconds."""
        for keeper in self.keepers:
            keeper.stop()
        for keeper in self.keepers:
            if keeper.is_alive():
                keeper.join(4)
            keeper.put_back()

    def restart(self) -> None:
        """Start all engines anew, each between jobs."""
        for keeper in self.keepers:
            keeper.restart()

    def _wake(self) -> None:
        for keeper in self.keepers:
            keeper.wake()

    def _free(self) -> None:
        for keeper in self.keepers:
            keeper.unload()

    def _watch_changed(self) -> None:
        for keeper in self.keepers:
            keeper.watch_changed()
