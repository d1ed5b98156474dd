"""Grids and their cells in the database. A cell's job is found again by its idempotency key, whatever died between the two rows."""

import time
from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError
from sqlalchemy import ColumnElement, and_, case, desc, func, insert, or_, select, update

from webui.core.grid import Cell, Grid, GridPlan
from webui.db.database import Database
from webui.db.mapping import new_id
from webui.db.tables import grid_cells, grids, jobs
from webui.errors import Conflict, NotFound
from webui.grids.plan import Place, places
from webui.jobs.remote_parts import check_not_lost

_STATE: ColumnElement[str] = case(
    (grid_cells.c.error != "", "failed"),
    (jobs.c.state.is_not(None), jobs.c.state),
    (grids.c.cancelled, "cancelled"),
    else_="planned",
)
_OPEN = and_(grid_cells.c.job_id.is_(None), grid_cells.c.error == "")


def job_key(grid_id: str, number: int) -> str:
    """The idempotency key of a cell's job."""
    return f"grid-{grid_id}-{number}"


class GridStore:
    """All reading and writing of grids."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def add(self, plan: GridPlan, owner: str, title: str, priority: int) -> Grid:
        """Keep a new grid with all its cells; it is safe before this returns."""
        values: dict[str, Any] = {"id": new_id(), "owner": owner, "title": title, "cancelled": False, "priority": priority}
        values |= {"plan": plan.model_dump_json(), "created": time.time()}
        with self._db.write() as connection:
            connection.execute(insert(grids).values(values))
            connection.execute(insert(grid_cells), _rows(values["id"], 0, list(places(plan))))
        return self.get(str(values["id"]))

    def grow(self, grid_id: str, known: GridPlan, plan: GridPlan) -> None:
        """Add the cells that a plan has and the known one has not. Raises `Conflict` when another one was known, or it was cancelled."""
        with self._db.write() as connection:
            row = connection.execute(select(grids.c.plan, grids.c.cancelled).where(grids.c.id == grid_id)).one()
            if row.cancelled:
                raise Conflict("The grid was stopped. Make a new one.")
            if GridPlan.model_validate_json(row.plan) != known:
                raise Conflict("The grid has just been changed. Try again.")
            last = connection.execute(select(func.max(grid_cells.c.number)).where(grid_cells.c.grid_id == grid_id)).scalar_one()
            connection.execute(update(grids).where(grids.c.id == grid_id).values(plan=plan.model_dump_json()))
            connection.execute(insert(grid_cells), _rows(grid_id, int(last) + 1, list(places(plan, known))))

    def get(self, grid_id: str) -> Grid:
        """One grid, with how many cells are in which state. Raises `NotFound`."""
        with self._db.read() as connection:
            row = connection.execute(select(grids).where(grids.c.id == grid_id)).first()
        if row is None:
            raise NotFound(f"There is no grid {grid_id}.")
        return _grid(row, self._counts([grid_id]).get(grid_id, {}))

    def find(self, owner: str | None = None, after: str = "", limit: int = 30) -> list[Grid]:
        """Grids, newest first, after the one with the id `after`."""
        query = select(grids).order_by(desc(grids.c.number)).limit(limit)
        if owner is not None:
            query = query.where(grids.c.owner == owner)
        if after:
            query = query.where(grids.c.number < select(grids.c.number).where(grids.c.id == after).scalar_subquery())
        with self._db.read() as connection:
            rows = connection.execute(query).all()
        counts = self._counts([row.id for row in rows])
        return [_grid(row, counts.get(row.id, {})) for row in rows]

    def _counts(self, ids: Sequence[str]) -> dict[str, dict[str, int]]:
        found: dict[str, dict[str, int]] = {}
        states = _cells().with_only_columns(grid_cells.c.grid_id, _STATE.label("state")).where(grid_cells.c.grid_id.in_(ids)).subquery()
        query = select(states.c.grid_id, states.c.state, func.count()).group_by(states.c.grid_id, states.c.state)
        with self._db.read() as connection:
            for row in connection.execute(query):
                found.setdefault(row.grid_id, {})[row.state] = int(row[2])
        return found

    def cells(self, grid_id: str) -> list[Cell]:
        """All cells of a grid in the order in which they are made."""
        query = _cells().where(grid_cells.c.grid_id == grid_id).order_by(grid_cells.c.number)
        with self._db.read() as connection:
            rows = connection.execute(query).all()
        return [_cell(row) for row in rows]

    def cell_at(self, grid_id: str, at: Place) -> Cell:
        """The cell of a place. Raises `NotFound`."""
        x, y, z = at
        here = and_(grid_cells.c.grid_id == grid_id, grid_cells.c.x == x, grid_cells.c.y == y, grid_cells.c.z == z)
        with self._db.read() as connection:
            row = connection.execute(_cells().where(here)).first()
        if row is None:
            raise NotFound(f"The grid {grid_id} has no cell {x}, {y}, {z}.")
        return _cell(row)

    def waiting(self) -> list[str]:
        """Ids of the grids that have cells to submit, oldest first."""
        more = select(grid_cells.c.place).where(grid_cells.c.grid_id == grids.c.id, _OPEN).exists()
        with self._db.read() as connection:
            return list(connection.execute(select(grids.c.id).where(grids.c.cancelled.is_(False), more).order_by(grids.c.number)).scalars())

    def next_cells(self, grid_id: str, limit: int) -> list[tuple[int, Place]]:
        """(number, place) of the next cells to submit; none of a grid that was cancelled."""
        query = (
            select(grid_cells.c.number, grid_cells.c.x, grid_cells.c.y, grid_cells.c.z)
            .join(grids, grids.c.id == grid_cells.c.grid_id)
            .where(grid_cells.c.grid_id == grid_id, _OPEN, grids.c.cancelled.is_(False))
            .order_by(grid_cells.c.number)
            .limit(limit)
        )
        with self._db.read() as connection:
            return [(row.number, (row.x, row.y, row.z)) for row in connection.execute(query)]

    def is_open(self, grid_id: str, number: int) -> bool:
        """Whether a cell is still to be submitted."""
        one = and_(grid_cells.c.grid_id == grid_id, grid_cells.c.number == number, _OPEN, grids.c.cancelled.is_(False))
        query = select(grid_cells.c.number).join(grids, grids.c.id == grid_cells.c.grid_id).where(one)
        with self._db.read() as connection:
            return connection.execute(query).first() is not None

    def unfinished(self, grid_id: str) -> list[str]:
        """Ids of the grid's jobs that wait or run."""
        query = (
            select(jobs.c.id)
            .join(grid_cells, grid_cells.c.job_id == jobs.c.id)
            .where(grid_cells.c.grid_id == grid_id, or_(jobs.c.state == "queued", jobs.c.state == "running"))
        )
        with self._db.read() as connection:
            return list(connection.execute(query).scalars())

    def stopped_with_jobs(self) -> list[str]:
        """Ids of the grids that were cancelled while jobs of theirs still wait or run."""
        query = (
            select(grids.c.id)
            .join(grid_cells, grid_cells.c.grid_id == grids.c.id)
            .join(jobs, jobs.c.id == grid_cells.c.job_id)
            .where(grids.c.cancelled.is_(True), or_(jobs.c.state == "queued", jobs.c.state == "running"))
            .distinct()
        )
        with self._db.read() as connection:
            return list(connection.execute(query).scalars())

    def submitted(self, grid_id: str, number: int, job_id: str) -> None:
        """Note a cell's job."""
        self._set(grid_id, number, job_id=job_id)

    def refused(self, grid_id: str, number: int, error: str) -> None:
        """Note why a cell has no job."""
        self._set(grid_id, number, error=error[:2000] or "It could not be submitted.")

    def _set(self, grid_id: str, number: int, **values: str) -> None:
        with self._db.write() as connection:
            one = and_(grid_cells.c.grid_id == grid_id, grid_cells.c.number == number)
            connection.execute(update(grid_cells).where(one).values(values))

    def try_again(self, grid_id: str, pay_again: bool = False) -> list[str]:
        """Forget why cells have no job, and give the jobs of cells that failed or were stopped.

        Raises `Conflict` for a stopped grid, `PaysAgain` where a cell may have been paid for and that is not wanted once more.
        """
        mine = grid_cells.c.grid_id == grid_id
        failed = select(jobs.c.id, jobs.c.remote).join(grid_cells, grid_cells.c.job_id == jobs.c.id)
        with self._db.write() as connection:
            if connection.execute(select(grids.c.cancelled).where(grids.c.id == grid_id)).scalar_one():
                raise Conflict("The grid was stopped. Make a new one.")
            states = or_(jobs.c.state == "failed", jobs.c.state == "cancelled")
            found = connection.execute(failed.where(mine, states)).all()
            for row in found if not pay_again else ():
                check_not_lost(row.remote)
            connection.execute(update(grid_cells).where(mine).values(error=""))
            return [row.id for row in found]

    def cancel(self, grid_id: str) -> None:
        """Submit no further cell of it."""
        with self._db.write() as connection:
            connection.execute(update(grids).where(grids.c.id == grid_id).values(cancelled=True))


def _cells() -> Any:
    columns = (grid_cells.c.number, grid_cells.c.x, grid_cells.c.y, grid_cells.c.z, grid_cells.c.job_id, grid_cells.c.error)
    joined = grid_cells.join(grids, grids.c.id == grid_cells.c.grid_id).outerjoin(jobs, jobs.c.id == grid_cells.c.job_id)
    return select(*columns, _STATE.label("state")).select_from(joined)


def _cell(row: Any) -> Cell:
    return Cell(number=row.number, x=row.x, y=row.y, z=row.z, job_id=row.job_id, state=row.state, error=row.error)


def _rows(grid_id: str, first: int, at: Sequence[Place]) -> list[dict[str, Any]]:
    return [{"grid_id": grid_id, "number": first + number, "x": x, "y": y, "z": z, "error": ""} for number, (x, y, z) in enumerate(at)]


def _grid(row: Any, counts: dict[str, int]) -> Grid:
    going = sum(counts.get(state, 0) for state in ("planned", "queued", "running"))
    try:
        plan = GridPlan.model_validate_json(row.plan)
    except ValidationError:
        raise Conflict("This grid was stored by a newer Darkroom. Start that version to see it.") from None
    return Grid(
        id=row.id,
        owner=row.owner,
        title=row.title,
        state="cancelled" if row.cancelled else "active" if going else "done",
        priority=row.priority,
        created=row.created,
        plan=plan,
        counts=counts,
    )
