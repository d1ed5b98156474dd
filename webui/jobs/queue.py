"""The queue as everybody uses it: submit, look, follow, stop, retry, reorder, pause. The page and the API use the same functions."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from webui.core.events import EPHEMERAL, Cancelled, Done, Event, Failed, ImageSaved, Preview, StepDone
from webui.core.job import FINAL_STATES, LOCAL_OWNER, Job, JobError, Plan, PreviewChoice
from webui.core.protocol import Capabilities
from webui.core.record import ImageRecord
from webui.core.request import FrozenModel, GenerationRequest
from webui.errors import Conflict
from webui.jobs.cancel_requests import CancelRequests
from webui.jobs.estimates import Estimates
from webui.jobs.events import EventBus, Message
from webui.jobs.fair_queue import FairQueue
from webui.jobs.placement import EngineStatus, better_elsewhere, better_than_joining
from webui.jobs.queue_view import QueueView
from webui.jobs.store import JobStore

Resolve = Callable[[GenerationRequest], GenerationRequest]
MAX_LIST = 1000
MAX_OWNERS = 10_000


class Progress(FrozenModel):
    """Where a running job is; in memory only."""

    phase: str = ""
    step: int = 0
    steps: int = 0
    batch: int = 0
    batches: int = 1
    frame: int = 0
    detail: str = ""


class JobQueue:
    """Jobs in the database, progress and previews in memory, changes on the event bus."""

    def __init__(self, store: JobStore, resolve: Resolve) -> None:
        self.store = store
        self.events = EventBus()
        self._resolve = resolve
        self._fair_queue = FairQueue(store.waiting())
        self._estimates = Estimates(store)
        self._view = QueueView(store, self._estimates)
        self._choosing = threading.Lock()
        self._submitting = threading.Lock()
        self._progress: dict[str, Progress] = {}
        self._previews: dict[str, tuple[int, bytes]] = {}
        self._preview_choices: dict[str, PreviewChoice] = {}
        self._owners: dict[str, str] = {}
        self.steps_made = 0
        self._engines: dict[str, EngineStatus] = {}
        self.troubles: tuple[str, ...] = ()
        self._preempting: set[str] = set()
        self._cancels = CancelRequests(store)
        self._paused = bool(store.get_value("paused"))
        self.on_work: Callable[[], None] = lambda: None
        self.on_cancel: Callable[[str, str], bool] = lambda job_id, how: False
        self.on_free: Callable[[], None] = lambda: None
        self.on_preview_choice: Callable[[], None] = lambda: None
        self.check_quotas: Callable[[str, GenerationRequest], None] = lambda owner, request: None
        self.check_storage: Callable[[], None] = lambda: None
        self.find_files: Callable[[datetime], Sequence[ImageRecord]] = lambda since: ()

    def submit(self, request: GenerationRequest, owner: str = LOCAL_OWNER, priority: int = 0, idempotency_key: str | None = None) -> Job:
        """Store a job and give it back; it is safe before this returns.

        Raises `RequestError`, `Conflict`, `LimitReached`, `StorageError`.
        """
        resolved, body = self._resolve(request), request.model_dump_json()
        with self._submitting:
            if idempotency_key is None or not self.store.knows(owner, idempotency_key):
                self.check_quotas(owner, resolved)
            job, event, waiting = self.store.add(resolved, owner, priority, idempotency_key, body)
        if event is not None and waiting is not None:
            self._owners[job.id] = owner
            with self._choosing:
                self._fair_queue.add(waiting)
            self._publish(event, owner)
            self.on_work()
        return job

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
        with self._choosing:
            return self._fair_queue.order()

    def line(self) -> list[dict[str, Any]]:
        """Waiting jobs in order: id, place from 1, seconds until the start and for the job itself (None: not known)."""
        return self._view.body(self.waiting_order(), self._remaining, max(len(self._engines), 1))

    def _remaining(self) -> float | None:
        """Seconds that the running jobs still need, together; None when that is not known."""
        total = 0.0
        for job in self.jobs(("running",)):
            needs = self._estimates.seconds(job.request)
            if needs is None:
                return None
            spent = (datetime.now(UTC) - job.started).total_seconds() if job.started else 0.0
            total += min(max(needs - spent, 0.0), needs)  # a clock that was set back makes nothing take longer
        return total

    def cancel(self, job_id: str, how: str = "stop") -> Job:
        """Stop a job: now, only the picture being made ("skip"), or after it ("after"). A job that has ended stays as it is.

        Where its engine or the whole program is lost before it obeys, the stop holds all the same; see `cancel_requested`.
        """
        job = self.get(job_id)
        self._preempting.discard(job_id)
        if job.state == "queued" and how == "stop":
            self._end(Cancelled(job_id=job_id))
        elif job.state == "running":
            if how != "skip":
                self._cancels.add(job_id, how)
            if not self.on_cancel(job_id, how):
                self._end(Cancelled(job_id=job_id))
            self._cancels.save()  # only now: a database that makes one wait delays no stop
        job = self.get(job_id)
        if job.state in FINAL_STATES:  # also where it ended in between: a stop is not for the next try
            self._cancels.remove(job_id)
        return job

    def cancel_requested(self, job_id: str) -> str:
        """What was asked of a job and not done yet: "stop", "after", or "" for nothing. An engine that takes it over must be told."""
        return self._cancels.get(job_id)

    def cancel_all(self, owner: str) -> int:
        """Stop everything of one owner that has not ended; gives how many."""
        stopped, after = 0, ""
        while jobs := self.jobs(("queued", "running"), after, owner, limit=MAX_LIST):
            for job in jobs:
                self.cancel(job.id)
            stopped, after = stopped + len(jobs), jobs[-1].id
        return stopped

    def retry(self, job_id: str) -> Job:
        """Queue a failed or stopped job again; its pictures stay. Raises `Conflict`."""
        self._publish(self.store.retry(job_id), self.owner_of(job_id))
        self._enqueue(job_id)
        self.on_work()
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
            self._enqueue(moved)
        return self.changed(job_id)

    def changed(self, job_id: str) -> Job:
        """Publish a job that has changed."""
        job = self.get(job_id)
        self.events.publish(Message("job", self.public(job), job.owner, job_id))
        return job

    def pause(self, paused: bool = True) -> None:
        """Start no further job; the running one goes on. Kept over restarts."""
        self._paused = paused
        self.store.set_value("paused", paused)
        self._publish_engines()
        if not paused:
            self.on_work()

    @property
    def paused(self) -> bool:
        """Whether no further job is started."""
        return self._paused

    def free_memory(self) -> None:
        """Pause, and have engines give their memory back now: a running job waits again and goes on from its next picture later."""
        self.pause(True)
        for job_id in self.store.running():
            self._preempting.add(job_id)
            if not self.on_cancel(job_id, "stop"):
                self._preempting.discard(job_id)
        self.on_free()

    def owner_of(self, job_id: str) -> str:
        """Whose job it is. Raises `NotFound`."""
        if (known := self._owners.get(job_id)) is not None:
            return known
        if len(self._owners) >= MAX_OWNERS:
            self._owners.clear()
        return self._owners.setdefault(job_id, self.store.owner_of(job_id))

    def progress(self, job_id: str) -> Progress | None:
        """Where a running job is."""
        return self._progress.get(job_id)

    def preview(self, job_id: str) -> tuple[int, bytes] | None:
        """(frame number, JPEG) of the newest preview."""
        return self._previews.get(job_id)

    def choose_preview(self, job_id: str, choice: PreviewChoice) -> None:
        """Make a job's frames this often and in this way from now on, until it has ended. Raises `NotFound`, `Conflict`."""
        if self.get(job_id).state not in ("queued", "running"):
            raise Conflict("The job has ended.")
        self._preview_choices[job_id] = choice
        self.on_preview_choice()

    def preview_choice(self, job_id: str) -> PreviewChoice:
        """What was chosen for a job."""
        return self._preview_choices.get(job_id, PreviewChoice())

    def public(self, job: Job) -> dict[str, Any]:
        """A job's JSON, with the progress of a running one."""
        body = job.model_dump(mode="json")
        if (progress := self._progress.get(job.id)) is not None and job.state == "running":
            body["progress"] = progress.model_dump(mode="json")
        return body

    async def follow(self, after: int | None = None, job_id: str | None = None) -> AsyncIterator[Message]:
        """Stored events after `after` (None: none), then live ones; of one job until it has ended, or of all for ever."""
        with self.events.subscribe() as subscription:
            seen, more = after or 0, after is not None
            while more:
                stored, last = await asyncio.to_thread(self.store.events_page, seen, job_id, MAX_LIST)
                more, seen = last > seen, max(last, seen)
                for event in stored:
                    yield self._message(event, self.owner_of(event.job_id))
                    if job_id is not None and event.type in FINAL_STATES and self.get(job_id).state in FINAL_STATES:
                        return
            while True:
                message = await subscription.queue.get()
                if (job_id is not None and message.job_id != job_id) or (message.seq and message.seq <= seen):
                    continue
                yield message
                if subscription.lost or (job_id is not None and message.kind in FINAL_STATES):
                    return

    # What engines do -----------------------------------------------------------------------------------------------------

    def take(self, engine: str, loaded: str, batch: str | None = None, without: Collection[str] = ()) -> Job | None:
        """The next job for an engine, marked as running; None when nothing waits or the queue is paused.

        With a `batch` running there, only a job that may join it, of an owner that is not in `without`. Raises `StorageError` while
        pictures cannot be written: the job goes on waiting.
        """
        if self._paused:
            return None
        others = [status for status in self._engines.values() if status.name != engine]
        me = self._engines.get(engine) or EngineStatus(name=engine, device="")
        me = me.model_copy(update={"loaded": loaded})
        better = better_elsewhere if batch is None else better_than_joining
        leave = cache(lambda checkpoint: bool(others) and better(checkpoint, me, others))
        with self._choosing:
            while (head := self._fair_queue.select(loaded, leave, batch, without)) is not None:
                self.check_storage()
                started = self.store.start(head.id, engine)
                self._fair_queue.discard(head.id, head.owner)
                if started is not None:
                    self._fair_queue.charge(head)
                    self._progress[head.id] = Progress(phase="loading")
                    self._publish(started[1], head.owner)
                    return started[0]
        return None

    def planned(self, job_id: str, plan: Plan) -> None:
        """Keep how the job runs."""
        self.store.planned(job_id, plan)

    def handle_event(self, event: Event, request: GenerationRequest, blob: bytes = b"") -> bool:
        """Handle an event from an engine; returns True when the job has ended."""
        owner = self.owner_of(event.job_id)
        match event:
            case StepDone():
                self.steps_made += event.phase in ("sampling", "hires") and event.step > 0
                last = self._progress.get(event.job_id, Progress())
                values = event.model_dump(include={"phase", "step", "steps", "batch", "batches", "detail"})
                self._progress[event.job_id] = last.model_copy(update=values)
                self._publish(event, owner)
            case Preview():
                self._previews[event.job_id] = (event.frame, blob)
                self._progress[event.job_id] = self._progress.get(event.job_id, Progress()).model_copy(update={"frame": event.frame})
                self._publish(event, owner)
            case ImageSaved():
                record = event.record.model_copy(update={"job_id": event.job_id, "owner": owner})
                if (stored := self.store.add_image(record, request)) is not None:
                    self._publish(stored, owner)
            case Cancelled() if event.job_id in self._preempting:
                self.put_back(event.job_id, "the memory was wanted for something else")
                return True
            case Done() | Failed() | Cancelled():
                self._end(event)
                return True
            case _:
                pass
        return False

    def lost(self, job_id: str, cause: str, max_attempts: int, advice: str = "") -> None:
        """The engine that ran the job is gone: queue it again, or fail it when it was tried often enough without a new picture."""
        job = self.get(job_id)
        if job.state != "running":
            return
        if self._index_files(job):
            job = self.get(job_id)
            if len(self.store.saved_indexes(job_id)) >= job.request.count:
                self._end(Done(job_id=job_id))
                return
        if max_attempts and job.attempts + 1 >= max_attempts and self.cancel_requested(job_id) != "stop":
            error = JobError(
                kind="EngineLost", message=f"The engine was lost {max_attempts} times while making this: {cause}.", advice=advice
            )
            self._end(Failed(job_id=job_id, error=error))
            return
        self._put_back(job_id, cause, failed_attempt=True)

    def _index_files(self, job: Job) -> bool:
        """Pictures that the lost engine wrote and could not tell of; True when there are some. Clocks may step back, by an hour at most."""
        found = [record for record in self.find_files((job.started or job.created) - timedelta(hours=1)) if record.job_id == job.id]
        for record in found:
            self.handle_event(ImageSaved(job_id=job.id, record=record), job.request)
        return bool(found)

    def put_back(self, job_id: str, reason: str) -> None:
        """Queue a running job again without counting an attempt (web stops or restarts)."""
        self._put_back(job_id, reason, failed_attempt=False)

    def declined(self, job_id: str, reason: str) -> None:
        """Put a job back that the engine refused to run beside its others; it keeps its position."""
        with self._choosing:
            self._fair_queue.refund(job_id, self.owner_of(job_id))
        self._put_back(job_id, reason, failed_attempt=False)

    def recover(self) -> list[str]:
        """At start: what was running waits again; a job whose pictures are all there is done. Gives the ids put back."""
        self.store.fail_unreadable()
        put_back = []
        for job_id in self.store.running():
            job = self.get(job_id)
            if len(self.store.saved_indexes(job_id)) >= job.request.count:
                self._end(Done(job_id=job_id))
            else:
                self.put_back(job_id, "Darkroom was restarted")
                put_back.append(job_id)
        return put_back

    def set_engine(self, status: EngineStatus) -> None:
        """Note and tell an engine's state when it has changed."""
        if self._engines.get(status.name) != status:
            self._engines[status.name] = status
            self._publish_engines()

    def report_trouble(self, sentence: str) -> None:
        """Report a fault of the program itself to subscribers and `/health`."""
        self.troubles = (*self.troubles, sentence)
        self._publish_engines()

    def engines(self) -> tuple[EngineStatus, ...]:
        """All engines."""
        return tuple(self._engines.values())

    def capabilities(self) -> Capabilities | None:
        """What the last engine said it can do."""
        known = self.store.get_value("capabilities")
        return None if known is None else Capabilities.model_validate(known)

    def set_capabilities(self, capabilities: Capabilities) -> None:
        """Keep what an engine can do, so that drop-downs are whole before the next one is up."""
        self.store.set_value("capabilities", capabilities.model_dump(mode="json"))
        self.events.publish(Message("capabilities", {}))

    def engines_body(self) -> dict[str, Any]:
        """The body of the `engine` message."""
        engines = [status.model_dump(mode="json") for status in self._engines.values()]
        return {"engines": engines, "paused": self._paused, "troubles": list(self.troubles)}

    def _publish_engines(self) -> None:
        self.events.publish(Message("engine", self.engines_body()))

    def _put_back(self, job_id: str, reason: str, failed_attempt: bool) -> None:
        if self.cancel_requested(job_id) == "stop":
            self._end(Cancelled(job_id=job_id))
            return
        event = self.store.requeue(job_id, reason, failed_attempt)
        if event is not None:
            self._forget(job_id)
            self._enqueue(job_id)
            self._publish(event, self.owner_of(job_id))
            self.on_work()

    def _enqueue(self, job_id: str) -> None:
        with self._choosing:
            for job in self.store.waiting(job_id):
                self._fair_queue.add(job)

    def _end(self, event: Done | Failed | Cancelled) -> None:
        owner, learned = self.owner_of(event.job_id), isinstance(event, Done) and event.seconds
        request = self.get(event.job_id).request if learned else None
        stored = self.store.finish(event.job_id, event)
        self._forget(event.job_id)
        self._cancels.remove(event.job_id)
        with self._choosing:
            self._fair_queue.discard(event.job_id, owner)
            self._fair_queue.ended(event.job_id)
        if stored is None:
            return
        if isinstance(event, Done) and request is not None:
            self._estimates.add(request, event.engine_seconds or event.seconds)
        self._publish(stored, owner)

    def _forget(self, job_id: str) -> None:
        self._progress.pop(job_id, None)
        self._previews.pop(job_id, None)
        self._preview_choices.pop(job_id, None)
        self._preempting.discard(job_id)

    def _publish(self, event: Event, owner: str) -> None:
        self.events.publish(self._message(event, owner))

    @staticmethod
    def _message(event: Event, owner: str) -> Message:
        seq = 0 if event.type in EPHEMERAL else event.seq
        return Message(event.type, event.model_dump(mode="json"), owner, event.job_id, seq)
