"""Whose job is next: round-robin over owners, then priority, then age, with a bounded preference for the model that is loaded.

The bound: the owner whose turn it is waits for at most `PREFERENCE` jobs that overtake because their model is loaded already.
"""

import heapq
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

PREFERENCE = 4
Leave = Callable[[str], bool]
"""Whether a job with this checkpoint is to be left to another engine."""


class Waiting(NamedTuple):
    """A waiting job; of one owner's the least is the next: highest priority (as `rank`, its negative), then place in line."""

    rank: int
    position: float
    id: str
    owner: str
    checkpoint: str


class Line:
    """One owner's waiting jobs: a heap for each checkpoint, from which jobs that wait no more drop out when they come to its top."""

    def __init__(self) -> None:
        self.jobs: dict[str, Waiting] = {}
        self._heaps: dict[str, list[Waiting]] = {}

    def add(self, job: Waiting) -> None:
        """A job waits, or has another place."""
        self.jobs[job.id] = job
        heapq.heappush(self._heaps.setdefault(job.checkpoint, []), job)

    def discard(self, job_id: str) -> None:
        """A job waits no more."""
        self.jobs.pop(job_id, None)

    def first(self, checkpoint: str) -> Waiting | None:
        """The next job with this checkpoint."""
        heap = self._heaps.get(checkpoint, [])
        while heap and self.jobs.get(heap[0].id) != heap[0]:
            heapq.heappop(heap)
        if not heap:
            self._heaps.pop(checkpoint, None)
        return heap[0] if heap else None

    def next(self, leave: Leave) -> Waiting | None:
        """The next job of all, those left to other engines aside."""
        firsts = (self.first(checkpoint) for checkpoint in tuple(self._heaps) if not leave(checkpoint))
        return min((job for job in firsts if job is not None), default=None)


def nothing_left(checkpoint: str) -> bool:
    """There is no other engine."""
    return False


class FairChooser:
    """The waiting jobs in memory (the database keeps them), and who was served when. One for all engines; the caller holds a lock."""

    def __init__(self, waiting: Iterable[Waiting]) -> None:
        self._lines: dict[str, Line] = {}
        self._served: dict[str, int] = {}
        self._turn = 0
        self._overtaken = 0
        for job in waiting:
            self.add(job)

    def add(self, job: Waiting) -> None:
        """A job waits (again), or has another place in its owner's line."""
        self._lines.setdefault(job.owner, Line()).add(job)

    def discard(self, job_id: str, owner: str) -> None:
        """A job waits no more."""
        line = self._lines.get(owner)
        if line is not None:
            line.discard(job_id)
            if not line.jobs:
                del self._lines[owner]

    def choose(self, loaded: str, leave: Leave = nothing_left) -> Waiting | None:
        """The job that an engine with the model `loaded` should take; None when nothing waits for it."""
        order = self._turn_order()
        due = next((job for owner in order if (job := self._lines[owner].next(leave)) is not None), None)
        if due is not None and loaded and due.checkpoint != loaded and self._overtaken < PREFERENCE:
            other = next((job for owner in order if (job := self._with_model(owner, loaded)) is not None), None)
            if other is not None:
                self._overtaken += 1
                return other
        self._overtaken = 0
        return due

    def taken(self, job: Waiting) -> None:
        """A job was given to an engine: its owner's turn comes round after the others'."""
        self._turn += 1
        self._served[job.owner] = self._turn
        self.discard(job.id, job.owner)

    def order(self) -> list[str]:
        """Ids of waiting jobs in the order they will run, as far as it can be told: owners take turns."""
        return round_robin([[job.id for job in sorted(self._lines[owner].jobs.values())] for owner in self._turn_order()])

    def owners(self) -> set[str]:
        """Who has a job waiting."""
        return set(self._lines)

    def _turn_order(self) -> list[str]:
        """Owners by how long ago they were served; those never served first."""
        return sorted(self._lines, key=lambda owner: (self._served.get(owner, 0), owner))

    def _with_model(self, owner: str, loaded: str) -> Waiting | None:
        """An owner's next job of their highest priority that needs the loaded model."""
        line = self._lines[owner]
        job, head = line.first(loaded), line.next(nothing_left)
        return job if job is not None and head is not None and job.rank == head.rank else None


def round_robin(lines: Sequence[Sequence[str]]) -> list[str]:
    """The first of each line, then the second of each, and so on."""
    return [line[place] for place in range(max(map(len, lines), default=0)) for line in lines if place < len(line)]
