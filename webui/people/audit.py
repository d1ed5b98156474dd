"""Who did what to the machine: a list that is kept bounded. It holds names of things, never secrets, values or prompts."""

import logging
import threading
import time
from datetime import UTC, datetime

from sqlalchemy import delete, desc, insert, select

from webui.core.names import printable
from webui.core.request import FrozenModel
from webui.db.database import Database
from webui.db.tables import audit
from webui.errors import StorageError

KEPT = 5_000
LONGEST = 300
AT_THE_SHELL = "command line"

log = logging.getLogger("webui.people")


class Entry(FrozenModel):
    """One thing that was done. `did` goes on after the name: "paused the queue"."""

    number: int
    at: datetime
    who: str
    did: str


class Audit:
    """The list, in the database; the newest `kept` are there."""

    def __init__(self, database: Database, kept: int = KEPT) -> None:
        self._database, self._kept = database, kept
        self._lock = threading.Lock()

    def note(self, who: str, did: str) -> None:
        """Add to the list. What was done is done: where the list cannot be written, that is logged."""
        row = {"at": time.time(), "who": printable(who)[:64], "did": printable(did)[:LONGEST]}
        try:
            with self._lock, self._database.write() as connection:
                made = connection.execute(insert(audit).values(row)).inserted_primary_key
                if made:
                    connection.execute(delete(audit).where(audit.c.number <= made[0] - self._kept))
        except StorageError as error:
            log.warning("%s %s, but the list of who did what cannot be written: %s", row["who"], row["did"], error)

    def entries(self, before: int | None = None, limit: int = 50) -> tuple[Entry, ...]:
        """What was done, newest first, before the entry of this number."""
        query = select(audit).order_by(desc(audit.c.number)).limit(limit)
        if before is not None:
            query = query.where(audit.c.number < before)
        with self._database.read() as connection:
            return tuple(
                Entry(number=row.number, at=datetime.fromtimestamp(row.at, UTC), who=row.who, did=row.did)
                for row in connection.execute(query)
            )
