"""Two web processes in front of one queue in PostgreSQL: what one does the other sees, and nothing is lost or made twice."""

import threading

import pytest

from tests.backends.servers import png
from tests.sharing.conftest import Web
from tests.waiting import until
from webui.core.grid import AxisWish, GridWish
from webui.core.request import GenerationRequest
from webui.errors import LimitReached, StorageError

ENDED = ("done", "failed", "cancelled")


class Pair:
    """Two webs; `a` leads."""

    def __init__(self, folder, url, **settings):
        self.folder, self.url, self.settings = folder, url, settings
        self.a = self.open()
        until(lambda: self.a.queue.leads)
        self.b = self.open()
        until(lambda: any(engine.state == "ready" for engine in self.b.queue.engines()))

    def open(self) -> Web:
        return Web(self.folder, self.url, **self.settings)

    def close(self):
        self.b.close()
        self.a.close()


@pytest.fixture(scope="module")
def pair(postgres, tmp_path_factory):
    pair = Pair(tmp_path_factory.mktemp("shared"), postgres.new())
    yield pair
    pair.close()


def request(prompt="a red apple", **values):
    return GenerationRequest(prompt=prompt, checkpoint="tiny", **{"width": 64, "height": 64, "steps": 3, **values})


def ended(web: Web, job_id: str):
    until(lambda: web.queue.get(job_id).state in ENDED)
    return web.queue.get(job_id)


def test_one_leads_and_both_show_its_engine(pair):
    assert (pair.a.queue.leads, pair.b.queue.leads) == (True, False)
    assert [engine.name for engine in pair.b.queue.engines()] == ["engine-1"]


def test_jobs_of_both_are_made_once_and_heard_of_by_both_in_the_same_order(pair):
    jobs = [web.queue.submit(request(f"apple {number}"), f"user{number % 3}") for number in range(8) for web in (pair.a, pair.b)]
    for job in jobs:
        found = ended(pair.b, job.id)
        assert (found.state, len(found.images), found.attempts) == ("done", 1, 0), found.error
    assert len({pair.a.queue.get(job.id).images[0].path for job in jobs}) == len(jobs)
    for web in (pair.a, pair.b):
        until(lambda web=web: all(web.kinds(job.id) == ["queued", "started", "image", "done"] for job in jobs))
    stored = [[each.seq for each in web.heard if each.seq] for web in (pair.a, pair.b)]
    assert stored[0] == sorted(set(stored[0])) and stored[1] == sorted(set(stored[1])), "each once, in order"
    assert pair.b.queue.waiting_order() == [] and pair.a.queue.waiting_order() == []


def test_steps_and_previews_are_seen_at_the_other(pair):
    job = pair.a.queue.submit(request("never"))
    until(lambda: pair.b.queue.progress(job.id) and pair.b.queue.progress(job.id).steps == 3)
    assert "step" in {each.kind for each in pair.b.heard if each.job_id == job.id}
    pair.b.queue.cancel(job.id)
    assert ended(pair.a, job.id).state == "cancelled"
    until(lambda: pair.b.queue.progress(job.id) is None)


def test_who_follows_at_the_other_sees_previews(pair):
    pair.b.queue.events.set_watched_elsewhere(False)
    pair.a.queue.events.set_watched_elsewhere(True)
    job = pair.a.queue.submit(request("never watched", seed=3))

    def seen():
        pair.a.queue.events.set_watched_elsewhere(True)  # a page is open at the other; nobody here holds one for the test
        return pair.b.queue.preview(job.id)

    assert until(seen)[1]
    pair.a.queue.cancel(job.id)
    assert ended(pair.b, job.id).state == "cancelled"


def test_a_stop_at_the_other_reaches_waiting_and_running_jobs(pair):
    running = pair.a.queue.submit(request("never"))
    until(lambda: pair.a.queue.progress(running.id) and pair.a.queue.progress(running.id).steps)
    pair.b.queue.pause()
    until(lambda: pair.a.queue.paused)
    waiting = pair.a.queue.submit(request("two"))
    until(lambda: waiting.id in pair.b.queue.waiting_order())
    pair.b.queue.cancel(waiting.id)
    pair.b.queue.cancel(running.id)
    assert [ended(pair.a, job.id).state for job in (waiting, running)] == ["cancelled", "cancelled"]
    until(lambda: not any(engine.jobs for engine in pair.a.queue.engines()))
    assert ended(pair.b, running.id).images == ()
    pair.b.queue.pause(False)
    until(lambda: not pair.a.queue.paused)
    pair.b.queue.retry(waiting.id)
    assert ended(pair.b, waiting.id).state == "done"


def test_after_this_picture_is_obeyed_too(pair):
    job = pair.a.queue.submit(request("slow", batch_count=50, steps=8))
    until(lambda: len(pair.b.queue.get(job.id).images) == 1)
    pair.b.queue.cancel(job.id, "after")
    found = ended(pair.b, job.id)
    assert found.state in ("done", "cancelled") and 1 <= len(found.images) < 50


def test_places_in_the_line_change_at_both(pair):
    pair.b.queue.pause()
    until(lambda: pair.a.queue.paused)
    jobs = [pair.a.queue.submit(request(f"line {number}")) for number in range(3)]
    until(lambda: pair.b.queue.waiting_order() == [job.id for job in jobs])
    pair.b.queue.move(jobs[2].id, "top")
    pair.b.queue.move(jobs[1].id, "up")
    wanted = [jobs[2].id, jobs[1].id, jobs[0].id]
    until(lambda: pair.a.queue.waiting_order() == wanted == pair.b.queue.waiting_order())
    pair.b.queue.pause(False)
    assert [ended(pair.a, job.id).state for job in jobs] == ["done"] * 3
    began = [each.job_id for each in pair.a.heard if each.kind == "started" and each.job_id in wanted]
    assert began == wanted


def test_a_picture_that_is_deleted_at_one_is_gone_at_the_other(pair):
    record = ended(pair.b, pair.a.queue.submit(request("gone")).id).images[0]
    pair.b.gallery.trash(record)
    assert pair.a.queue.get(record.job_id).images == () and not (pair.folder / record.path).exists()
    pair.a.gallery.restore(record)
    assert [each.id for each in pair.b.queue.get(record.job_id).images] == [record.id]
    upload = pair.b.gallery.upload(png((9, 9, 9)), "local")
    job = pair.a.queue.submit(request(mode="img2img", init=upload.id))
    assert ended(pair.b, job.id).state == "done", "what was sent to one is there for the other"


def at_once(*acts):
    """Do these in threads that begin together; gives what each returned or raised."""
    barrier, found = threading.Barrier(len(acts)), [None] * len(acts)

    def run(number, act):
        barrier.wait()
        try:
            found[number] = act()
        except Exception as error:
            found[number] = error

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def test_the_same_key_at_both_makes_one_job(pair):
    acts = [lambda web=web: web.queue.submit(request("once"), "ann", idempotency_key="k1") for web in (pair.a, pair.b) * 3]
    jobs = at_once(*acts)
    assert len({job.id for job in jobs}) == 1, jobs


def test_grids_that_the_other_has_made_are_made(pair):
    wish = GridWish(request={"prompt": "grid", "seed": 5, "width": 64, "height": 64}, axes=(AxisWish(kind="steps", values=(1, 2, 3)),))
    grid = pair.b.grids.create(wish)
    until(lambda: pair.b.grids.get(grid.id).counts.get("done") == 3)


def test_settings_that_change_at_one_hold_at_the_other(pair):
    pair.b.app.services.settings.change({"batch_jobs": 3})
    until(lambda: pair.a.app.services.settings.current().batch_jobs == 3)
    pair.b.app.services.settings.change({"batch_jobs": None})
    until(lambda: pair.a.app.services.settings.current().batch_jobs == 8)


def test_a_limit_counts_what_is_submitted_at_both(postgres, tmp_path):
    pair = Pair(tmp_path, postgres.new(), limit_jobs=1)
    try:
        pair.a.queue.pause()
        found = at_once(*(lambda web=web: web.queue.submit(request("one"), "ann") for web in (pair.a, pair.b) * 2))
        assert sum(isinstance(each, LimitReached) for each in found) == 3, found
    finally:
        pair.close()


def test_who_leads_and_ends_hands_its_jobs_over(postgres, tmp_path):
    pair = Pair(tmp_path, postgres.new())
    running = pair.b.queue.submit(request("never"))
    until(lambda: pair.b.queue.progress(running.id) and pair.b.queue.progress(running.id).steps)
    jobs = [pair.b.queue.submit(request(f"next {number}")) for number in range(3)]
    pair.a.close()
    until(lambda: pair.b.queue.leads)
    until(lambda: pair.b.queue.get(running.id).state == "running" and pair.b.queue.progress(running.id).steps)
    pair.b.queue.cancel(running.id)
    assert ended(pair.b, running.id).state == "cancelled"
    assert [ended(pair.b, job.id).state for job in jobs] == ["done"] * 3
    pair.a = pair.open()
    until(lambda: any(engine.state != "starting" for engine in pair.a.queue.engines()))
    assert not pair.a.queue.leads
    assert ended(pair.b, pair.a.queue.submit(request("again")).id).state == "done"
    pair.a.close()
    pair.b.close()


def test_who_lost_its_connection_to_another_stops_leading(postgres, tmp_path):
    pair = Pair(tmp_path, postgres.new())
    job = pair.a.queue.submit(request("never"))
    until(lambda: pair.a.queue.progress(job.id) and pair.a.queue.progress(job.id).steps)
    name = pair.url.partition("?")[0].rpartition("/")[2]
    of_this = "database = (SELECT oid FROM pg_database WHERE datname = :name)"
    leads = f"SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objid = 7860003 AND granted AND {of_this}"

    def taken_over():
        if pair.a.queue.store.get_value("leader")["web"] == pair.a.app.relay.name:  # it is quick to connect again
            postgres.sql(f"SELECT pg_terminate_backend(pid) FROM ({leads}) AS leaders", name=name)
        return pair.b.queue.leads

    until(taken_over)
    until(lambda: pair.a.deposed)
    pair.b.queue.cancel(job.id)
    assert ended(pair.b, job.id).state == "cancelled"
    assert ended(pair.b, pair.b.queue.submit(request("more")).id).state == "done"
    pair.close()


def test_a_database_that_is_not_there_is_a_sentence(tmp_path):
    with pytest.raises(StorageError, match="cannot be used: .*Does PostgreSQL run"):
        Web(tmp_path, "postgresql://who:hidden-word@127.0.0.1:1/darkroom")
    with pytest.raises(StorageError) as refused:
        Web(tmp_path, "postgresql://who:hidden-word@127.0.0.1:1/darkroom")
    assert "hidden-word" not in str(refused.value)
    with pytest.raises(StorageError, match="Only PostgreSQL and SQLite"):
        Web(tmp_path / "other", "mysql://x/y")
