"""Whose job is next: round-robin over owners, then priority, then age, with a bounded preference for what is loaded or running.

The bound: the owner whose turn it is waits for at most `PREFERENCE` jobs that overtake because their model is loaded already, or because
they can join the batch that runs. After that nothing joins any more: the batch runs dry, and the job that was overtaken starts.
"""

import heapq
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import NamedTuple

PREFERENCE = 4
PreferOtherEngine = Callable[[str], bool]
"""Whether a job with this checkpoint is to be left to another engine."""


class QueueEntry(NamedTuple):
    """A waiting job. Entries of one owner sort by (−priority, position); the smallest runs next.

    Jobs with the same `batch_key` may share a batch; "" is a job that must run alone. `backend` is who makes it; "" is an engine here.
    """

    rank: int
    position: float
    id: str
    owner: str
    checkpoint: str
    batch_key: str = ""
    backend: str = ""

    @property
    def kind(self) -> "Kind":
        """What decides where and beside whom it may run."""
        return self.checkpoint, self.batch_key


Kind = tuple[str, str]


class OwnerQueue:
    """One owner's waiting jobs: a heap per kind. Jobs that no longer wait are dropped when they reach the top."""

    def __init__(self) -> None:
        self.jobs: dict[str, QueueEntry] = {}
        self._heaps: dict[Kind, list[QueueEntry]] = {}

    def add(self, job: QueueEntry) -> None:
        """Add a job, or change its position."""
        self.jobs[job.id] = job
        heapq.heappush(self._heaps.setdefault(job.kind, []), job)

    def discard(self, job_id: str) -> None:
        """Remove a job."""
        self.jobs.pop(job_id, None)

    def next(self, fits: Callable[[Kind], bool]) -> QueueEntry | None:
        """The next job of the kinds that fit."""
        firsts = (self._first(kind) for kind in tuple(self._heaps) if fits(kind))
        return min((job for job in firsts if job is not None), default=None)

    def _first(self, kind: Kind) -> QueueEntry | None:
        heap = self._heaps[kind]
        while heap and self.jobs.get(heap[0].id) != heap[0]:
            heapq.heappop(heap)
        if not heap:
            del self._heaps[kind]
        return heap[0] if heap else None


def no_other_engine(checkpoint: str) -> bool:
    """Always False: there is no other engine."""
    return False


class FairQueue:
    """The waiting jobs in memory (the database stores them) and each owner's last turn. One for all engines; the caller holds a lock."""

    def __init__(self, waiting: Iterable[QueueEntry]) -> None:
        self._queues: dict[str, OwnerQueue] = {}
        self._last_turn: dict[str, int] = {}
        self._charged: dict[str, int] = {}
        self._turn = 0
        self._overtaken = 0
        for job in waiting:
            self.add(job)

    def __len__(self) -> int:
        return sum(len(line.jobs) for line in self._queues.values())

    def add(self, job: QueueEntry) -> None:
        """A job waits (again), or has another place in its owner's line. A new owner's turn comes after those who wait already."""
        if job.owner not in self._last_turn:
            self._turn += 1
            self._last_turn[job.owner] = self._turn
        self._queues.setdefault(job.owner, OwnerQueue()).add(job)

    def discard(self, job_id: str, owner: str) -> None:
        """Remove a job."""
        line = self._queues.get(owner)
        if line is not None:
            line.discard(job_id)
            if not line.jobs:
                del self._queues[owner]

    def select(
        self,
        loaded: str,
        leave: PreferOtherEngine = no_other_engine,
        batch: str | None = None,
        without: Collection[str] = (),
        warm: Collection[str] = (),
    ) -> QueueEntry | None:
        """Return the job that an engine with the model `loaded` (and the others in `warm`) should take; None when there is none.

        `batch` is what the jobs that already run there have in common (None: none run): only such a job may join. Owners in `without`
        have as many jobs there as they may.
        """
        lines = [self._queues[owner] for owner in self._turn_order() if owner not in without]
        due = next((job for line in lines if (job := line.next(lambda kind: not leave(kind[0]))) is not None), None)
        if due is None:
            return None
        fits = _joins(batch) if batch is not None else _has_model({loaded, *warm})
        if fits(due.kind) or (batch is None and not loaded):
            self._overtaken = 0
            return due
        if self._overtaken < PREFERENCE:
            other = next((job for line in lines if (job := _first_of_top(line, fits)) is not None), None)
            if other is not None:
                self._overtaken += 1
                return other
        if batch is not None:
            return None
        self._overtaken = 0
        return due

    def charge(self, job: QueueEntry) -> None:
        """Remove a job that was given to an engine; its owner's next turn comes after the others'."""
        self._turn += 1
        self._charged[job.id] = self._last_turn[job.owner]
        self._last_turn[job.owner] = self._turn
        self.discard(job.id, job.owner)

    def refund(self, job_id: str, owner: str) -> None:
        """Restore the owner's turn after the engine refused the job."""
        if (before := self._charged.pop(job_id, None)) is not None:
            self._last_turn[owner] = before

    def ended(self, job_id: str) -> None:
        """Forget a job that has ended."""
        self._charged.pop(job_id, None)

    def order(self) -> list[str]:
        """Ids of waiting jobs in the order they will run, as far as it can be told: owners take turns."""
        return round_robin([[job.id for job in sorted(self._queues[owner].jobs.values())] for owner in self._turn_order()])

    def owners(self) -> set[str]:
        """Return the owners of waiting jobs."""
        return set(self._queues)

    def _turn_order(self) -> list[str]:
        """Owners by how long ago they were served, or came."""
        return sorted(self._queues, key=self._last_turn.__getitem__)


class FairQueues:
    """A fair queue for each place that makes pictures, so that nobody waits for another place. The caller holds a lock."""

    def __init__(self, waiting: Iterable[QueueEntry]) -> None:
        self.here = FairQueue(())
        self._elsewhere: dict[str, FairQueue] = {}
        for job in waiting:
            self.add(job)

    def of(self, backend: str) -> FairQueue:
        """Return the queue of a backend; "" is the engines'."""
        return self._elsewhere.setdefault(backend, FairQueue(())) if backend else self.here

    def elsewhere(self) -> list[str]:
        """Return the backends that jobs wait for."""
        return [name for name, queue in self._elsewhere.items() if queue.owners()]

    def add(self, job: QueueEntry) -> None:
        """A job waits (again), or has another place."""
        self.of(job.backend).add(job)

    def discard(self, job_id: str, owner: str) -> None:
        """Remove a job that has ended."""
        for queue in (self.here, *self._elsewhere.values()):
            queue.discard(job_id, owner)
            queue.ended(job_id)

    def order(self) -> list[str]:
        """Ids of waiting jobs in the order they will run: the engines' first, then each backend's."""
        return [job_id for queue in (self.here, *self._elsewhere.values()) for job_id in queue.order()]


def _has_model(loaded: Collection[str]) -> Callable[[Kind], bool]:
    return lambda kind: kind[0] in loaded


def _joins(batch: str) -> Callable[[Kind], bool]:
    return lambda kind: bool(batch) and kind[1] == batch


def _first_of_top(line: OwnerQueue, fits: Callable[[Kind], bool]) -> QueueEntry | None:
    """An owner's next job that fits, if it is of their highest priority."""
    job, head = line.next(fits), line.next(lambda kind: True)
    return job if job is not None and head is not None and job.rank == head.rank else None


def round_robin(lines: Sequence[Sequence[str]]) -> list[str]:
    """The first of each line, then the second of each, and so on."""
    return [line[place] for place in range(max(map(len, lines), default=0)) for line in lines if place < len(line)]
