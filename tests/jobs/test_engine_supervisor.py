"""Engines die, hang and are stopped; jobs do not get lost, pictures are not made twice."""

import os
import signal
import sqlite3
import sys

import pytest
from PIL import Image

from tests.jobs.conftest import Box
from tests.waiting import until
from webui.errors import StorageError


def pixel(box, record):
    with Image.open(box.settings.data_dir / record.path) as image:
        return image.getpixel((0, 0))


def under_way(box, job_id, picture=0):
    """Until some steps of the job's picture are made."""
    until(lambda: (progress := box.queue.progress(job_id)) and (progress.batch, progress.step) >= (picture, 3))


def test_a_job_is_made_and_every_picture_indexed(box):
    box.start()
    job = box.wait(box.submit("a red apple", batch_count=3).id)
    assert (job.state, [image.index for image in job.images], job.attempts) == ("done", [0, 1, 2], 0)
    assert job.plan is not None and job.started <= job.finished
    assert box.pictures.total() == 3 and box.pictures.find()[0].record.job_id == job.id
    types = [event.type for event in box.store.events_after(0, job.id)]
    assert types == ["queued", "started", "image", "image", "image", "done"]


def test_a_killed_engine_is_replaced_and_its_job_run_again(box):
    box.start()
    job = box.wait(box.submit("crash", batch_count=2).id)
    assert job.state == "done" and len(job.images) == 2 and len(box.links) == 2
    reasons = [event.reason for event in box.store.events_after(0, job.id) if event.type == "queued"]
    assert reasons == ["", "killed by the system, probably out of memory"]


def test_a_job_that_kills_every_engine_fails_with_the_cause_and_the_next_one_runs(box):
    box.start()
    bad, good = box.submit("always-crash"), box.submit("fine")
    job = box.wait(bad.id)
    assert job.state == "failed" and job.error.kind == "EngineLost"
    assert "3 times" in job.error.message and "out of memory" in job.error.message and job.error.advice
    assert box.wait(good.id).state == "done"


def test_a_picture_that_the_dead_engine_could_not_tell_of_is_not_made_twice(box):
    box.start()
    job = box.wait(box.submit("crash-after-writing", batch_count=3).id)
    assert job.state == "done" and [image.index for image in job.images] == [0, 1, 2] and len(box.links) >= 3
    assert len(list(box.settings.outputs.rglob("*.png"))) == 3
    types = [event.type for event in box.store.events_after(0, job.id) if event.type != "queued"]
    assert types == ["started", "image", "started", "image", "started", "image", "done"]


def test_a_hung_engine_is_replaced(box):
    box.start(hung=8.0)
    job = box.wait(box.submit("hang").id)
    assert job.state == "done" and len(box.links) == 2
    assert "it did not answer for 8 s" in [event.reason for event in box.store.events_after(0, job.id) if event.type == "queued"]


def test_an_error_fails_its_job_alone(box):
    box.start()
    bad, good = box.submit("fail"), box.submit("fine")
    error = box.wait(bad.id).error
    assert error.kind == "ZeroDivisionError"
    assert error.message == "A fault that Darkroom did not foresee stopped this job: it was asked to fail."
    assert box.wait(good.id).state == "done" and len(box.links) == 1


def test_stop_skip_and_stop_after(box):
    box.start()
    stopped = box.submit("never")
    box.wait(stopped.id, "running")
    box.queue.cancel(stopped.id)
    assert box.wait(stopped.id).state == "cancelled"
    after = box.submit("slow", batch_count=50)
    box.wait(after.id, "running")
    box.queue.cancel(after.id, "after")
    job = box.wait(after.id)
    assert job.state == "cancelled" and len(job.images) == 1


@pytest.mark.parametrize("signalled", [signal.SIGSTOP, signal.SIGKILL])
def test_a_stop_that_a_dying_engine_did_not_carry_out_holds(box, signalled):
    box.start(hung=8.0)
    job = box.submit("slow", steps=40)
    under_way(box, job.id)
    os.kill(box.links[0].pid, signalled)
    box.queue.cancel(job.id)
    assert box.wait(job.id).state == "cancelled"
    assert [event.type for event in box.store.events_after(0, job.id)] == ["queued", "started", "cancelled"]
    box.queue.retry(job.id)
    under_way(box, job.id)
    os.kill(box.links[1].pid, signal.SIGKILL)
    assert box.wait(job.id).state == "done", "the stop was for the first try alone"


def test_a_stop_after_this_picture_holds_when_the_engine_dies_in_it(box):
    box.start()
    job = box.submit("slow", batch_count=3, steps=20)
    under_way(box, job.id, picture=1)
    box.queue.cancel(job.id, "after")
    os.kill(box.links[0].pid, signal.SIGKILL)
    job = box.wait(job.id)
    assert (job.state, [image.index for image in job.images], len(box.links)) == ("cancelled", [0, 1], 2)


def test_a_stop_of_web_puts_the_job_back_and_leaves_no_process(tmp_path):
    box = Box(tmp_path)
    box.start()
    job = box.submit("slow", batch_count=3, steps=10)
    box.wait(job.id, "running")
    until(lambda: box.queue.get(job.id).images)
    box.close()
    assert not any(link.alive() for link in box.links)
    box.open()
    assert (box.queue.get(job.id).state, box.queue.get(job.id).attempts) == ("queued", 0)
    made = {image.index: image.id for image in box.queue.get(job.id).images}
    box.start()
    done = box.wait(job.id)
    assert [image.index for image in done.images] == [0, 1, 2]
    assert {image.index: image.id for image in done.images}.items() >= made.items(), "a finished picture was made twice"
    box.close()


def test_a_picture_written_just_before_a_death_is_found_and_completes_its_job(box):
    from sqlalchemy import delete, update

    from webui.db.tables import events, images, jobs

    box.start()
    job = box.wait(box.submit("x", batch_count=2).id)
    box.engines.stop()
    with box.database.write() as connection:
        connection.execute(delete(images))
        connection.execute(delete(events).where(events.c.type != "queued"))
        connection.execute(update(jobs).values(state="running", finished=None))
    box.start()
    again = box.queue.get(job.id)
    assert again.state == "done" and [image.id for image in again.images] == [image.id for image in job.images]
    assert len(list((box.settings.data_dir / "outputs").rglob("*.png"))) == 2


def test_pictures_moved_away_by_hand_do_no_harm(box):
    box.start()
    job = box.wait(box.submit("x").id)
    box.engines.stop()
    path = box.settings.data_dir / job.images[0].path
    hidden = path.rename(path.with_suffix(".hidden"))
    box.start()
    assert box.pictures.total() == 0
    box.engines.stop()
    hidden.rename(path)
    box.start()
    assert box.pictures.total() == 1


@pytest.mark.parametrize(
    ("program", "patience", "words"),
    [
        ("raise SystemExit(7)", {}, "exit code 7"),
        ("raise SystemExit(70)", {}, "its GPU stopped working"),
        ("import os; os.kill(os.getpid(), 11)", {}, "it crashed (SIGSEGV)"),
        ("import sys; sys.stdin.read()", {"ready": 0.2, "hung": 60}, "it was not ready after"),
        ("import sys; sys.stdin.read()", {"hung": 0.2}, "it did not answer for"),
    ],
)
def test_an_engine_that_never_becomes_ready_is_tried_again_and_the_job_waits(box, program, patience, words):
    job = box.submit()
    box.start((sys.executable, "-c", program), **patience)
    said = set()

    def has_said() -> bool:
        said.update(engine.message for engine in box.queue.engines() if words in engine.message)
        return bool(said) and len(box.links) >= 3

    until(has_said)
    assert (box.queue.get(job.id).state, box.queue.get(job.id).attempts) == ("queued", 0)


def test_two_engines_work_at_once(tmp_path):
    box = Box(tmp_path, devices=("cpu", "cpu"))
    box.start()
    box.wait_ready()
    jobs = [box.submit("never", owner) for owner in ("ann", "bob")]
    until(lambda: {engine.job_id for engine in box.queue.engines()} == {job.id for job in jobs})  # said a moment after it is stored
    for job in jobs:
        box.queue.cancel(job.id)
        assert box.wait(job.id).state == "cancelled"
    box.close()


def test_freeing_the_memory_puts_the_running_job_back_until_the_queue_goes_on(box):
    box.start()
    job = box.submit("slow", batch_count=3, steps=10)
    until(lambda: box.queue.get(job.id).images)
    box.queue.free_memory()
    waiting = box.wait(job.id, "queued")
    assert box.queue.paused and waiting.attempts == 0 and len(box.links) == 1
    made = {image.id for image in waiting.images}
    box.queue.pause(False)
    done = box.wait(job.id)
    assert [image.index for image in done.images] == [0, 1, 2] and made <= {image.id for image in done.images}


def test_a_stop_at_the_moment_a_job_is_handed_out_is_not_missed(box):
    box.start()
    for _ in range(20):
        job = box.submit("never")
        while box.queue.get(job.id).state == "queued":
            pass
        box.queue.cancel(job.id)
        assert box.wait(job.id).state == "cancelled"
    assert box.wait(box.submit("fine").id).state == "done" and len(box.links) == 1


def test_what_happened_is_kept_however_long_the_database_refuses(box, monkeypatch):
    monkeypatch.setattr("webui.db.database.BUSY_MS", 20)
    box.reopen()
    box.start()
    job = box.submit("slow", batch_count=2)
    box.wait(job.id, "running")
    other = sqlite3.connect(box.settings.data_dir / "data" / "darkroom.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    until(lambda: "locked" in box.queue.engines()[0].message)
    with pytest.raises(StorageError, match="locked"):
        box.submit("another")
    assert box.queue.get(job.id).state == "running", "reading goes on"
    other.execute("ROLLBACK")
    other.close()
    done = box.wait(job.id)
    assert (done.state, len(done.images), len(box.links)) == ("done", 2, 1)
    assert box.wait(box.submit("another").id).state == "done"


def test_models_are_given_back_when_nothing_was_to_do_for_so_long(tmp_path):
    box = Box(tmp_path, unload_after=0.002)
    box.start()
    seen = set()
    box.state.events.listen(lambda message: seen.update(engine.loaded for engine in box.queue.engines()))
    for _ in range(2):  # a job after it is made as any other
        seen.clear()
        assert box.wait(box.submit("slow", steps=60).id).state == "done"  # longer than from one heartbeat to the next
        until(lambda: {"tiny [0]", ""} <= seen and not box.queue.engines()[0].loaded)
    assert len(box.links) == 1
    box.close()


@pytest.mark.parametrize(
    ("raised", "told"),
    [
        ("SettingsError('devices: no such device here.')", "The engine cannot start. devices: no such device here."),
        ("ValueError('two words')", "The engine cannot start. A fault that Darkroom did not foresee: two words. The log has the details."),
    ],
)
def test_what_keeps_an_engine_from_starting_is_told_in_its_words(box, raised, told):
    broken = f"""
from webui.engine.server import EngineServer, main
from webui.errors import SettingsError
class Broken(EngineServer):
    def prepare(self, start, settings):
        raise {raised}
main(Broken)
"""
    box.start((sys.executable, "-c", broken))
    said = until(lambda: box.queue.engines()[0].message)
    assert said == told
