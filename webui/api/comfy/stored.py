"""Graphs that were sent, in the database: a client that asks after a restart is told what it made of them."""

import json
from collections.abc import Mapping

from sqlalchemy import delete, func, insert, select

from webui.api.comfy.sent import End, Sent
from webui.db.database import Database
from webui.db.tables import graphs

MOST = 2000
"""Jobs whose graphs are kept, of everybody's; the oldest go first."""
LONGEST = 2**20
"""Letters of a graph that is kept."""


class StoredGraphs:
    """What jobs make of graphs, by job and by what their owner calls them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, owner: str, prompt_id: str, made: Mapping[str, Sent]) -> None:
        """Keep what each of these jobs makes of a graph. One that is far too long is not kept."""
        rows = [{"job_id": job, "owner": owner, "prompt_id": prompt_id, "body": _text(sent)} for job, sent in made.items()]
        rows = [row for row in rows if len(row["body"]) <= LONGEST]
        if not rows:
            return
        with self._database.write() as connection:
            connection.execute(delete(graphs).where(graphs.c.owner == owner, graphs.c.prompt_id == prompt_id))
            connection.execute(insert(graphs), rows)
            newest = connection.execute(select(func.max(graphs.c.number))).scalar_one()
            connection.execute(delete(graphs).where(graphs.c.number <= newest - MOST))

    def of(self, job_id: str) -> Sent | None:
        """What a job makes of a graph."""
        with self._database.read() as connection:
            row = connection.execute(select(graphs.c.body, graphs.c.prompt_id).where(graphs.c.job_id == job_id)).first()
        return None if row is None else _sent(row.body, row.prompt_id)

    def jobs_of(self, owner: str, prompt_id: str) -> tuple[str, ...]:
        """The jobs of the graph that their owner calls so, in their order; none where there is none."""
        query = select(graphs.c.job_id).where(graphs.c.owner == owner, graphs.c.prompt_id == prompt_id).order_by(graphs.c.number)
        with self._database.read() as connection:
            return tuple(connection.execute(query).scalars())


def _text(sent: Sent) -> str:
    ends = [[end.node, end.decoded] for end in sent.ends]
    return json.dumps({"graph": sent.graph, "ends": ends, "client": sent.client}, ensure_ascii=False, separators=(",", ":"))


def _sent(body: str, prompt_id: str) -> Sent:
    kept = json.loads(body)
    ends = tuple(End(node, None if decoded is None else (decoded[0], decoded[1])) for node, decoded in kept["ends"])
    return Sent(kept["graph"], ends, kept["client"], prompt_id)
