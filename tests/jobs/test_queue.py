"""A job is safe before submit returns; whose turn it is follows the stated rule; keys make a submit happen once."""

import asyncio
import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event

from tests.jobs.conftest import Box
from tests.whole_requests import resolve_without_models
from webui.core.events import Done
from webui.core.request import GenerationRequest
from webui.errors import Conflict, NotFound
from webui.jobs.fair_queue import PREFERENCE, round_robin
from webui.jobs.queue import JobQueue


def test_a_submitted_job_is_there_after_a_restart(tmp_path):
    box = Box(tmp_path)
    job = box.submit("a red apple", owner="ann")
    box.open()
    again = box.queue.get(job.id)
    assert (again.state, again.owner, again.request.prompt, again.request.seed) == ("queued", "ann", "a red apple", 1)
    box.close()


class Deaf:
    """Engines that are told everything and do nothing of it."""

    def __init__(self) -> None:
        self.told = []

    def wake(self) -> None: ...

    def free_memory(self) -> None: ...

    def preview_changed(self) -> None: ...

    def cancel(self, job_id: str, how: str) -> bool:
        self.told.append(how)
        return True


@pytest.mark.parametrize(("how", "state", "kept"), [("stop", "cancelled", ""), ("after", "queued", "after"), ("skip", "queued", "")])
def test_a_stop_outlives_the_program(tmp_path, how, state, kept):
    box = Box(tmp_path)
    box.queue = JobQueue(box.state, resolve_without_models, Deaf())
    jobs = [box.submit(words, batch_count=2) for words in ("one", "two")]
    assert [box.dispatch.take("e", "").id for _ in jobs] == [job.id for job in jobs]
    box.queue.cancel(jobs[0].id, how)
    for _ in range(2):
        box.reopen()
        box.dispatch.recover()
        assert [box.queue.get(job.id).state for job in jobs] == [state, "queued"]
        assert [box.queue.cancel_requested(job.id) for job in jobs] == [kept, ""]
    if state == "queued":
        box.dispatch.take("e", "")
        box.dispatch.handle_event(Done(job_id=jobs[0].id), jobs[0].request)
        assert box.queue.cancel_requested(jobs[0].id) == ""
    box.close()


def test_an_engine_that_takes_a_job_while_it_is_stopped_is_told(box):
    """Between the look at a waiting job and its end in the database an engine may have taken it: it worked on for nobody, for ever."""
    engines = Deaf()
    box.queue = JobQueue(box.state, resolve_without_models, engines)
    job = box.submit("one")
    look, taken = box.queue.store.get, []

    def taken_after_a_look(job_id):
        found = look(job_id)
        if not taken:
            taken.append(box.dispatch.take("e", "").id)
        return found

    box.queue.store.get = taken_after_a_look
    box.queue.cancel(job.id)
    assert taken == [job.id] and engines.told == ["stop"] and look(job.id).state == "cancelled"


def test_a_database_that_cannot_be_written_keeps_nobody_from_stopping(box):
    engines = Deaf()
    box.queue = JobQueue(box.state, resolve_without_models, engines)
    first, second = (box.submit(words) for words in ("one", "two"))
    for _ in (first, second):
        box.dispatch.take("e", "")
    listener = (box.database._engine, "begin", lambda connection: connection.exec_driver_sql("PRAGMA query_only=ON"))
    event.listen(*listener)
    box.queue.cancel(first.id)
    event.remove(*listener)
    with box.database._engine.begin() as connection:
        connection.exec_driver_sql("PRAGMA query_only=OFF")
    box.queue.cancel(second.id, "after")
    assert engines.told == ["stop", "after"]
    box.reopen()
    assert [box.queue.cancel_requested(job.id) for job in (first, second)] == ["stop", "after"]


def test_the_same_key_is_the_same_job(box):
    request = GenerationRequest(prompt="x")
    first = box.queue.submit(request, "ann", idempotency_key="k")
    assert box.queue.submit(request, "ann", idempotency_key="k").id == first.id
    assert box.queue.submit(request, "bob", idempotency_key="k").id != first.id
    with pytest.raises(Conflict, match="new key"):
        box.queue.submit(GenerationRequest(prompt="y"), "ann", idempotency_key="k")


def test_many_submits_at_once_all_arrive(box):
    with ThreadPoolExecutor(16) as pool:
        ids = list(pool.map(lambda number: box.submit(str(number), owner=f"u{number % 5}").id, range(300)))
    assert len(set(ids)) == 300 and box.store.count("queued") == 300


def test_owners_take_turns_then_priority_then_age(box):
    for name, owner, priority in (("a1", "ann", 0), ("a2", "ann", 0), ("a3", "ann", 5), ("b1", "bob", 0), ("b2", "bob", 0)):
        box.submit(name, owner, priority=priority)
    order = [box.queue.get(job_id).request.prompt for job_id in box.queue.waiting_order()]
    assert order == ["a3", "b1", "a1", "b2", "a2"]
    taken = [box.dispatch.take("e", "").request.prompt for _ in range(5)]
    assert taken == order
    assert box.dispatch.take("e", "") is None


def test_a_loaded_model_is_preferred_but_nobody_waits_for_ever(box):
    box.submit("other", "ann", checkpoint="other [1]")
    for number in range(20):
        box.submit(f"tiny{number}", f"u{number}")
    taken = [box.dispatch.take("e", "tiny [0]").request.prompt for _ in range(PREFERENCE + 1)]
    assert taken[-1] == "other" and all(prompt.startswith("tiny") for prompt in taken[:-1])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20, deadline=None)
@given(
    owners=st.lists(st.sampled_from("abcd"), min_size=1, max_size=25),
    checkpoints=st.lists(st.sampled_from(["m1 [1]", "m2 [2]"]), min_size=25, max_size=25),
)
def test_every_owner_is_served_within_the_stated_bound(box, owners, checkpoints):
    ids = {box.submit(owner, owner, checkpoint=checkpoint).id for owner, checkpoint in zip(owners, checkpoints, strict=False)}
    waited: dict[str, int] = {}
    loaded = ""
    while (job := box.dispatch.take("e", loaded)) is not None:
        loaded = job.request.checkpoint
        ids.discard(job.id)
        waiting = {job.owner for job in box.store.waiting()}
        waited = {owner: waited.get(owner, 0) + 1 for owner in waiting if owner != job.owner}
        assert all(count <= (len(waiting) + 1) * (PREFERENCE + 1) for count in waited.values())
    assert ids == set(), "a job was lost"


def test_moving_changes_only_ones_own_order(box):
    jobs = [box.submit(name, "ann") for name in "abc"]
    box.submit("z", "bob")
    box.queue.move(jobs[2].id, "up")
    box.queue.move(jobs[0].id, "down")
    order = [box.queue.get(job_id).request.prompt for job_id in box.queue.waiting_order()]
    assert [name for name in order if name != "z"] == ["c", "a", "b"]
    box.queue.move(jobs[1].id, "top")
    order = [box.queue.get(job_id).request.prompt for job_id in box.queue.waiting_order()]
    assert [name for name in order if name != "z"] == ["b", "c", "a"]


def test_a_paused_queue_starts_nothing_and_stays_paused_over_a_restart(box):
    box.submit()
    box.queue.pause()
    assert box.dispatch.take("e", "") is None
    box.open()
    assert box.queue.paused and box.dispatch.take("e", "") is None
    box.queue.pause(False)
    assert box.dispatch.take("e", "") is not None


def test_a_waiting_job_is_cancelled_at_once_and_can_be_tried_again(box):
    job = box.submit()
    assert box.queue.cancel(job.id).state == "cancelled"
    assert box.dispatch.take("e", "") is None
    assert box.queue.retry(job.id).state == "queued"
    with pytest.raises(Conflict):
        box.queue.retry(job.id)
    assert box.queue.cancel_all("local") == 1


def test_unknown_jobs_are_not_found(box):
    for act in (box.queue.get, box.queue.cancel, box.queue.owner_of):
        with pytest.raises(NotFound):
            act("nothing")


def test_a_job_from_a_newer_version_fails_and_the_queue_goes_on(box):
    from sqlalchemy import update

    from webui.db.tables import jobs

    old, new = box.submit("old"), box.submit("new")
    with box.database.write() as connection:
        connection.execute(update(jobs).where(jobs.c.id == new.id).values(request='{"warp_drive": true}'))
    failed = box.store.fail_unreadable()
    assert failed == [new.id]
    assert "newer Darkroom" in box.queue.get(new.id).error.message
    for act in (box.queue.retry, box.queue.resubmit):
        with pytest.raises(Conflict, match="newer Darkroom"):
            act(new.id)
    assert box.dispatch.take("e", "").id == old.id


def test_what_a_newer_version_stored_is_shown_as_far_as_it_is_known(box):
    from sqlalchemy import update

    from webui.db.tables import events, jobs

    job = box.submit("a red apple")
    body = job.request.model_dump(mode="json") | {"warp_drive": True, "sampler": {"name": "of the future"}}
    with box.database.write() as connection:
        connection.execute(
            update(jobs).where(jobs.c.id == job.id).values(request=json.dumps(body), plan='{"device": 7, "tea": 1}', state="done")
        )
        connection.execute(update(events).where(events.c.job_id == job.id).values(body='{"type": "transcended"}'))
    shown = box.queue.jobs()[0]
    assert (shown.request.prompt, shown.request.seed, shown.plan) == ("a red apple", 1, None)
    assert box.store.events_after(0, job.id) == []
    later = box.submit("next")
    assert [event.job_id for event in box.store.events_after(0)] == [later.id]


def test_order_does_not_depend_on_the_clock(box, monkeypatch):
    first = box.submit("first")
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now - 3600)
    second = box.submit("second")
    assert box.queue.waiting_order() == [first.id, second.id]
    assert box.dispatch.take("e", "").id == first.id
    box.dispatch.handle_event(Done(job_id=first.id, seconds=2.0), first.request)
    monkeypatch.setattr(time, "time", lambda: now - 7200)
    assert box.dispatch.take("e", "").id == second.id
    monkeypatch.setattr(time, "time", lambda: now - 9000)
    box.dispatch.handle_event(Done(job_id=second.id), second.request)
    assert [event.seq for event in box.store.events_after(0)] == sorted(event.seq for event in box.store.events_after(0))
    assert [job.state for job in box.queue.jobs()] == ["done", "done"] and box.store.timings() == []


def test_more_stored_events_than_fit_in_one_reading_all_arrive(box, monkeypatch):
    monkeypatch.setattr("webui.jobs.queue.MAX_LIST", 7)
    ids = [box.submit(str(number)).id for number in range(30)]

    async def read():
        found = []
        async for message in box.queue.follow(0):
            found.append(message.job_id)
            if len(found) == 30:
                return found

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(lambda: asyncio.run(asyncio.wait_for(read(), 10))).result() == ids


def test_all_of_ones_jobs_are_stopped_however_many(box, monkeypatch):
    monkeypatch.setattr("webui.jobs.queue.MAX_LIST", 10)
    for number in range(35):
        box.submit(str(number), "ann")
    box.submit("his", "bob")
    assert box.queue.cancel_all("ann") == 35
    assert box.store.count("queued") == 1


def test_followers_read_stored_events_from_any_point_then_live_ones(box):
    async def follow():
        job = box.submit("first")
        seen = []

        async def read():
            async for message in box.queue.follow(0, job.id):
                seen.append(message.kind)

        reader = asyncio.create_task(read())
        await asyncio.sleep(0.05)
        await asyncio.to_thread(box.dispatch.take, "e", "")
        await asyncio.to_thread(box.queue.cancel, job.id)
        await asyncio.wait_for(reader, 10)
        return job, seen

    job, seen = asyncio.run(follow())
    assert seen == ["queued", "started", "cancelled"]
    stored = [event.type for event in box.store.events_after(0, job.id)]
    assert stored == seen
    first = box.store.events_after(0)[0].seq
    assert [event.type for event in box.store.events_after(first, job.id)] == ["started", "cancelled"]


def test_the_order_shown_is_round_robin():
    assert round_robin([["1", "2", "5"], ["3"], ["4"]]) == ["1", "3", "4", "2", "5"]
    assert round_robin([]) == []
