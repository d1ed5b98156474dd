"""Progress and interrupting: A1111's numbers, of the caller's own jobs alone."""

import base64
import io
import threading

import httpx
import pytest
from PIL import Image

from tests.api.sdapi.conftest import CALLS, FOX
from tests.waiting import until

STUCK = {**FOX, "prompt": "never", "n_iter": 2, "steps": 60}


def progress_once(wanted, client: httpx.Client) -> dict:
    return until(lambda: found if wanted(found := progress(client)) else None)


def progress(client: httpx.Client, query: str = "") -> dict:
    answer = client.get(f"/sdapi/v1/progress{query}")
    assert answer.status_code == 200
    return answer.json()


class Call(threading.Thread):
    """A txt2img that is under way."""

    def __init__(self, server, owner: str, **fields) -> None:
        super().__init__()
        self.server, self.owner, self.fields = server, owner, STUCK | fields
        self.answer: httpx.Response | None = None
        self.start()

    def run(self) -> None:
        with self.server.client(owner=self.owner) as client:
            self.answer = client.post("/sdapi/v1/txt2img", json=self.fields)


@pytest.fixture
def stuck(server, request):
    call = Call(server, f"stuck {request.node.name}"[:60], force_task_id="task(progress1)")
    with server.client(owner=call.owner) as client:
        progress_once(lambda found: found["state"]["sampling_step"] == 1, client)
        yield call, client
        client.post("/sdapi/v1/interrupt")
        call.join(30)


def test_a_running_job_has_the_recorded_shape(stuck):
    call, client = stuck
    theirs, ours = CALLS["progress-running-no-picture"]["answer"], progress(client, "?skip_current_image=true")
    assert list(ours) == list(theirs) and list(ours["state"]) == list(theirs["state"])
    assert ours["state"]["job"] == "Batch 1 out of 2" and ours["state"]["job_count"] == 2
    assert ours["state"]["sampling_steps"] == 60 and ours["current_image"] is None
    assert ours["progress"] == pytest.approx(0.01 + 1 / 120) and ours["eta_relative"] > 0


def test_the_newest_preview_comes_along(stuck):
    call, client = stuck
    shown = progress_once(lambda found: found["current_image"], client)
    assert base64.b64decode(shown["current_image"]).startswith(b"\xff\xd8")


def test_somebody_elses_job_is_not_shown_and_not_stopped(server, stuck):
    call, client = stuck
    with server.client(owner="somebody else") as other:
        assert progress(other)["state"]["job_count"] == 0 and progress(other)["progress"] == 0
        assert other.post("/sdapi/v1/interrupt").json() == {}
        assert other.post("/sdapi/v1/skip").json() is None
        assert other.get("/internal/pending-tasks").json() == {"size": 0, "tasks": []}
    assert progress(client)["state"]["job_count"] == 2


def test_an_interrupted_call_is_answered(server, stuck):
    call, client = stuck
    assert client.post("/sdapi/v1/interrupt").json() == {}
    call.join(30)
    assert call.answer.status_code == 200
    assert list(call.answer.json()) == ["images", "parameters", "info"]
    idle = progress(client)
    assert idle["state"]["interrupted"] and idle["state"]["job"] == "" and idle["progress"] == 0
    assert list(idle) == list(CALLS["progress-idle-after"]["answer"])


def test_a_task_is_found_by_its_name(stuck):
    call, client = stuck
    assert client.get("/internal/pending-tasks").json() == {"size": 1, "tasks": ["task(progress1)"]}
    found = client.post("/internal/progress", json={"id_task": "task(progress1)", "id_live_preview": -1}).json()
    assert found["active"] and not found["queued"] and not found["completed"] and found["progress"] > 0
    client.post("/sdapi/v1/interrupt")
    call.join(30)
    ended = client.post("/internal/progress", json={"id_task": "task(progress1)"}).json()
    assert ended["completed"] and not ended["active"]
    assert not client.post("/internal/progress", json={"id_task": "task(nobody)"}).json()["completed"]


def test_a_last_frame_stands_for_the_picture(server):
    with server.client(owner="framed") as client:
        stream = io.BytesIO()
        Image.new("RGB", (8, 8), "red").save(stream, "JPEG")
        call = Call(server, "framed")
        progress_once(lambda found: found["state"]["sampling_step"] == 1, client)
        (job_id,) = server.services.queue.running_of("framed")
        server.app.state.sdapi.keep_frame(job_id, stream.getvalue())
        server.services.queue.cancel(job_id)
        call.join(30)
    (shown,) = call.answer.json()["images"]
    with Image.open(io.BytesIO(base64.b64decode(shown))) as picture:
        assert picture.size == (64, 64) and "parameters" in picture.text
