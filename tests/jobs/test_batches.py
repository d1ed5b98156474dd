"""Who joins a batch, and what becomes of it when a job is stopped, too large, or takes the engine with it."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.jobs.conftest import Box
from tests.waiting import until
from webui.core.protocol import RunJob
from webui.jobs.engine_client import SubprocessClient
from webui.jobs.fair_queue import PREFERENCE, FairQueue, QueueEntry


def waiting(name, owner, together="k", checkpoint="m"):
    return QueueEntry(0, float(name), str(name), owner, checkpoint, together)


def test_only_jobs_with_the_same_key_join():
    chooser = FairQueue([waiting(1, "a", "other"), waiting(2, "b"), waiting(3, "c", "")])
    assert chooser.select("m", batch="k").id == "2"
    assert chooser.select("m", batch="") is None, "nothing joins a job that is alone"
    chooser.discard("2", "b")
    assert chooser.select("m", batch="k") is None
    assert chooser.select("m").id == "1"


def test_a_model_that_is_kept_warm_counts_as_loaded():
    chooser = FairQueue([waiting(1, "a", checkpoint="cold"), waiting(2, "b", checkpoint="warm")])
    assert chooser.select("m").id == "1"
    assert chooser.select("m", warm=("m", "warm")).id == "2"


def test_an_owner_who_has_enough_there_is_passed_over():
    chooser = FairQueue([waiting(1, "a"), waiting(2, "b")])
    assert chooser.select("m", batch="k", without={"a"}).id == "2"
    assert chooser.select("m", batch="k", without={"a", "b"}) is None


def test_a_job_that_cannot_join_is_overtaken_a_bounded_number_of_times():
    chooser = FairQueue([waiting(0, "slow", "other"), *(waiting(number, f"o{number}") for number in range(1, 30))])
    joined = 0
    while (job := chooser.select("m", batch="k")) is not None:
        chooser.charge(job)
        joined += 1
    assert joined == PREFERENCE
    assert chooser.select("m").id == "0", "when the batch has run dry, it is its turn"


def test_a_job_that_is_given_back_keeps_its_turn():
    chooser = FairQueue([waiting(1, "a"), waiting(2, "b")])
    chooser.charge(first := chooser.select(""))
    chooser.refund(first.id, first.owner)
    chooser.add(first)
    assert chooser.select("").id == first.id


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from(["k", "l", ""])), min_size=1, max_size=40), st.integers(0, 3))
def test_no_turn_is_overtaken_more_often_than_the_bound_says(jobs, finishing):
    """An engine that takes all it may, and whose jobs end `finishing` + 1 choices later: whoever's turn it is waits a bounded time."""
    chooser = FairQueue([waiting(number, owner, key, key or "alone") for number, (owner, key) in enumerate(jobs)])
    running, key, served, due, overtaken = [], None, 0, None, 0
    while served < len(jobs):
        order = chooser.order()
        if order and order[0] != due:
            due, overtaken = order[0], 0
        job = chooser.select(key or "", batch=key if running else None)
        if job is None:
            assert running, "an idle engine is never left without work"
            running.pop(0)
            continue
        chooser.charge(job)
        overtaken += job.id != due
        assert overtaken <= PREFERENCE
        running, key, served = [*running, job.id], job.batch_key, served + 1
        if len(running) > finishing:
            running.pop(0)


@pytest.fixture
def started(box):
    box.start()
    return box


def running_together(box: Box, *jobs, seconds: float = 30.0) -> set[str]:
    """Wait until the engine has all of these jobs; gives their ids."""
    wanted = {job.id for job in jobs}
    until(lambda: wanted <= set(box.queue.engines()[0].jobs), seconds)
    return wanted


def test_jobs_of_several_owners_run_side_by_side_and_end_by_themselves(started):
    first = started.submit("never", owner="ann")
    second, third = (started.submit("slow", owner=owner, seed=2) for owner in ("bob", "cy"))
    running_together(started, first, second, third)
    assert [started.wait(job.id).state for job in (second, third)] == ["done", "done"]
    assert started.queue.get(first.id).state == "running"
    started.queue.cancel(first.id)
    assert started.wait(first.id).state == "cancelled"
    started.wait_idle()
    assert len(started.links) == 1


def test_an_idle_engine_is_told_with_each_job_of_a_batch_whether_another_follows(box, monkeypatch):
    sent, send = [], SubprocessClient.send

    def noted(client, message):
        sent.extend([message] if isinstance(message, RunJob) else [])
        return send(client, message)

    monkeypatch.setattr(SubprocessClient, "send", noted)
    for owner in ("ann", "bob", "cy"):
        box.submit("never", owner=owner)
    box.start()
    until(lambda: len(sent) == 3)
    box.submit("never", owner="dan")
    until(lambda: len(sent) == 4)
    assert [(message.owner, message.more) for message in sent] == [("ann", True), ("bob", True), ("cy", False), ("dan", False)]


def test_a_job_goes_to_an_idle_engine_rather_than_into_a_batch(tmp_path):
    box = Box(tmp_path, devices=("cpu", "cpu"))
    box.start()
    box.wait_ready()
    jobs = [box.submit("never", owner=owner) for owner in ("ann", "bob", "cy")]
    for job in jobs:
        box.wait(job.id, "running")
    until(lambda: sorted(len(engine.jobs) for engine in box.queue.engines()) == [1, 2])
    for job in jobs:
        box.queue.cancel(job.id)
        assert box.wait(job.id).state == "cancelled"
    box.close()


def test_one_owners_jobs_run_one_after_another_on_a_cpu(started):
    first, second = started.submit("never", owner="ann"), started.submit("x", owner="ann")
    running_together(started, first)
    time.sleep(0.3)
    assert started.queue.get(second.id).state == "queued"
    started.queue.cancel(first.id)
    assert started.wait(second.id).state == "done"


def test_batches_can_be_turned_off(tmp_path):
    box = Box(tmp_path, batch_jobs=1)
    box.start()
    first, second = box.submit("never", owner="ann"), box.submit("x", owner="bob")
    running_together(box, first)
    time.sleep(0.3)
    assert box.queue.get(second.id).state == "queued"
    box.queue.cancel(first.id)
    assert box.wait(second.id).state == "done"
    box.close()


def test_a_job_that_is_too_large_beside_the_others_waits_and_is_no_attempt(started):
    first = started.submit("slow", owner="ann", steps=30)
    running_together(started, first)
    large = started.submit("large", owner="bob")
    done = started.wait(large.id)
    assert done.state == "done" and done.attempts == 0
    reasons = [event.reason for event in started.store.events_after(0, large.id) if event.type == "queued"]
    assert reasons[1:] and set(reasons[1:]) == {"there is not enough memory beside the running jobs"}
    assert started.queue.get(first.id).finished <= done.started


def test_an_engines_death_puts_all_of_its_jobs_back_and_each_runs_alone_then(started):
    neighbours = [started.submit("slow", owner=owner, steps=40) for owner in ("ann", "bob")]
    running_together(started, *neighbours)
    started.submit("crash", owner="cy")
    jobs = [started.wait(job.id) for job in neighbours]
    assert [job.state for job in jobs] == ["done", "done"]
    assert max(job.attempts for job in jobs) <= 1
    queued = [[event.reason for event in started.store.events_after(0, job.id) if event.type == "queued"] for job in jobs]
    assert queued == [["", "killed by the system, probably out of memory"]] * 2
    spans = sorted((job.started, job.finished) for job in jobs)
    assert spans[0][1] <= spans[1][0], "after a death each runs alone"
