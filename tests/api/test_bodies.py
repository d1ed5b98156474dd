"""What the routes answer has the shape that the schema tells."""

import json

import pytest
from pydantic import BaseModel

from tests.api.conftest import finished
from webui.api import bodies
from webui.core.job import PreviewChoice

REQUEST = {"prompt": "a red apple", "checkpoint": "tiny", "width": 64, "height": 64, "steps": 2, "seed": 2**63}


@pytest.fixture(scope="module")
def job(server):
    with server.client() as client:
        return finished(client, client.post("/api/v1/jobs", json=REQUEST).json()["id"])


def check(model: type[BaseModel], answer):
    """The answer is one of `model`, with nothing more in it."""
    assert answer.is_success, answer.text
    model.model_validate_json(answer.content)


@pytest.mark.parametrize(
    ("path", "model"),
    [
        ("jobs/{job}", bodies.JobBody),
        ("jobs?limit=5", bodies.JobList),
        ("images", bodies.ImageList),
        ("images/{image}/request", bodies.ImageWithRequest),
        ("images/{image}/parameters", bodies.ParametersText),
        ("queue", bodies.QueueBody),
        ("system", bodies.SystemBody),
    ],
)
def test_what_is_read(server, job, path, model):
    with server.client() as client:
        check(model, client.get("/api/v1/" + path.format(job=job["id"], image=job["images"][0]["id"])))


def test_what_is_changed(server, job):
    with server.client() as client:
        picture = f"/api/v1/images/{job['images'][0]['id']}"
        check(bodies.ImageId, client.delete(picture))
        check(bodies.ImageWithRequest, client.post(f"{picture}/restore"))
        check(bodies.ImageWithRequest, client.post("/api/v1/images", content=client.get(picture).content))
        check(bodies.PausedBody, client.post("/api/v1/queue/pause"))
        waiting = client.post("/api/v1/jobs", json=REQUEST)
        check(bodies.JobBody, waiting)
        again = client.post(f"/api/v1/jobs/{job['id']}/again")
        check(bodies.JobBody, again)
        check(bodies.JobBody, client.post(f"/api/v1/jobs/{again.json()['id']}/move?to=top"))
        check(bodies.QueueBody, client.get("/api/v1/queue"))
        check(PreviewChoice, client.put(f"/api/v1/jobs/{again.json()['id']}/preview?period=0"))
        check(bodies.JobBody, client.delete(f"/api/v1/jobs/{again.json()['id']}"))
        check(bodies.JobBody, client.post(f"/api/v1/jobs/{again.json()['id']}/retry"))
        check(bodies.Stopped, client.delete("/api/v1/jobs"))
        check(bodies.PausedBody, client.post("/api/v1/queue/resume"))


def read_events(client, path, last):
    """(kind, data) of the stream's events until `last(kind, data)` is true."""
    found, kind = [], ""
    with client.stream("GET", path) as stream:
        for line in stream.iter_lines():
            word, _, value = line.partition(": ")
            kind = value if word == "event" else kind
            if word == "data":
                found.append((kind, value))
                if last(kind, json.loads(value)):
                    return found
    return found


def test_a_jobs_events(server, job):
    with server.client() as client:
        events = read_events(client, f"/api/v1/jobs/{job['id']}/events", lambda kind, data: False)
    assert [kind for kind, _ in events] == ["queued", "started", "image", "done"]
    for _, data in events:
        bodies.JobEventBody.model_validate_json(data)


def test_a_pages_events(server, job):
    """With all it may see, and as somebody else, who is told little."""
    kinds = set()
    for reader, writer in (("", ""), ("ann", "bob")):
        with server.client(reader) as watching, server.client(writer) as working:
            submitted = []

            def over(kind, data, working=working, submitted=submitted):
                if kind == "snapshot":
                    submitted.append(working.post("/api/v1/jobs", json=REQUEST).json()["id"])
                return data.get("job_id") in submitted and kind == "done"

            for kind, data in read_events(watching, "/api/v1/events", over):
                kinds.add(kind)
                model = {"snapshot": bodies.Snapshot, "engine": bodies.Engines, "job": bodies.JobBody}.get(kind, bodies.JobEventBody)
                model.model_validate_json(data)
    assert {"snapshot", "engine", "started", "step", "image", "done"} <= kinds
