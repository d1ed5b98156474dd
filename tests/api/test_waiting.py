"""Who waits for a job hears of its end, however near the two moments are."""

import asyncio
import json

from webui.api.encoding import written
from webui.api.waiting import Endings
from webui.core.events import Cancelled
from webui.core.request import GenerationRequest


def submitted(server, prompt: str):
    return server.services.queue.submit(GenerationRequest(prompt=prompt, steps=1), "waits")


def test_a_job_that_ended_before_anybody_waited_is_given_at_once(server):
    endings, job = Endings(server.services.queue), submitted(server, "a never")
    server.services.queue.cancel(job.id)
    assert asyncio.run(asyncio.wait_for(endings.wait(job), 5)).state == "cancelled"


def test_an_end_that_was_not_heard_is_found_all_the_same(server, monkeypatch):
    monkeypatch.setattr("webui.api.waiting._LOOK", 0.05)
    job = submitted(server, "another never")
    endings = Endings(server.services.queue)
    server.services.queue.store.finish(job.id, Cancelled(job_id=job.id))  # as another process does, whose word is lost
    server.services.queue.cancel(job.id)
    assert asyncio.run(asyncio.wait_for(endings.wait(job), 5)).state == "cancelled"


def test_a_job_that_was_ended_and_waits_again_is_waited_for(server):
    queue = server.services.queue
    queue.pause()  # before the engine takes it: a job that runs is not ended the moment it is stopped
    try:
        endings, job = Endings(queue), submitted(server, "a never")
        queue.cancel(job.id)
        again = queue.retry(job.id)

        async def both():
            waiting = asyncio.ensure_future(endings.wait(again))
            await asyncio.sleep(0)
            queue.cancel(job.id)
            return await asyncio.wait_for(waiting, 5)

        assert asyncio.run(both()).state == "cancelled"
    finally:
        queue.pause(False)


def test_an_answer_with_pictures_is_the_json_that_it_would_be():
    rest = {"info": 'ö "quoted" 🍎', "parameters": {"n": None, "x": [1.5, True]}}
    for pictures in ([], ["YQ=="], ["YQ==", "Yg=="]):
        assert json.loads(written(pictures, rest)) == {"images": pictures, **rest}
        assert json.loads(written(pictures, {})) == {"images": pictures}
