"""Grids on a real database and queue: planned at once, submitted a few at a time, gone on with after a restart, stopped, added to."""

import pytest

from tests.jobs.conftest import Box
from tests.waiting import until
from tests.whole_requests import resolve_without_models
from webui.core.events import Done
from webui.core.grid import GridWish
from webui.errors import Conflict, LimitReached, NotFound, RequestError
from webui.grids.runner import LEAST_AHEAD
from webui.grids.service import Grids
from webui.grids.store import GridStore, job_key

STEPS = {"kind": "Steps", "values": "1-5"}


class Place:
    """Grids over a queue without engines; `again` is a restart of web."""

    def __init__(self, folder):
        self.box, self.limit = Box(folder), None
        self._grids()

    def _grids(self):
        self.store = GridStore(self.box.database)
        self.box.queue._check_quotas = self.check
        self.grids = Grids(self.store, self.box.queue, self.box.gallery, resolve_without_models, lambda: 1)
        self.runner = self.grids.runner

    def check(self, owner, request):
        if self.limit is not None and len(self.box.queue.jobs(("queued", "running"), owner=owner)) >= self.limit:
            raise LimitReached("You have enough.")

    def again(self):
        self.box.reopen()
        self._grids()

    def make(self, *axes, owner="ann", **more):
        return self.grids.create(GridWish(axes=axes or (STEPS,), **more), owner)

    def jobs(self):
        return self.box.queue.jobs(limit=1000)

    def finish(self, count=1000):
        waiting = [job for job in self.jobs() if job.state == "queued"][:count]
        for job in waiting:
            self.box.state.end(Done(job_id=job.id))
        return len(waiting)


@pytest.fixture
def place(tmp_path):
    made = Place(tmp_path)
    yield made
    made.runner.stop()
    made.box.database.close()


def test_a_cell_is_a_job_that_knows_its_place(place):
    grid = place.make(STEPS, {"kind": "CFG Scale", "values": "3, 7"}, title="Mine")
    assert (grid.total, grid.counts, grid.state) == (10, {"planned": 10}, "active")
    place.runner.feed(grid.id)
    jobs = place.jobs()
    assert len(jobs) == 10 and {job.owner for job in jobs} == {"ann"} and {job.priority for job in jobs} == {-1}
    assert jobs[0].grid.labels == ("Steps: 1", "CFG Scale: 3") and jobs[0].grid.title == "Mine"
    assert place.grids.get(grid.id).counts == {"queued": 10}
    place.finish()
    assert (place.grids.get(grid.id).counts, place.grids.get(grid.id).state) == ({"done": 10}, "done")


def test_only_some_wait_at_a_time(place):
    grid = place.make({"kind": "Seed", "values": "1-100"})
    made = 0
    while place.grids.get(grid.id).state == "active":
        place.runner.feed(grid.id)
        place.runner.feed(grid.id)
        assert len([job for job in place.jobs() if job.state == "queued"]) <= LEAST_AHEAD
        made += place.finish(7)
    assert made == 100 == len(place.jobs())


def test_a_restart_anywhere_loses_none_and_makes_none_twice(place):
    grid = place.make({"kind": "Seed", "values": "1-40"})
    submitted = place.store.submitted
    place.runner.feed(grid.id)
    place.finish(10)

    class Died(BaseException):
        pass

    def die(grid_id, number, job_id):
        if number == 20:
            raise Died
        submitted(grid_id, number, job_id)

    place.store.submitted = die
    with pytest.raises(Died):  # between the job's row and the cell's
        place.runner.feed(grid.id)
    place.again()
    while place.grids.get(grid.id).state == "active":
        place.runner.feed(grid.id)
        place.finish()
    jobs = place.jobs()
    assert sorted(job.request.seed for job in jobs) == list(range(1, 41))
    assert {job.idempotency_key for job in jobs} == {job_key(grid.id, number) for number in range(40)}


def test_a_limit_makes_cells_wait_instead_of_being_refused(place):
    place.limit = 3
    grid = place.make()
    assert place.runner.feed(grid.id) < 3600
    assert place.grids.get(grid.id).counts == {"queued": 3, "planned": 2}
    place.finish(2)
    place.runner.feed(grid.id)
    assert place.grids.get(grid.id).counts == {"done": 2, "queued": 3}


def test_the_thread_goes_on_by_itself_as_jobs_end(place):
    place.make({"kind": "Seed", "values": "1-50"})
    place.runner.start()

    def has_ended() -> bool:
        place.finish()
        return place.grids.find("ann")[0].state != "active"

    until(has_ended)
    assert place.grids.find("ann")[0].counts == {"done": 50}


def test_a_stopped_grid_submits_nothing_more_even_after_a_restart(place):
    grid = place.make({"kind": "Seed", "values": "1-40"})
    place.runner.feed(grid.id)
    place.finish(4)
    place.store.cancel(grid.id)  # web dies before the jobs are stopped
    place.again()
    place.runner.start()
    place.runner.stop()
    assert place.grids.get(grid.id).counts == {"done": 4, "cancelled": 36}
    assert len(place.jobs()) == LEAST_AHEAD and place.grids.get(grid.id).state == "cancelled"
    with pytest.raises(Conflict, match="was stopped"):
        place.grids.add(grid.id, 0, "50")


def test_values_are_added_to_a_finished_grid(place):
    grid = place.make()
    place.runner.feed(grid.id)
    place.finish()
    grown = place.grids.add(grid.id, 0, "5, 6-8")
    assert (grown.total, grown.state, grown.counts) == (8, "active", {"done": 5, "planned": 3})
    place.runner.feed(grid.id)
    assert [job.request.steps for job in place.jobs()] == [1, 2, 3, 4, 5, 6, 7, 8]
    with pytest.raises(RequestError, match="1 axes: x"):
        place.grids.add(grid.id, 1, "5")


def test_a_cell_that_is_refused_says_why_and_the_others_are_made(place):
    def resolve(request):
        if request.steps == 3:
            raise RequestError("steps", "Not three.")
        return resolve_without_models(request)

    grid = place.make()
    place.box.queue._resolve = resolve
    place.runner.feed(grid.id)
    place.finish()
    assert place.grids.get(grid.id).counts == {"done": 4, "failed": 1}
    assert [cell.error for cell in place.grids.cells(grid.id) if cell.error] == ["Not three."]
    place.box.queue._resolve = resolve_without_models
    assert place.grids.retry(grid.id).counts == {"done": 4, "planned": 1}
    place.runner.feed(grid.id)
    place.finish()
    assert place.grids.get(grid.id).counts == {"done": 5}


def test_lists_and_what_is_not_there(place):
    mine, theirs = place.make(owner="ann"), place.make(owner="bob")
    assert [grid.id for grid in place.grids.find("ann")] == [mine.id]
    assert [grid.id for grid in place.grids.find()] == [theirs.id, mine.id]
    assert [grid.id for grid in place.grids.find(after=theirs.id)] == [mine.id]
    with pytest.raises(NotFound):
        place.grids.get("nothing")
    with pytest.raises(NotFound):
        place.grids.cancel("nothing")


def test_an_export_has_every_cell_with_its_values(place):
    grid = place.make()
    exported = place.grids.export(grid.id)
    assert [cell["labels"] for cell in exported["cells"]] == [(f"Steps: {steps}",) for steps in range(1, 6)]
    with pytest.raises(RequestError, match="No cell of this grid has a picture"):
        place.grids.sheet(grid.id, 100)
