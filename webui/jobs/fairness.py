"""Whose job is next: round-robin over owners, then priority, then age, with a bounded preference for the model that is loaded.

The bound: the owner whose turn it is waits for at most `PREFERENCE` jobs that overtake because their model is loaded already.
"""

from collections.abc import Callable, Sequence

from webui.jobs.store import JobStore, Waiting

PREFERENCE = 4


class FairChooser:
    """Remembers who was served when. One for all engines; the caller holds a lock."""

    def __init__(self, store: JobStore) -> None:
        self._store = store
        self._served: dict[str, int] = {}
        self._turn = 0
        self._overtaken = 0

    def choose(self, loaded: str) -> Waiting | None:
        """The job that an engine with the model `loaded` should take; None when nothing waits."""
        order = self.turn_order(self._store.waiting_owners())
        heads = (head for owner in order if (head := self._store.head(owner)) is not None)
        due = next(heads, None)
        if due is None:
            return None
        if loaded and due.checkpoint != loaded and self._overtaken < PREFERENCE:
            other = self._with_model(order, loaded)
            if other is not None:
                self._overtaken += 1
                return other
        self._overtaken = 0
        return due

    def served(self, owner: str) -> None:
        """Note that an owner's job was taken: their turn comes round after the others'."""
        self._turn += 1
        self._served[owner] = self._turn

    def turn_order(self, owners: Sequence[str]) -> list[str]:
        """Owners by how long ago they were served; those never served first."""
        return sorted(owners, key=lambda owner: (self._served.get(owner, 0), owner))

    def _with_model(self, order: Sequence[str], loaded: str) -> Waiting | None:
        return next((head for owner in order if (head := self._store.head(owner, loaded)) is not None), None)


def merged_order(waiting: Sequence[tuple[str, str]], turn_order: Callable[[Sequence[str]], list[str]]) -> list[str]:
    """Ids of waiting jobs in the order they will run, as far as it can be told: owners take turns."""
    by_owner: dict[str, list[str]] = {}
    for job_id, owner in waiting:
        by_owner.setdefault(owner, []).append(job_id)
    lines = [by_owner[owner] for owner in turn_order(list(by_owner))]
    return [line[place] for place in range(max(map(len, lines), default=0)) for line in lines if place < len(line)]
