"""Whose job is next: round-robin over owners, then priority, then age, with a bounded preference for what is loaded or running.

The bound: the owner whose turn it is waits for at most `PREFERENCE` jobs that overtake because their model is loaded already, or because
they can join the batch that runs. After that nothing joins any more: the batch runs dry, and the job that was overtaken starts.
"""

import heapq
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import NamedTuple

PREFERENCE = 4
Leave = Callable[[str], bool]
"""Whether a job with this checkpoint is to be left to another engine."""


class Waiting(NamedTuple):
    """A waiting job; of one owner's the least is the next: highest priority (as `rank`, its negative), then place in line.

    `together` is what it has in common with those that may share its batch, "" when it must run alone.
    """

    rank: int
    position: float
    id: str
    owner: str
    checkpoint: str
    together: str = ""

    @property
    def kind(self) -> "Kind":
        """What decides where and beside whom it may run."""
        return self.checkpoint, self.together


Kind = tuple[str, str]


class Line:
    """One owner's waiting jobs: a heap for each kind, from which jobs that wait no more drop out when they come to its top."""

    def __init__(self) -> None:
        self.jobs: dict[str, Waiting] = {}
        self._heaps: dict[Kind, list[Waiting]] = {}

    def add(self, job: Waiting) -> None:
        """A job waits, or has another place."""
        self.jobs[job.id] = job
        heapq.heappush(self._heaps.setdefault(job.kind, []), job)

    def discard(self, job_id: str) -> None:
        """A job waits no more."""
        self.jobs.pop(job_id, None)

    def next(self, fits: Callable[[Kind], bool]) -> Waiting | None:
        """The next job of the kinds that fit."""
        firsts = (self._first(kind) for kind in tuple(self._heaps) if fits(kind))
        return min((job for job in firsts if job is not None), default=None)

    def _first(self, kind: Kind) -> Waiting | None:
        heap = self._heaps[kind]
        while heap and self.jobs.get(heap[0].id) != heap[0]:
            heapq.heappop(heap)
        if not heap:
            del self._heaps[kind]
        return heap[0] if heap else None


def nothing_left(checkpoint: str) -> bool:
    """There is no other engine."""
    return False


class FairChooser:
    """The waiting jobs in memory (the database keeps them), and who was served when. One for all engines; the caller holds a lock."""

    def __init__(self, waiting: Iterable[Waiting]) -> None:
        self._lines: dict[str, Line] = {}
        self._served: dict[str, int] = {}
        self._before: dict[str, int] = {}
        self._turn = 0
        self._overtaken = 0
        for job in waiting:
            self.add(job)

    def add(self, job: Waiting) -> None:
        """A job waits (again), or has another place in its owner's line. A new owner's turn comes after those who wait already."""
        if job.owner not in self._served:
            self._turn += 1
            self._served[job.owner] = self._turn
        self._lines.setdefault(job.owner, Line()).add(job)

    def discard(self, job_id: str, owner: str) -> None:
        """A job waits no more."""
        line = self._lines.get(owner)
        if line is not None:
            line.discard(job_id)
            if not line.jobs:
                del self._lines[owner]

    def choose(self, loaded: str, leave: Leave = nothing_left, batch: str | None = None, without: Collection[str] = ()) -> Waiting | None:
        """The job that an engine with the model `loaded` should take; None when nothing waits for it.

        `batch` is what the jobs that already run there have in common (None: none run): only such a job may join. Owners in `without`
        have as many jobs there as they may.
        """
        lines = [self._lines[owner] for owner in self._turn_order() if owner not in without]
        due = next((job for line in lines if (job := line.next(lambda kind: not leave(kind[0]))) is not None), None)
        if due is None:
            return None
        fits = _joins(batch) if batch is not None else _has_model(loaded)
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

    def taken(self, job: Waiting) -> None:
        """A job was given to an engine: its owner's turn comes round after the others'."""
        self._turn += 1
        self._before[job.id] = self._served[job.owner]
        self._served[job.owner] = self._turn
        self.discard(job.id, job.owner)

    def gave_back(self, job_id: str, owner: str) -> None:
        """The engine could not run it now: its owner's turn is as it was."""
        if (before := self._before.pop(job_id, None)) is not None:
            self._served[owner] = before

    def ended(self, job_id: str) -> None:
        """Nothing more is to be given back."""
        self._before.pop(job_id, None)

    def order(self) -> list[str]:
        """Ids of waiting jobs in the order they will run, as far as it can be told: owners take turns."""
        return round_robin([[job.id for job in sorted(self._lines[owner].jobs.values())] for owner in self._turn_order()])

    def owners(self) -> set[str]:
        """Who has a job waiting."""
        return set(self._lines)

    def _turn_order(self) -> list[str]:
        """Owners by how long ago they were served, or came."""
        return sorted(self._lines, key=self._served.__getitem__)


def _has_model(loaded: str) -> Callable[[Kind], bool]:
    return lambda kind: kind[0] == loaded


def _joins(batch: str) -> Callable[[Kind], bool]:
    return lambda kind: bool(batch) and kind[1] == batch


def _first_of_top(line: Line, fits: Callable[[Kind], bool]) -> Waiting | None:
    """An owner's next job that fits, if it is of their highest priority."""
    job, head = line.next(fits), line.next(lambda kind: True)
    return job if job is not None and head is not None and job.rank == head.rank else None


def round_robin(lines: Sequence[Sequence[str]]) -> list[str]:
    """The first of each line, then the second of each, and so on."""
    return [line[place] for place in range(max(map(len, lines), default=0)) for line in lines if place < len(line)]
