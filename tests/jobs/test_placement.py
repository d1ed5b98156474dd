"""Which engine a job is left to: the one that has its model, else one that need not drop another; nobody waits without need."""

import pytest

from webui.jobs.placement import EngineStatus, better_elsewhere

GB = 2**30


def engine(name, state="ready", loaded="", device="cuda:0", resident=4 * GB, warm=()):
    return EngineStatus(name=name, device=device, state=state, loaded=loaded, resident=resident, warm=warm)


@pytest.mark.parametrize(
    ("me", "other", "left"),
    [
        (engine("a"), engine("b", device="cuda:1"), False),
        (engine("a"), engine("b", loaded="m", device="cuda:1"), True),
        (engine("a", loaded="m"), engine("b", loaded="m", device="cuda:1"), False),
        (engine("a", loaded="n", warm=("n", "m")), engine("b", loaded="m", device="cuda:1"), False),
        (engine("a", loaded="n"), engine("b", loaded="o", warm=("o", "m"), device="cuda:1"), True),
        (engine("a", loaded="n"), engine("b", device="cuda:1"), True),
        (engine("a", loaded="n"), engine("b", loaded="o", device="cuda:1"), False),
        (engine("a"), engine("b", "working", loaded="m", device="cuda:1"), False),
        (engine("a", loaded="n"), engine("b", "restarting", device="cuda:1"), False),
        (engine("a", device="cpu"), engine("b", "working", loaded="m", device="cpu"), True),
        (engine("a", device="cpu"), engine("b", "working", loaded="m", device="cpu", resident=GB), False),
    ],
)
def test_a_job_is_left_to_the_engine_that_serves_it_soonest(me, other, left):
    assert better_elsewhere("m", me, [me, other], free=lambda: 2 * GB) is left


def test_the_queue_gives_a_job_to_the_idle_engine_that_has_its_model(box):
    job = box.submit(checkpoint="m [1]")
    for status in (engine("a", loaded="n [0]"), engine("b", loaded="m [1]", device="cuda:1")):
        box.dispatch.set_engine(status)
    assert box.dispatch.take("a", "n [0]") is None
    assert box.dispatch.take("b", "m [1]").id == job.id


def test_jobs_behind_one_that_is_left_are_taken(box):
    box.submit(checkpoint="m [1]")
    other = box.submit(checkpoint="n [0]", owner="bob")
    for status in (engine("a", loaded="n [0]"), engine("b", loaded="m [1]", device="cuda:1")):
        box.dispatch.set_engine(status)
    assert box.dispatch.take("a", "n [0]").id == other.id
