"""Submits the cells of grids, a few at a time, so that they wait their turn, leave room for others and go on after any death."""

import math
import sys
import threading
import traceback
from collections.abc import Callable
from datetime import UTC, datetime

from webui.core.grid import Grid, place_of
from webui.core.job import FINAL_STATES
from webui.errors import LimitReached, RequestError, StorageError, WebUIError
from webui.grids.plan import Place, before, cell_request
from webui.grids.store import GridStore, job_key
from webui.jobs.events import Message
from webui.jobs.queue import JobQueue

LEAST_AHEAD = 16
"""Jobs of one grid that wait or run at a time, at least."""
AGAIN = 30.0
"""Seconds after which a limit or a full disk is tried again."""


class GridRunner:
    """A thread that keeps some of each grid's cells in the queue. It is woken when a job has ended or a grid has come."""

    def __init__(self, store: GridStore, queue: JobQueue, ahead: Callable[[], int]) -> None:
        """`ahead`: how many jobs the engines take at once."""
        self._store, self._queue, self._ahead = store, queue, ahead
        self._changed = threading.Event()
        self._stopping = False
        self._has_cells = True
        self._thread: threading.Thread | None = None
        self.feeding = threading.Lock()
        """Held while cells of any grid are submitted or stopped."""
        queue.events.listen(self._heard)

    def start(self) -> None:
        """Go on where the last run was: what was stopped is stopped whole, the rest is submitted."""
        for grid_id in self._store.stopped_with_jobs():
            self.stop_jobs(grid_id)
        self._changed.set()
        self._thread = threading.Thread(target=self._run, name="grids", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Submit nothing more; waits for what is being submitted."""
        self._stopping = True
        self._changed.set()
        if self._thread is not None:
            self._thread.join(10)

    def wake(self) -> None:
        """Look for cells to submit; where another process leads, it is told to."""
        self._changed.set()
        self._queue.tell_others("grids")

    def woken(self) -> None:
        """Another process has changed a grid: what it stopped is stopped whole, the rest is submitted."""
        for grid_id in self._store.stopped_with_jobs():
            self.stop_jobs(grid_id)
        self._changed.set()

    def stop_jobs(self, grid_id: str) -> None:
        """Stop the jobs of a grid that wait or run."""
        for job_id in self._store.unfinished(grid_id):
            self._queue.cancel(job_id)

    def _heard(self, message: Message) -> None:
        if message.kind in FINAL_STATES and self._has_cells:
            self._changed.set()

    def _run(self) -> None:
        again = math.inf
        while not self._stopping:
            self._changed.wait(None if again == math.inf else max(again, 0.1))
            self._changed.clear()
            again = math.inf
            try:
                waiting = self._store.waiting()
                self._has_cells = bool(waiting)
                for grid_id in waiting:
                    again = min(again, self.feed(grid_id))
            except StorageError:
                again = AGAIN / 6
            except Exception:
                traceback.print_exc()
                print("Grids: submitting cells failed; it is tried again.", file=sys.stderr)
                again = AGAIN

    def feed(self, grid_id: str) -> float:
        """Submit as many cells as there is room for. Gives the seconds after which to try again what a limit forbids, else infinity."""
        room = max(LEAST_AHEAD, 2 * self._ahead()) - len(self._store.unfinished(grid_id))
        cells = self._store.next_cells(grid_id, room) if room > 0 else []
        grid = self._store.get(grid_id)  # after its cells: it only grows
        for number, at in cells:
            if self._stopping:
                break
            try:
                with self.feeding:
                    self._submit(grid, number, at)
            except LimitReached as limit:
                return _until(limit)
        return math.inf

    def _submit(self, grid: Grid, number: int, at: Place) -> None:
        """Submit one cell, unless its job is there, the grid has been stopped, or the cell before it is still being made."""
        if not self._store.is_open(grid.id, number):
            return  # stopped meanwhile
        key = job_key(grid.id, number)
        known = self._queue.store.id_by_key(grid.owner, key)
        if known is None:
            try:
                start = self._start(grid, at)
                if start is None:
                    return
                place = place_of(grid.id, grid.title, grid.plan, at)
                request = cell_request(grid.plan, at, number, start)
                known = self._queue.submit(request, grid.owner, grid.priority, key, place=place).id
            except (LimitReached, StorageError):
                raise
            except WebUIError as error:
                self._store.refused(grid.id, number, str(error))
                return
        self._store.submitted(grid.id, number, known)

    def _start(self, grid: Grid, at: Place) -> str | None:
        """The picture that a cell starts from: "" where the request says it, None while it is being made. Raises `RequestError`."""
        one = before(grid.plan, at)
        if one is None:
            return ""
        cell = self._store.cell_at(grid.id, one)
        if cell.state in ("failed", "cancelled"):
            raise RequestError("init", "The picture before it was not made. Try that one again first.")
        if cell.state != "done" or cell.job_id is None:
            return None
        records = self._queue.store.images_of([cell.job_id]).get(cell.job_id, ())
        if not records:
            raise RequestError("init", "The picture before it was not kept.")
        return records[0].id


def _until(limit: LimitReached) -> float:
    """Seconds until it is worth trying again; a job that ends wakes the thread anyway."""
    if limit.renews is None:
        return AGAIN
    return max(min((limit.renews - datetime.now(UTC)).total_seconds(), 3600.0), 1.0)
