"""The OpenAPI document: served where clients look for one, with examples that work, and files that are said to be files."""

import json

import pytest

from tests.api.conftest import Server, finished
from tests.api.conftest import server as shared  # noqa: F401 - a fixture
from webui.api.documented import EXAMPLES, FILES, STREAMS

NEEDS = {
    "POST /api/v1/webhooks": "a name that this machine can look up",
    "POST /api/v1/models/downloads": "the internet",
    "POST /api/v1/people": "test_people invites",
    "PATCH /api/v1/models/{model_id}": "a model's id",
}
"""Examples that are not sent here, and why."""


@pytest.fixture(scope="module")
def document(shared):  # noqa: F811
    with shared.client() as client:
        return client.get("/api/v1/openapi.json").json()


def operations(document):
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def test_it_is_where_clients_look_for_it_with_a_key_or_at_the_machine(shared, document, tmp_path):  # noqa: F811
    with shared.client() as client:
        assert client.get("/openapi.json").json() == document
        assert client.get("/openapi.json", headers={"X-Owner": "anna"}).status_code == 200
    locked = Server(tmp_path, access_key="open sesame")
    try:
        with locked.client() as client:
            assert client.get("/openapi.json").status_code == 401
            guest = client.get("/openapi.json", headers={"Authorization": "Bearer open sesame"})
            assert guest.status_code == 200 and guest.json()["paths"].keys() == document["paths"].keys()
    finally:
        locked.close()


def test_every_example_and_file_belongs_to_a_route_and_keys_are_told_of(document):
    routes = dict(operations(document))
    assert not (EXAMPLES.keys() | FILES.keys()) - routes.keys()
    for route, example in EXAMPLES.items():
        assert routes[route]["requestBody"]["content"]["application/json"]["example"] == example, route
    for route, kinds in FILES.items():
        assert set(routes[route]["responses"]["200"]["content"]) == set(kinds), route
    for route in STREAMS:
        assert set(routes[route]["responses"]["200"]["content"]) == {"application/json", "text/event-stream"}, route
    assert {each["type"] for each in document["components"]["securitySchemes"].values()} == {"http", "apiKey"} and {} in document[
        "security"
    ]


def test_what_answers_a_file_or_a_stream_is_not_said_to_answer_json_too(document):
    mixed = [
        route
        for route, operation in operations(document)
        for response in operation["responses"].values()
        if {} == response.get("content", {}).get("application/json", {}).get("schema") and len(response["content"]) > 1
    ]
    assert mixed == []


def test_the_examples_work(shared):  # noqa: F811
    with shared.client(owner="examples") as client:
        made = finished(client, client.post("/api/v1/jobs", json={"prompt": "an apple", "width": 64, "height": 64}).json()["id"])
        picture = made["images"][0]["id"]
        for route, example in EXAMPLES.items():
            if route in NEEDS:
                continue
            method, path = route.split()
            owner = {"X-Owner": "local"} if "styles" in path or "keys" in path else {}
            wanted = json.dumps(example).replace("0" * 64, picture)
            answer = client.request(method, path, content=wanted, headers={"Content-Type": "application/json", **owner})
            assert answer.status_code < 300, f"{route}: {answer.status_code} {answer.text[:300]}"


def test_files_are_of_the_kinds_that_are_said(shared):  # noqa: F811
    with shared.client(owner="files") as client:
        made = finished(client, client.post("/api/v1/jobs", json={"prompt": "an apple", "width": 64, "height": 64}).json()["id"])
        names = {"image_id": made["images"][0]["id"]}
        for route, kinds in FILES.items():
            method, path = route.split()
            if method == "GET" and (names.keys() & set(path.replace("}", "{").split("{"))):
                answer = client.get(path.format(**names))
                assert answer.status_code == 200 and answer.headers["content-type"] in kinds, route
