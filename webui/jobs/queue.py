"""The queue as everybody uses it: submit, look, follow, stop, retry, reorder, pause. The page and the API use the same functions."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

from webui.core.events import Cancelled
from webui.core.grid import GridPlace
from webui.core.job import FINAL_STATES, LOCAL_OWNER, Job, PreviewChoice, Said
from webui.core.protocol import Capabilities
from webui.core.request import GenerationRequest, ResolvedRequest
from webui.errors import Conflict
from webui.jobs.events import Message
from webui.jobs.placement import EngineStatus
from webui.jobs.progress import Progress
from webui.jobs.queue_view import QueueView
from webui.jobs.state import JobState

Resolve = Callable[[GenerationRequest], ResolvedRequest]
MAX_LIST = 1000
FAR_LONGER, OVERDUE_S = 1.5, 10.0
"""A job that has taken so many times its estimate, and so much more, is not thought to end at any moment."""


class EngineControl(Protocol):
    """What users' actions need of the engines."""

    def wake(self) -> None:
        """Look for work now."""

    def cancel(self, job_id: str, how: str) -> bool:
        """Pass a cancel request on; returns False when no engine runs the job."""

    def free_memory(self) -> None:
        """Unload models as soon as nothing runs."""

    def preview_changed(self) -> None:
        """Send engines the preview settings of their jobs again."""


CheckQuotas = Callable[[str, ResolvedRequest], None]
"""Raises `LimitReached` when an owner may not submit this request now."""
Remark = Callable[[GenerationRequest, ResolvedRequest], Sequence[str]]
"""What is said of a request that is carried out otherwise than it was asked."""


def no_quotas(owner: str, request: ResolvedRequest) -> None:
    """Allow everything."""


def no_remarks(request: GenerationRequest, resolved: ResolvedRequest) -> Sequence[str]:
    """Say nothing."""
    return ()


class JobQueue:
    """The users' side of the queue; `jobs.dispatch` is the engines'."""

    def __init__(
        self,
        state: JobState,
        resolve: Resolve,
        engines: EngineControl,
        check_quotas: CheckQuotas = no_quotas,
        remark: Remark = no_remarks,
    ) -> None:
        self._state, self._resolve, self._engines, self._check_quotas, self._remark = state, resolve, engines, check_quotas, remark
        self.store, self.events = state.store, state.events
        self._view = QueueView(state.store, state.estimates)
        self._submitting = threading.Lock()

    def submit(
        self,
        request: GenerationRequest,
        owner: str = LOCAL_OWNER,
        priority: int = 0,
        idempotency_key: str | None = None,
        notes: Sequence[str] = (),
        place: GridPlace | None = None,
    ) -> Job:
        """Store a job and give it back; it is safe before this returns. `notes` are said of it beside those that its making gives.

        Raises `RequestError`, `Conflict`, `LimitReached`, `StorageError`.
        """
        resolved, body = self._resolve(request), request.model_dump_json()
        with self._submitting, self.store.database.alone():
            if idempotency_key is None or self.store.id_by_key(owner, idempotency_key) is None:
                self._check_quotas(owner, resolved)
            said = Said(notes=(*notes, *self._remark(request, resolved)), place=place)
            job, event, waiting = self.store.add(resolved, owner, priority, idempotency_key, body, said)
        if event is not None and waiting is not None:
            self._state.remember_owner(job.id, owner)
            with self._state.choosing:
                self._state.fair_queues.add(waiting)
            self._state.publish(event, owner)
        return job

    def resolve(self, request: GenerationRequest) -> ResolvedRequest:
        """What a job would be made of this request. Raises `RequestError`."""
        return self._resolve(request)

    def get(self, job_id: str) -> Job:
        """One job. Raises `NotFound`."""
        return self.store.get(job_id)

    def jobs(
        self,
        states: Sequence[str] = (),
        after: str = "",
        owner: str | None = None,
        search: str = "",
        limit: int = 100,
        newest: bool = False,
    ) -> list[Job]:
        """Jobs in order of submission."""
        return self.store.find(states, after, owner, search, min(limit, MAX_LIST), newest)

    def waiting_order(self) -> list[str]:
        """Ids of waiting jobs in the order they will run."""
        with self._state.choosing:
            return self._state.fair_queues.order()

    def line(self) -> list[dict[str, Any]]:
        """Waiting jobs in order: id, place from 1, seconds until the start and for the job itself (None: not known)."""
        return self._view.body(self.waiting_order(), self._remaining, max(len(self._state.engines), 1))

    def _remaining(self) -> float | None:
        """Seconds that the running jobs still need, together; None when that is not known, or one takes far longer than was thought."""
        total, here = 0.0, set(self.store.running(here=True))
        for job in self.jobs(("running",)):
            if job.id not in here:
                continue
            needs = self._state.estimates.seconds(job.resolved)
            if needs is None:
                return None
            spent = (datetime.now(UTC) - job.started).total_seconds() if job.started else 0.0
            if spent > needs * FAR_LONGER + OVERDUE_S:
                return None
            total += min(max(needs - spent, 0.0), needs)  # a clock that was set back makes nothing take longer
        return total

    def cancel(self, job_id: str, how: str = "stop") -> Job:
        """Stop a job: now, only the picture being made ("skip"), or after it ("after"). A job that has ended stays as it is.

        Where its engine or the whole program is lost before it obeys, the stop holds all the same; see `cancel_requested`.
        """
        job = self.get(job_id)
        self._state.preempting.discard(job_id)
        if job.state == "queued" and how == "stop":
            self._state.end(Cancelled(job_id=job_id))
            self._pass_on(job_id, how)  # one may have taken it in between; it would work on it for nobody
        elif job.state == "running":
            if how != "skip":
                self._state.cancels.add(job_id, how)
            if not self._pass_on(job_id, how):
                self._state.end(Cancelled(job_id=job_id))
            self._state.cancels.save()  # only now: a database that makes one wait delays no stop
        job = self.get(job_id)
        if job.state in FINAL_STATES:  # also where it ended in between: a stop is not for the next try
            self._state.cancels.remove(job_id)
        return job

    def _pass_on(self, job_id: str, how: str) -> bool:
        """Pass a cancel request on to who makes the job; False when nobody does."""
        if self._state.leads:
            return self._engines.cancel(job_id, how)
        self._state.ask_leader("cancel", job=job_id, how=how)
        return True

    def cancel_requested(self, job_id: str) -> str:
        """What was asked of a job and not done yet: "stop", "after", or "" for nothing. An engine that takes it over must be told."""
        return self._state.cancels.get(job_id)

    def cancel_all(self, owner: str) -> int:
        """Stop everything of one owner that has not ended; gives how many."""
        stopped, after = 0, ""
        while jobs := self.jobs(("queued", "running"), after, owner, limit=MAX_LIST):
            for job in jobs:
                self.cancel(job.id)
            stopped, after = stopped + len(jobs), jobs[-1].id
        return stopped

    def retry(self, job_id: str, pay_again: bool = False) -> Job:
        """Queue a failed or stopped job again; its pictures stay. Raises `Conflict`; `PaysAgain` unless that is wanted."""
        event = self.store.retry(job_id, pay_again)
        self._state.enqueue(job_id)
        self._state.publish(event, self.owner_of(job_id))
        return self.get(job_id)

    def resubmit(self, job_id: str, new_seed: bool = True) -> Job:
        """Submit the same request anew, with a new seed or the same. Raises `Conflict` for one that a newer version wrote."""
        self.store.check_readable(job_id)
        job = self.get(job_id)
        request = job.request.model_copy(update={"seed": -1, "variation_seed": -1}) if new_seed else job.request
        return self.submit(request, job.owner, job.priority)

    def move(self, job_id: str, to: str) -> Job:
        """Move a waiting job up, down or to the top of its owner's. Raises `Conflict`."""
        if to not in ("up", "down", "top"):
            raise Conflict("A job moves up, down or top.")
        for moved in self.store.move(job_id, to):
            self._state.enqueue(moved)
            self.changed(moved)
        return self.get(job_id)

    def changed(self, job_id: str) -> Job:
        """Publish a job that has changed."""
        job = self.get(job_id)
        self.events.publish(Message("job", self.public(job), job.owner, job_id))
        return job

    def pause(self, paused: bool = True) -> None:
        """Start no further job; the running one goes on. Kept over restarts."""
        self._state.paused = paused
        self.store.set_value("paused", paused)
        self._state.publish_engines()
        if not self._state.leads:
            self._state.ask_leader("pause", paused=paused)
        elif not paused:
            self._engines.wake()

    @property
    def paused(self) -> bool:
        """Whether no further job is started."""
        return self._state.paused

    def free_memory(self) -> None:
        """Pause, and have engines give their memory back now: a running job waits again and goes on from its next picture later."""
        if not self._state.leads:
            self._state.ask_leader("free_memory")
            return
        self.pause(True)
        for job_id in self.store.running(here=True):
            self._state.preempting.add(job_id)
            if not self._engines.cancel(job_id, "stop"):
                self._state.preempting.discard(job_id)
        self._engines.free_memory()

    def owner_of(self, job_id: str) -> str:
        """Whose job it is. Raises `NotFound`."""
        return self._state.owner_of(job_id)

    def running_of(self, owner: str) -> list[str]:
        """Ids of an owner's running jobs, the one that began first in front; asks no database."""
        return [job_id for job_id in self._state.live.running() if self.owner_of(job_id) == owner]

    def progress(self, job_id: str) -> Progress | None:
        """Where a running job is."""
        return self._state.live.of(job_id)

    def preview(self, job_id: str) -> tuple[int, bytes] | None:
        """(frame number, JPEG) of the newest preview."""
        return self._state.live.preview(job_id)

    def choose_preview(self, job_id: str, choice: PreviewChoice) -> None:
        """Make a job's frames this often and in this way from now on, until it has ended. Raises `NotFound`, `Conflict`."""
        if self.get(job_id).state not in ("queued", "running"):
            raise Conflict("The job has ended.")
        self._state.live.choose_preview(job_id, choice)
        self._engines.preview_changed()

    def preview_choice(self, job_id: str) -> PreviewChoice:
        """What was chosen for a job."""
        return self._state.live.preview_choice(job_id)

    def public(self, job: Job) -> dict[str, Any]:
        """A job's JSON, with the progress of a running one."""
        body = job.model_dump(mode="json")
        if (progress := self._state.live.of(job.id)) is not None and job.state == "running":
            body["progress"] = progress.model_dump(mode="json")
        return body

    async def follow(self, after: int | None = None, job_id: str | None = None) -> AsyncGenerator[Message]:
        """Stored events after `after` (None: none), then live ones; of one job until it has ended, or of all for ever."""
        with self.events.subscribe() as subscription:
            seen, more = after or 0, after is not None
            while more:
                stored, last = await asyncio.to_thread(self.store.events_page, seen, job_id, MAX_LIST)
                more, seen = last > seen, max(last, seen)
                for event in stored:
                    yield self._state.message(event, self.owner_of(event.job_id))
                    if job_id is not None and event.type in FINAL_STATES and self.get(job_id).state in FINAL_STATES:
                        return
            while True:
                message = await subscription.queue.get()
                if (job_id is not None and message.job_id != job_id) or (message.seq and message.seq <= seen):
                    continue
                yield message
                if subscription.lost or (job_id is not None and message.kind in FINAL_STATES):
                    return

    def engines(self) -> tuple[EngineStatus, ...]:
        """All engines."""
        return tuple(self._state.engines.values())

    def engines_body(self) -> dict[str, Any]:
        """The body of the `engine` message."""
        return self._state.engines_body()

    def capabilities(self) -> Capabilities | None:
        """What the last engine said it can do."""
        return self._state.capabilities()

    @property
    def leads(self) -> bool:
        """Whether this process gives jobs out; of several in front of one queue, one does."""
        return self._state.leads

    def tell_others(self, word: str, value: Any = None) -> None:
        """Tell the other processes in front of this queue something, if there are any."""
        self._state.tell_others(word, value)

    def report_trouble(self, sentence: str) -> None:
        """Report a fault of the program itself to subscribers and `/health`."""
        self._state.report_trouble(sentence)

    @property
    def troubles(self) -> tuple[str, ...]:
        """Faults of the program itself."""
        return self._state.troubles

    @property
    def steps_made(self) -> int:
        """Sampling steps made since the start."""
        return self._state.live.steps_made
