"""A machine learns how long its jobs take."""

import pytest

from tests.whole_requests import resolved
from webui.core.job import Said
from webui.core.request import HiresOptions
from webui.jobs.estimates import Estimates, work
from webui.jobs.store import JobStore

REQUEST = resolved(width=64, height=64, steps=10, checkpoint="tiny [0]")


def stored(box, prompt: str) -> str:
    """A job of `REQUEST`'s size."""
    return JobStore(box.database).add(REQUEST.model_copy(update={"prompt": prompt}), "local", 0, None, "", Said())[0].id


def test_work_grows_with_pixels_steps_and_pictures():
    assert work(REQUEST.model_copy(update={"batch_count": 3})) == pytest.approx(3 * work(REQUEST))
    assert work(REQUEST.model_copy(update={"steps": 20})) > 1.5 * work(REQUEST)
    assert work(REQUEST.model_copy(update={"width": 128})) == pytest.approx(2 * work(REQUEST))
    assert work(REQUEST.model_copy(update={"hires": HiresOptions()})) > 3 * work(REQUEST)
    assert work(REQUEST.model_copy(update={"mode": "img2img", "strength": 0.5})) < work(REQUEST)


def test_nothing_is_claimed_before_the_first_job_and_the_median_after(box):
    estimates = Estimates(JobStore(box.database))
    assert estimates.seconds(REQUEST) is None
    for name, seconds in (("a", 2.0), ("b", 2.0), ("c", 90.0)):
        estimates.note(stored(box, name), seconds)
    estimates.note("removed meanwhile", 1.0)
    assert estimates.seconds(REQUEST) == pytest.approx(2.0)
    assert estimates.seconds(REQUEST.model_copy(update={"batch_count": 2})) == pytest.approx(4.0)
    assert estimates.seconds(REQUEST.model_copy(update={"checkpoint": "unknown [1]"})) is not None


def test_starts_add_up_and_are_shared_by_engines(box):
    estimates = Estimates(JobStore(box.database))
    assert estimates.seconds(REQUEST) is None
    estimates.note(stored(box, "a"), 2.0)
    assert estimates.starts(1.0, [REQUEST, REQUEST, REQUEST]) == pytest.approx([1.0, 3.0, 5.0])
    assert estimates.starts(1.0, [REQUEST, REQUEST], engines=2) == pytest.approx([1.0, 2.0])
    assert estimates.starts(None, [REQUEST]) == [None]


def test_the_line_is_made_once_for_everybody_and_anew_when_it_changes(box, monkeypatch):
    monkeypatch.setattr("webui.jobs.queue_view.SHOWN", 2)
    ids = [box.submit(name).id for name in "abc"]
    line = box.queue.line()
    assert box.queue.line() is line
    assert [entry["id"] for entry in line] == ids and [entry["place"] for entry in line] == [1, 2, 3]
    assert line[2]["starts_in"] is None
    box.queue.cancel(ids[0])
    assert [(entry["id"], entry["place"]) for entry in box.queue.line()] == [(ids[1], 1), (ids[2], 2)]


def test_the_line_tells_places(box):
    ids = [box.submit(name).id for name in "ab"]
    line = box.queue.line()
    assert [(entry["id"], entry["place"], entry["starts_in"]) for entry in line] == [(ids[0], 1, 0.0), (ids[1], 2, None)]
