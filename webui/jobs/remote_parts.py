"""What was sent to backends for a job, and what it cost: stored before the send, so that nothing is sent, or paid, twice."""

import json
import threading
from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection, func, select, update

from webui.core.backend import RemotePart
from webui.db.database import Database
from webui.db.tables import jobs
from webui.errors import LimitReached, PaysAgain

Budget = tuple[float, float]
"""US dollars a day: one user's, and everybody's together; -1 is no limit."""
Day = tuple[float, datetime]
"""When today began, in seconds, and when tomorrow does."""


class RemoteParts:
    """The sends of each job, in its row."""

    def __init__(self, database: Database) -> None:
        self._db = database
        self._spending = threading.Lock()

    def of(self, job_id: str) -> tuple[RemotePart, ...]:
        """Return a job's sends in order."""
        with self._db.read() as connection:
            return _parts(connection, job_id)

    def reserve(self, job_id: str, part: RemotePart, budget: Budget, day: Day) -> None:
        """Store a send that begins now, with its estimated cost. Raises `LimitReached` where that is more than is left of a budget."""
        with self._spending, self._db.write() as connection:
            owner = connection.execute(select(jobs.c.owner).where(jobs.c.id == job_id)).scalar_one()
            check_budget(connection, str(owner), part.cost or 0.0, budget, day)
            _store(connection, job_id, (*_parts(connection, job_id), part))

    def change(self, job_id: str, old: RemotePart, new: RemotePart | None) -> None:
        """Store what became of a send; None takes it out: it was not made, or shall be made anew."""
        with self._db.write() as connection:
            parts = _parts(connection, job_id)
            changed = (new if part.at == old.at and part.indexes == old.indexes else part for part in parts)
            _store(connection, job_id, tuple(part for part in changed if part is not None))

    def drop(self, job_id: str, parts: Iterable[RemotePart]) -> None:
        """Take several sends out."""
        for part in parts:
            self.change(job_id, part, None)

    def hand_over(self, job_id: str, notes: Iterable[str]) -> None:
        """Give the engines here what is left of a running job, its finish chain; with what is to be said of it."""
        with self._db.write() as connection:
            said = connection.execute(select(jobs.c.notes).where(jobs.c.id == job_id)).scalar()
            values = {"backend": "", "batch_key": "", "checkpoint": "", "notes": json.dumps([*json.loads(said or "[]"), *notes])}
            connection.execute(update(jobs).where(jobs.c.id == job_id, jobs.c.state == "running").values(values))

    def known(self, backend: str, except_job: str) -> frozenset[str]:
        """Return the ids that other jobs of a backend hold."""
        query = select(jobs.c.remote).where(jobs.c.backend.in_((backend, "")), jobs.c.remote != "[]", jobs.c.id != except_job)
        with self._db.read() as connection:
            return frozenset(str(part["id"]) for (text,) in connection.execute(query) for part in json.loads(text) if part.get("id"))

    def check(self, owner: str, cost: float, budget: Budget, day: Day) -> None:
        """Raises `LimitReached` where a further `cost` is more than is left today."""
        with self._db.read() as connection:
            check_budget(connection, owner, cost, budget, day)

    def spent(self, owner: str | None, since: float) -> float:
        """Return what an owner's jobs (None: everybody's) have cost since then."""
        with self._db.read() as connection:
            return _spent(connection, owner, since)


def check_not_lost(text: str) -> None:
    """Raises `PaysAgain` for a job's sends, as its row has them, of which one may have been paid for in vain."""
    cost = sum(part.cost or 0.0 for part in map(RemotePart.model_validate, json.loads(text or "[]")) if part.lost)
    if cost > 0:
        raise PaysAgain(
            f"This may have been paid for already (about ${cost:.2f}, which counts in the budget), and trying again may be paid once more."
            " Look at your account there first. Pay again (pay_again), or run it again as a new job."
        )


def check_budget(connection: Connection, owner: str, cost: float, budget: Budget, day: Day) -> None:
    """Raises `LimitReached` where `cost` is more than is left of today's budgets."""
    began, renews = day
    for limit, whose, who in ((budget[0], owner, "you"), (budget[1], None, "everybody together")):
        spent = _spent(connection, whose, began) if limit >= 0 else 0.0
        if limit >= 0 and (spent + cost > limit + 1e-9 or limit == 0):
            told = f"This may cost ${cost:.2f}; ${max(limit - spent, 0):.2f} of today's ${limit:.2f} are left to {who}."
            raise LimitReached(f"{told} Nothing was sent. It renews at {renews:%H:%M} on {renews:%Y-%m-%d}.", renews)


def _spent(connection: Connection, owner: str | None, since: float) -> float:
    query = select(func.coalesce(func.sum(jobs.c.cost), 0.0)).where(func.coalesce(jobs.c.started, jobs.c.created) >= since, jobs.c.cost > 0)
    return float(connection.execute(query if owner is None else query.where(jobs.c.owner == owner)).scalar_one())


def _parts(connection: Connection, job_id: str) -> tuple[RemotePart, ...]:
    text = connection.execute(select(jobs.c.remote).where(jobs.c.id == job_id)).scalar()
    return tuple(RemotePart.model_validate(part) for part in json.loads(text or "[]"))


def _store(connection: Connection, job_id: str, parts: tuple[RemotePart, ...]) -> None:
    text = json.dumps([part.model_dump(mode="json") for part in parts])
    cost = sum(part.cost or 0.0 for part in parts)
    connection.execute(update(jobs).where(jobs.c.id == job_id).values(remote=text, cost=cost))
