"""Whose job is next: round-robin over owners, then priority, then age, with a bounded preference for the model that is loaded.

The bound: the owner whose turn it is waits for at most `PREFERENCE` jobs that overtake because their model is loaded already.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

PREFERENCE = 4


class Waiting(NamedTuple):
    """A waiting job; of one owner's the least is the next: highest priority (as `rank`, its negative), then place in line."""

    rank: int
    position: float
    id: str
    owner: str
    checkpoint: str


class FairChooser:
    """The waiting jobs in memory (the database keeps them), and who was served when. One for all engines; the caller holds a lock."""

    def __init__(self, waiting: Iterable[Waiting]) -> None:
        self._lines: dict[str, dict[str, Waiting]] = {}
        self._served: dict[str, int] = {}
        self._turn = 0
        self._overtaken = 0
        for job in waiting:
            self.add(job)

    def add(self, job: Waiting) -> None:
        """A job waits (again), or has another place in its owner's line."""
        self._lines.setdefault(job.owner, {})[job.id] = job

    def discard(self, job_id: str, owner: str) -> None:
        """A job waits no more."""
        line = self._lines.get(owner, {})
        line.pop(job_id, None)
        if not line:
            self._lines.pop(owner, None)

    def choose(self, loaded: str) -> Waiting | None:
        """The job that an engine with the model `loaded` should take; None when nothing waits."""
        order = self._turn_order()
        if not order:
            return None
        due = min(self._lines[order[0]].values())
        if loaded and due.checkpoint != loaded and self._overtaken < PREFERENCE:
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
        return round_robin([[job.id for job in sorted(self._lines[owner].values())] for owner in self._turn_order()])

    def owners(self) -> set[str]:
        """Who has a job waiting."""
        return set(self._lines)

    def _turn_order(self) -> list[str]:
        """Owners by how long ago they were served; those never served first."""
        return sorted(self._lines, key=lambda owner: (self._served.get(owner, 0), owner))

    def _with_model(self, owner: str, loaded: str) -> Waiting | None:
        """An owner's next job of their highest priority that needs the loaded model."""
        line = self._lines[owner].values()
        top = min(line).rank
        return min((job for job in line if job.checkpoint == loaded and job.rank == top), default=None)


def round_robin(lines: Sequence[Sequence[str]]) -> list[str]:
    """The first of each line, then the second of each, and so on."""
    return [line[place] for place in range(max(map(len, lines), default=0)) for line in lines if place < len(line)]
