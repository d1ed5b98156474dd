"""Supervise one engine: start it, watch it, give it jobs, replace it when it dies or hangs.

An engine runs several jobs at once when they may share a batch (`core.batch_key`); what it cannot take beside the others it declines,
and the job waits until one of them has ended.
"""

import contextlib
import math
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
    Heartbeat,
    JobEventMessage,
    Planned,
    Ready,
    RunJob,
    SetPreview,
    Start,
    StartFailed,
    Stop,
    Unload,
)
from webui.core.sentences import in_words
from webui.db.retry import Result, retry_on_storage_error
from webui.errors import StorageError
from webui.jobs.dispatch import Dispatch
from webui.jobs.engine_client import EngineClient
from webui.jobs.placement import EngineStatus, batch_key_of
from webui.settings import Settings

MakeClient = Callable[[Callable[[FromEngine, bytes], None], Callable[[], None]], EngineClient]
OnExtensionFailed = Callable[[ExtensionFailed], None]
ADVICE = "Try a smaller size or batch, or fewer pictures at a time."


@dataclass(frozen=True)
class Timeouts:
    """Seconds: without a heartbeat until an engine counts as hung, until a new one must be ready, between restarts, for a stop."""

    hung: float = 30.0
    ready: float = 300.0
    backoff: float = 0.5
    max_backoff: float = 30.0
    stop: float = 2.0


@dataclass(frozen=True)
class EngineSetup:
    """What every engine of a pool is run with.

    `library` returns the version of web's list of model files as it is now; `settings` and it go to the engine with each job.
    `on_extension_failed` is called when an engine has switched an extension off because it raised.
    """

    settings: Callable[[], Settings]
    make_client: MakeClient
    library: Callable[[], str] = lambda: ""
    on_extension_failed: OnExtensionFailed = lambda failure: None
    timeouts: Timeouts = Timeouts()


class EngineSupervisor(threading.Thread):
    """Supervises one engine: a thread that starts it, dispatches jobs to it and restarts it when it is lost."""

    def __init__(self, name: str, device: str, dispatch: Dispatch, setup: EngineSetup) -> None:
        super().__init__(name=f"supervisor-{name}", daemon=True)
        self._dispatch, self._settings, self._make_client, self._timeouts = dispatch, setup.settings, setup.make_client, setup.timeouts
        self._library, self._on_extension_failed = setup.library, setup.on_extension_failed
        self._status = EngineStatus(name=name, device=device)
        self._change = threading.Condition()
        self._client: EngineClient | None = None
        self._jobs: dict[str, Job] = {}
        self._is_full = False
        self._ended = False
        self._stopping = False
        self._restart_wanted = False
        self._draining = False
        self._unload_wanted = False
        self._idle_since = math.inf  # no job has run since the models were loaded
        self._last_beat = 0.0
        self._losses = 0
        self._why_not_started = ""
        self._taking = False

    @property
    def status(self) -> EngineStatus:
        """How the engine is now."""
        return self._status

    # The thread ---------------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Start, serve, and start again until told to stop. A fault of ours ends the thread; the page says why."""
        try:
            self._serve()
        except Exception as error:
            traceback.print_exc()
            why = f"The engine {self._status.name} was given up after a fault in Darkroom{in_words(error)}. Start Darkroom again."
            self._dispatch.state.report_trouble(why)
            self._show(state="off", message=why, job_id="", jobs=())

    def _serve(self) -> None:
        while not self._stopping:
            cause = self._serve_engine()
            if self._stopping:
                break
            self._on_engine_lost(cause)
            if self._draining:
                break
            with self._change:
                self._change.wait_for(lambda: self._stopping, 0 if not cause else self._pause_before_restart())
        self._show(state="off", message="", job_id="", jobs=())

    def _serve_engine(self) -> str:
        """One engine from start to end; gives the cause of its end, "" when we asked for it."""
        self._ended, self._last_beat, self._is_full, self._why_not_started = False, time.monotonic(), False, ""
        self._show(state="starting" if not self._losses else "restarting", loaded="", warm=(), job_id="", jobs=())
        try:
            client = self._make_client(self._receive, self._on_end)
        except OSError as error:
            return f"it could not be started: {error.strerror}"
        self._client = client
        settings = self._settings()
        started = time.monotonic()
        client.send(
            Start(
                engine=self._status.name,
                device=self._status.device,
                settings=settings.model_dump(mode="json"),
                extensions_off=settings.extensions_off,
            )
        )
        cause = self._watch(client, started)
        with self._change:
            self._client = None
        client.close(self._timeouts.stop if not cause or self._stopping else 0)
        return cause

    def _watch(self, client: EngineClient, started: float) -> str:
        while True:
            with self._change:
                if self._stopping or ((self._restart_wanted or self._draining) and not self._jobs):
                    self._restart_wanted = False
                    client.send(Stop())
                    return ""
                if self._ended:
                    return self._why_not_started or client.cause()
            if time.monotonic() - self._last_beat > self._timeouts.hung:
                return f"it did not answer for {self._timeouts.hung:.0f} s"
            if self._status.state in ("starting", "restarting") and time.monotonic() - started > self._timeouts.ready:
                return f"it was not ready after {self._timeouts.ready:.0f} s"
            if not self._send_job(client):
                with self._change:
                    self._change.wait(1.0)

    def _send_job(self, client: EngineClient) -> bool:
        """Send the engine a job if it can take one, an idle one all that may share a batch; returns whether something was sent."""
        if self._status.state not in ("ready", "working"):
            return False
        with self._change:
            running = list(self._jobs.values())
            if self._draining:
                return False
        if not running and (self._unload_wanted or self._has_been_idle()):
            self._unload_wanted, self._idle_since = False, math.inf
            return client.send(Unload())
        if running and not self._has_room_beside(running):
            return False
        with self._change:
            self._taking = True  # a stop that comes now waits until it is known which engine has the job
        try:
            return self._send_jobs(client, running)
        finally:
            with self._change:
                self._taking = False
                self._change.notify_all()

    def _has_been_idle(self) -> bool:
        """Whether the last job ended longer ago than models are to be kept."""
        minutes = self._settings().unload_after
        return minutes > 0 and time.monotonic() - self._idle_since > minutes * 60

    def _send_jobs(self, client: EngineClient, running: Sequence[Job]) -> bool:
        """Each goes with word of the next, which an idle engine waits for: a first pass of all takes as long as one of the first alone."""
        job, together, starts = self._take_job(running), list(running), not running
        while job is not None:
            together.append(job)
            following = self._take_job(together) if starts and self._has_room_beside(together) else None
            client.send(self._task(job, more=following is not None))
            self._send_preview_settings(client, job)
            if how := self._dispatch.state.cancels.get(job.id):
                client.send(Cancel(job_id=job.id, how=how))
            job = following
        return len(together) > len(running)

    def _has_room_beside(self, running: Sequence[Job]) -> bool:
        wanted_otherwise = self._is_full or self._unload_wanted or self._restart_wanted or self._draining or self._stopping
        return not wanted_otherwise and len(running) < self._settings().batch_jobs

    def _take_job(self, running: Sequence[Job]) -> Job | None:
        """The next job for the engine beside those, marked as running; None where there is none or pictures cannot be written."""
        try:
            job = self._dispatch.take(self._status.name, self._status.loaded, batch_key_of(running), self._owners_at_limit(running))
        except StorageError as error:
            self._show(message=str(error))
            return None
        if job is not None:
            with self._change:
                self._jobs[job.id] = job
            self._show_jobs()
        return job

    def _task(self, job: Job, more: bool) -> RunJob:
        """Build the message that starts a job, with current settings and library version. `more`: another follows at once."""
        return RunJob(
            job_id=job.id,
            owner=job.owner,
            attempt=job.attempts + 1,
            request=job.work,
            plan=job.plan,
            saved=self._persist(lambda: self._dispatch.state.store.saved_indexes(job.id)) or (),
            library=self._library(),
            settings=self._settings().model_dump(mode="json"),
            grid=job.grid,
            more=more,
        )

    def _owners_at_limit(self, running: Sequence[Job]) -> set[str]:
        """Return the owners who have reached their limit of jobs in the batch."""
        limit = self._settings().batch_own_jobs or (1 if self._status.device.startswith("cpu") else len(running) + 1)
        return {owner for owner, count in Counter(job.owner for job in running).items() if count >= limit}

    def _show_jobs(self) -> None:
        with self._change:
            ids = tuple(self._jobs)
            self._idle_since = math.inf if ids else time.monotonic()
        self._show(state="working" if ids else "ready", job_id=ids[0] if ids else "", jobs=ids, **({"message": ""} if ids else {}))

    def _persist(self, act: Callable[[], Result]) -> Result | None:
        """Run `act`, retrying while the database cannot be written. Meanwhile the engine does not count as hung."""

        def waits(why: str) -> None:
            self._last_beat = time.monotonic()
            self._show(message=why)

        said = self._status.message
        result = retry_on_storage_error(act, lambda: self._stopping, waits)
        if self._status.message != said:
            self._show(message=said)
        return result

    def _on_engine_lost(self, cause: str) -> None:
        with self._change:
            jobs, self._jobs = list(self._jobs), {}
        if cause:
            self._losses += 1
            said = f"The engine cannot start. {cause}" if self._why_not_started else f"The engine stopped: {cause}."
            self._show(state="restarting", message=said, job_id="", jobs=(), loaded="", warm=())
        for job_id in jobs:
            if cause:
                self._persist(partial(self._dispatch.lost, job_id, cause, self._settings().max_attempts, ADVICE))
            else:
                self._persist(partial(self._dispatch.put_back, job_id, "the engine was restarted"))

    def _pause_before_restart(self) -> float:
        return min(self._timeouts.backoff * 2.0 ** min(self._losses - 1, 10), self._timeouts.max_backoff)

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
                self._show(state="ready", device=message.device, message=message.name, device_total=message.memory, node=message.node)
                self.wake()
            case StartFailed():
                self._why_not_started = message.message
            case Heartbeat():
                self._show(
                    resident=message.resident,
                    device_used=message.device_used,
                    loaded=message.loaded,
                    warm=message.warm,
                    batch=message.batch,
                )
            case Capabilities():
                self._persist(lambda: self._dispatch.set_capabilities(message))
            case Planned():
                self._persist(lambda: self._dispatch.planned(message.job_id, message.plan))
            case Declined():
                self._on_declined(message)
            case ExtensionFailed():
                self._on_extension_failed(message)
            case JobEventMessage():
                self._on_job_event(message, blob)

    def _on_job_event(self, message: JobEventMessage, blob: bytes) -> None:
        with self._change:
            job = self._jobs.get(message.event.job_id)
        if job is not None and self._persist(lambda: self._dispatch.handle_event(message.event, job.request, blob)):
            self._losses = 0
            self._drop(job.id)

    def _on_declined(self, message: Declined) -> None:
        with self._change:
            known = message.job_id in self._jobs
            self._is_full = known and len(self._jobs) > 1
        if known:
            self._drop(message.job_id, makes_room=False)
            self._persist(lambda: self._dispatch.declined(message.job_id, message.reason))

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
            client = self._client
            if job_id not in self._jobs:
                return False
        return client is not None and client.send(Cancel(job_id=job_id, how=how))

    def unload(self) -> None:
        """Free the device's memory as soon as the engine is idle."""
        self._unload_wanted = True
        self.wake()

    def restart(self) -> None:
        """Start the engine anew between jobs (an extension was switched)."""
        self._restart_wanted = True
        self.wake()

    def drain(self) -> None:
        """Take no job any more; the thread ends when those that run have ended."""
        with self._change:
            self._draining = True
            self._change.notify_all()

    def preview_changed(self) -> None:
        """Send the engine the current preview settings of its jobs."""
        with self._change:
            client, jobs = self._client, list(self._jobs.values())
        if client is not None:
            for job in jobs:
                self._send_preview_settings(client, job)

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
                self._dispatch.put_back(job_id, "Darkroom was stopped")

    def _send_preview_settings(self, client: EngineClient, job: Job) -> None:
        settings, choice = self._settings(), self._dispatch.state.live.preview_choice(job.id)
        period = settings.preview_period if choice.period is None else choice.period
        period = period if choice.period is not None or self._dispatch.state.events.has_subscribers else 0.0
        client.send(SetPreview(job_id=job.id, period=period, method=choice.method or settings.preview_method))

    def _show(self, **changes: object) -> None:
        self._status = self._status.model_copy(update=changes)
        self._dispatch.set_engine(self._status)
