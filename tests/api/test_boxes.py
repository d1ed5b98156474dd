"""Another Darkroom as a place: a real server on loopback makes the pictures, and they are the same to the last bit."""

import pytest

from tests.backends.conftest import Desk
from tests.waiting import until
from webui.core.backend import RemoteTask
from webui.errors import RequestError
from webui.images.decode import read_image


@pytest.fixture
def desk(server, tmp_path):
    host = str(server.url).removeprefix("http://")
    desk = Desk(tmp_path, {}, boxes=(f"studio=darkroom://{host}", f"old=a1111://{host}"))
    yield desk
    desk.close()


def pixels(data):
    return read_image(data).tobytes()


def here(server, **request):
    """The pictures that the server makes when it is asked itself."""
    with server.client() as client:
        job = client.post("/api/v1/jobs", json=request).json()
        with client.stream("GET", f"/api/v1/jobs/{job['id']}/events", params={"after": 0}) as events:
            list(events.iter_lines())
        return [pixels(client.get(image["url"]).content) for image in client.get(f"/api/v1/jobs/{job['id']}").json()["images"]]


@pytest.mark.parametrize("place", ["studio", "old"])
def test_the_same_request_gives_the_same_pixels(server, desk, place):
    request = {"prompt": "a red apple", "steps": 2, "seed": 5, "width": 64, "height": 64, "batch_count": 2}
    request |= {"sampler": "Euler a", "schedule": "Karras", "guidance": 3}
    spec = desk.backends.spec(place)
    checkpoint = desk.backends.models(spec)[0].name
    job = desk.made(where=place, checkpoint=checkpoint, **request)
    assert job.state == "done", job.error
    made = [pixels((desk.settings.data_dir / image.path).read_bytes()) for image in job.images]
    assert made == here(server, **request) and len(made) == 2
    assert job.request.where == place and job.cost == 0


def test_a_job_that_has_ended_there_is_taken_as_it_is(server, desk):
    """Also one that ended before its previews could be asked for, or whose answer was lost: it was asked for those without end."""
    spec = desk.backends.spec("studio")
    connection, checkpoint = desk.backends.connection(spec), desk.backends.models(spec)[0].name
    request = desk.submit(where="here", checkpoint=None, steps=1, width=64, height=64).request.model_copy(update={"checkpoint": checkpoint})
    task = RemoteTask(job_id="sent before", request=request, indexes=(0,), seed=5)
    first = connection.backend.send(task)
    until(lambda: connection.backend.look(first.id, task).state == "done")
    again = connection.backend.send(task)
    assert (again.id, again.state, len(again.pictures)) == (first.id, "done", 1)


def test_auto_goes_where_the_checkpoint_is(server, desk):
    checkpoint = desk.backends.models(desk.backends.spec("studio"))[0].name
    assert desk.submit(where="auto", checkpoint=checkpoint).request.where == "studio"


def test_a_checkpoint_that_is_not_there_is_refused(desk):
    with pytest.raises(RequestError, match="There is no checkpoint 'nowhere' at http://127.0.0.1"):
        desk.submit(where="studio", checkpoint="nowhere")
