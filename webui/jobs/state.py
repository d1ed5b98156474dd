"""What both sides of the queue share: the users' (`JobQueue`) and the engines' (`Dispatch`)."""

import threading
from collections.abc import Callable
from typing import Any

from webui.core.events import EPHEMERAL, Cancelled, Done, Event, Failed, Queued, Started
from webui.core.protocol import Capabilities
from webui.jobs.cancel_requests import CancelRequests
from webui.jobs.estimates import Estimates
from webui.jobs.events import EventBus, Message
from webui.jobs.fair_queue import FairQueue, FairQueues
from webui.jobs.placement import EngineStatus
from webui.jobs.progress import LiveProgress
from webui.jobs.store import JobStore

MAX_OWNERS = 10_000


def nobody(*words: Any, **values: Any) -> None:
    """There is no other process."""


class JobState:
    """Jobs in the database, the fair queue, progress and engine states in memory, changes on the event bus.

    A job that waits is published as "queued" once the fair queue holds it: whoever has work for idle engines listens for that.
    """

    def __init__(self, store: JobStore) -> None:
        self.store = store
        self.events = EventBus()
        self.fair_queues = FairQueues(store.waiting())
        self.choosing = threading.Lock()
        """Held while the fair queue is read or changed."""
        self.estimates = Estimates(store)
        self.live = LiveProgress()
        self.cancels = CancelRequests(store)
        self.preempting: set[str] = set()
        self.leads = True
        """Whether this process gives jobs out; of several in front of one queue, one does."""
        self.ask_leader: Callable[..., None] = nobody
        self.tell_others: Callable[..., None] = nobody
        self.stop_work: Callable[[str], object] = nobody
        """Called with a job that another process has ended while it is made here."""
        self.troubles: tuple[str, ...] = ()
        self.paused = bool(store.get_value("paused"))
        self.engines: dict[str, EngineStatus] = {}
        """Never changed, but replaced: who reads it sees one moment."""
        self._changing = threading.Lock()
        self._owners: dict[str, str] = {}
        self._capabilities: Capabilities | None = None
        self._learning = threading.Lock()
        """Held while the capabilities are read or kept: each call of the API asks for them several times."""

    @property
    def fair_queue(self) -> FairQueue:
        """The engines' queue."""
        return self.fair_queues.here

    def backends_waiting(self) -> list[str]:
        """Return the backends that jobs wait for."""
        with self.choosing:
            return self.fair_queues.elsewhere()

    def owner_of(self, job_id: str) -> str:
        """Return whose job it is. Raises `NotFound`."""
        if (known := self._owners.get(job_id)) is not None:
            return known
        return self.remember_owner(job_id, self.store.owner_of(job_id))

    def remember_owner(self, job_id: str, owner: str) -> str:
        """Keep a job's owner in memory, and return it."""
        if len(self._owners) >= MAX_OWNERS:
            self._owners.clear()
        return self._owners.setdefault(job_id, owner)

    def enqueue(self, job_id: str) -> None:
        """Put a job that waits in the database into the fair queue, at its place."""
        with self.choosing:
            for entry in self.store.waiting(job_id):
                self.fair_queues.add(entry)

    def put_back(self, job_id: str, reason: str, failed_attempt: bool) -> None:
        """Queue a running job again, or end it as cancelled where that was asked for."""
        if self.cancels.get(job_id) == "stop":
            self.end(Cancelled(job_id=job_id))
            return
        event = self.store.requeue(job_id, reason, failed_attempt)
        if event is not None:
            self._forget(job_id)
            self.enqueue(job_id)
            self.publish(event, self.owner_of(job_id))

    def end(self, event: Done | Failed | Cancelled) -> None:
        """End a job in the database and in memory, and publish it; nothing happens when it has ended already."""
        owner = self.owner_of(event.job_id)
        stored = self.store.finish(event.job_id, event)
        self._forget(event.job_id)
        self.cancels.remove(event.job_id)
        with self.choosing:
            self.fair_queues.discard(event.job_id, owner)
        if stored is None:
            return
        if isinstance(event, Done) and event.seconds:
            self.estimates.note(event.job_id, event.engine_seconds or event.seconds)
        self.publish(stored, owner)

    def reload(self) -> None:
        """Read again what is stored: another process may have changed it."""
        with self.choosing:
            self.fair_queues = FairQueues(self.store.waiting())
        self.cancels.reload()
        self.live.clear()
        self.paused = bool(self.store.get_value("paused"))
        self.forget_capabilities()

    def learn(self, event: Event) -> None:
        """Take over a stored event, which may be another process's."""
        job_id = event.job_id
        if isinstance(event, Queued):
            if not self.leads:
                self.live.forget(job_id)
            self.enqueue(job_id)
        elif isinstance(event, Started) and not self.leads:
            with self.choosing:
                self.fair_queues.discard(job_id, self.owner_of(job_id))
            self.live.begin(job_id)
        elif isinstance(event, Done | Failed | Cancelled):
            with self.choosing:
                self.fair_queues.discard(job_id, self.owner_of(job_id))
            if not self.leads:
                self._forget(job_id)
                self.cancels.forget(job_id)
            elif isinstance(event, Cancelled) and self.live.of(job_id) is not None:
                self.stop_work(job_id)

    def _forget(self, job_id: str) -> None:
        self.live.forget(job_id)
        self.preempting.discard(job_id)

    def publish(self, event: Event, owner: str) -> None:
        """Send an event of a job to everybody who has subscribed."""
        self.events.publish(self.message(event, owner))

    @staticmethod
    def message(event: Event, owner: str) -> Message:
        """Return an event as the bus carries it."""
        seq = 0 if event.type in EPHEMERAL else event.seq
        return Message(event.type, event.model_dump(mode="json"), owner, event.job_id, seq)

    def set_engine(self, status: EngineStatus) -> None:
        """Keep and publish an engine's state when it has changed."""
        with self._changing:
            if self.engines.get(status.name) == status:
                return
            self.engines = {**self.engines, status.name: status}
        self.publish_engines()

    def remove_engine(self, name: str) -> None:
        """Forget an engine that was retired."""
        with self._changing:
            self.engines = {known: status for known, status in self.engines.items() if known != name}
        self.publish_engines()

    def report_trouble(self, sentence: str) -> None:
        """Publish a fault of the program itself, and keep it for `/health`."""
        self.troubles = (*self.troubles, sentence)
        self.publish_engines()

    def engines_body(self) -> dict[str, Any]:
        """Return the body of the `engine` message."""
        engines = [status.model_dump(mode="json") for status in self.engines.values()]
        return {"engines": engines, "paused": self.paused, "troubles": list(self.troubles)}

    def publish_engines(self) -> None:
        """Send the state of all engines to everybody."""
        self.events.publish(Message("engine", self.engines_body()))

    def capabilities(self) -> Capabilities | None:
        """Return what the last engine said it can do; None before the first one."""
        if self._capabilities is None:
            with self._learning:
                known = self.store.get_value("capabilities") if self._capabilities is None else None
                if known is not None:
                    self._capabilities = Capabilities.model_validate(known)
        return self._capabilities

    def forget_capabilities(self) -> None:
        """Read them again when they are next asked for."""
        with self._learning:
            self._capabilities = None

    def keep_capabilities(self, capabilities: Capabilities) -> None:
        """Keep what an engine says it can do, over restarts too."""
        with self._learning:
            self.store.set_value("capabilities", capabilities.model_dump(mode="json"))
            self._capabilities = capabilities
