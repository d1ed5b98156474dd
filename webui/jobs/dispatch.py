"""The engines' side of the queue: take a job, report what becomes of it, put it back."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Protocol

from webui.core.events import Cancelled, Done, Event, Failed, ImageSaved, Preview, StepDone
from webui.core.job import Job, JobError, Plan
from webui.core.protocol import Capabilities
from webui.core.record import ImageRecord
from webui.core.request import GenerationRequest
from webui.jobs.events import Message
from webui.jobs.placement import EngineStatus, better_elsewhere, better_than_joining
from webui.jobs.state import JobState


class Storage(Protocol):
    """Where engines write their images."""

    def check_writable(self) -> None:
        """Raise `StorageError` while images cannot be written."""

    def unlisted(self, since: datetime) -> Sequence[ImageRecord]:
        """Return images on disk, newer than that, which no row lists."""


class Dispatch:
    """Hands waiting jobs to engines and handles what engines report of them."""

    def __init__(self, state: JobState, storage: Storage) -> None:
        self.state = state
        self._storage = storage

    def take(self, engine: str, loaded: str, batch: str | None = None, without: Collection[str] = ()) -> Job | None:
        """The next job for an engine, marked as running; None when nothing waits or the queue is paused.

        With a `batch` running there, only a job that may join it, of an owner that is not in `without`. Raises `StorageError` while
        pictures cannot be written: the job goes on waiting.
        """
        state = self.state
        if state.paused:
            return None
        others = [status for status in state.engines.values() if status.name != engine]
        me = state.engines.get(engine) or EngineStatus(name=engine, device="")
        me = me.model_copy(update={"loaded": loaded})
        better = better_elsewhere if batch is None else better_than_joining
        leave = cache(lambda checkpoint: bool(others) and better(checkpoint, me, others))
        with state.choosing:
            while (head := state.fair_queue.select(loaded, leave, batch, without, me.warm)) is not None:
                self._storage.check_writable()
                started = state.store.start(head.id, engine)
                state.fair_queue.discard(head.id, head.owner)
                if started is not None:
                    state.fair_queue.charge(head)
                    state.live.begin(head.id)
                    state.publish(started[1], head.owner)
                    return started[0]
        return None

    def take_for(self, backend: str) -> Job | None:
        """The next job for a backend, marked as running; None when nothing waits for it or the queue is paused. Raises `StorageError`."""
        state = self.state
        with state.choosing:
            queue = state.fair_queues.of(backend)
            while not state.paused and (head := queue.select("")) is not None:
                self._storage.check_writable()
                started = state.store.start(head.id, backend)
                if started is None:
                    queue.discard(head.id, head.owner)
                    continue
                queue.charge(head)
                state.live.begin(head.id)
                state.publish(started[1], head.owner)
                return started[0]
        return None

    def planned(self, job_id: str, plan: Plan) -> None:
        """Keep how the job runs."""
        self.state.store.planned(job_id, plan)

    def handle_event(self, event: Event, request: GenerationRequest, blob: bytes = b"") -> bool:
        """Handle an event from an engine; returns True when the job has ended."""
        state = self.state
        owner = state.owner_of(event.job_id)
        match event:
            case StepDone():
                state.live.step(event)
                state.publish(event, owner)
            case Preview():
                state.live.frame(event, blob)
                state.publish(event, owner)
            case ImageSaved():
                record = event.record.model_copy(update={"job_id": event.job_id, "owner": owner})
                if (stored := state.store.add_image(record, request)) is not None:
                    state.publish(stored, owner)
            case Cancelled() if event.job_id in state.preempting:
                self.put_back(event.job_id, "the memory was wanted for something else")
                return True
            case Done() | Failed() | Cancelled():
                state.end(event)
                return True
            case _:
                pass
        return False

    def tell(self, job_id: str) -> None:
        """Publish a job as it is stored."""
        job = self.state.store.get(job_id)
        self.state.events.publish(Message("job", job.model_dump(mode="json"), job.owner, job_id))

    def lost(self, job_id: str, cause: str, max_attempts: int, advice: str = "") -> None:
        """The engine that ran the job is gone: queue it again, or fail it when it was tried often enough without a new picture."""
        job = self.state.store.get(job_id)
        if job.state != "running":
            return
        if self._index_files(job):
            job = self.state.store.get(job_id)
            if len(self.state.store.saved_indexes(job_id)) >= job.request.count:
                self.state.end(Done(job_id=job_id))
                return
        if max_attempts and job.attempts + 1 >= max_attempts and self.state.cancels.get(job_id) != "stop":
            error = JobError(
                kind="EngineLost", message=f"The engine was lost {max_attempts} times while making this: {cause}.", advice=advice
            )
            self.state.end(Failed(job_id=job_id, error=error))
            return
        self.state.put_back(job_id, cause, failed_attempt=True)

    def _index_files(self, job: Job) -> bool:
        """Pictures that the lost engine wrote and could not tell of; True when there are some. Clocks may step back, by an hour at most."""
        found = [record for record in self._storage.unlisted((job.started or job.created) - timedelta(hours=1)) if record.job_id == job.id]
        for record in found:
            self.handle_event(ImageSaved(job_id=job.id, record=record), job.request)
        return bool(found)

    def put_back(self, job_id: str, reason: str) -> None:
        """Queue a running job again without counting an attempt (web stops or restarts)."""
        self.state.put_back(job_id, reason, failed_attempt=False)

    def declined(self, job_id: str, reason: str) -> None:
        """Put a job back that the engine refused to run beside its others; it keeps its position."""
        with self.state.choosing:
            self.state.fair_queue.refund(job_id, self.state.owner_of(job_id))
        self.state.put_back(job_id, reason, failed_attempt=False)

    def recover(self) -> list[str]:
        """At start: what was running waits again; a job whose pictures are all there is done. Gives the ids put back."""
        self.state.store.fail_unreadable()
        put_back = []
        for job_id in self.state.store.running():
            job = self.state.store.get(job_id)
            if len(self.state.store.saved_indexes(job_id)) >= job.request.count:
                self.state.end(Done(job_id=job_id))
            else:
                self.put_back(job_id, "Darkroom was restarted")
                put_back.append(job_id)
        return put_back

    def set_engine(self, status: EngineStatus) -> None:
        """Keep and publish an engine's state when it has changed."""
        self.state.set_engine(status)

    def set_capabilities(self, capabilities: Capabilities) -> None:
        """Keep what an engine can do, so that drop-downs are whole before the next one is up."""
        self.state.keep_capabilities(capabilities)
        self.state.events.publish(Message("capabilities", {}))
