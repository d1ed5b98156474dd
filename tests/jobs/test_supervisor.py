"""Engines die, hang and are stopped; jobs do not get lost, pictures are not made twice."""

import time

from PIL import Image

from tests.jobs.conftest import Box


def pixel(box, record):
    with Image.open(box.settings.data_dir / record.path) as image:
        return image.getpixel((0, 0))


def test_a_job_is_made_and_every_picture_indexed(box):
    box.start()
    job = box.wait(box.submit("a red apple", batch_count=3).id)
    assert (job.state, [image.index for image in job.images], job.attempts) == ("done", [0, 1, 2], 0)
    assert job.plan is not None and job.started <= job.finished
    assert box.pictures.total() == 3 and box.pictures.find(search="RED apple")[0].record.job_id == job.id
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


def test_a_hung_engine_is_replaced(box):
    box.start(hung=3.0)
    job = box.wait(box.submit("hang").id)
    assert job.state == "done" and len(box.links) == 2


def test_an_error_fails_its_job_alone(box):
    box.start()
    bad, good = box.submit("fail"), box.submit("fine")
    assert box.wait(bad.id).error.message == "It was asked to fail."
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


def test_a_stop_of_web_puts_the_job_back_and_leaves_no_process(tmp_path):
    box = Box(tmp_path)
    box.start()
    job = box.submit("slow", batch_count=3, steps=10)
    box.wait(job.id, "running")
    while not box.queue.get(job.id).images:
        time.sleep(0.01)
    started = time.monotonic()
    box.close()
    assert time.monotonic() - started < 5 and not any(link.alive() for link in box.links)
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
    box.supervisor.stop()
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
    box.supervisor.stop()
    path = box.settings.data_dir / job.images[0].path
    hidden = path.rename(path.with_suffix(".hidden"))
    box.start()
    assert box.pictures.total() == 0
    box.supervisor.stop()
    hidden.rename(path)
    box.start()
    assert box.pictures.total() == 1


def test_an_engine_that_cannot_start_is_tried_again_and_said(tmp_path):
    import sys

    from webui.jobs.link import ProcessLink
    from webui.jobs.supervisor import Patience, Supervisor

    box = Box(tmp_path)
    tries = []

    def link(receive, ended):
        tries.append(ProcessLink(receive, ended, (sys.executable, "-c", "raise SystemExit(7)")))
        return tries[-1]

    supervisor = Supervisor(box.queue, lambda: box.settings, link, Patience(backoff=0.01))
    supervisor.start()
    until = time.monotonic() + 30
    while len(tries) < 3 and time.monotonic() < until:
        time.sleep(0.01)
    assert "exit code 7" in box.queue.engines()[0].message
    supervisor.stop()
    box.close()
