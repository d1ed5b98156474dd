"""What the OpenAPI document says of A1111's routes: all of Forge's, with the same fields, and what is really answered."""

import json

import pytest
from pydantic import TypeAdapter

from tests.api.sdapi.conftest import FOX, RECORDED, picture
from webui.api.sdapi.shapes import ANSWERED

FORGE = json.loads((RECORDED / "openapi.json").read_text(encoding="utf-8"))
"""Of each route the names of fields that are sent, of parameters, and of fields that are answered; a list's are those of its items."""
BODIES = {
    "txt2img": FOX,
    "img2img": {**FOX, "init_images": [picture()]},
    "extra-single-image": {"image": picture(), "upscaler_1": "Nearest"},
    "extra-batch-images": {"imageList": [{"data": picture(), "name": "a"}], "upscaler_1": "Nearest"},
    "png-info": {"image": picture("in-parameters.png")},
    "create/embedding": {"name": "openapi", "num_vectors_per_token": 1, "init_text": "*"},
}
NEEDS = {"create/embedding": "a checkpoint with words in it: test_creating.py"}
UNNAMED = {"GET /sdapi/v1/options", "GET /sdapi/v1/cmd-flags", "POST /sdapi/v1/create/hypernetwork"}
"""Objects of what an install has; and what is always refused."""


@pytest.fixture(scope="module")
def document(server):
    with server.client() as client:
        return client.get("/openapi.json").json()


def fields(schema: dict, document: dict) -> set[str]:
    while True:
        if "$ref" in schema:
            schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        elif schema.get("type") == "array":
            schema = schema.get("items", {})
        else:
            return set(schema.get("properties", {}))


def json_of(part: dict) -> dict:
    return part.get("content", {}).get("application/json", {}).get("schema", {})


@pytest.mark.parametrize("route", FORGE)
def test_a_route_of_forge_is_there_with_its_fields(document, route):
    method, path = route.split()
    ours, forge = document["paths"][path][method.lower()], FORGE[route]
    assert fields(json_of(ours.get("requestBody", {})), document) >= set(forge["takes"])
    assert {each["name"] for each in ours.get("parameters", ())} >= set(forge["asks"])
    if route not in UNNAMED:
        assert fields(json_of(ours["responses"]["200"]), document) == set(forge["answers"])


@pytest.mark.parametrize("route", [route for route in ANSWERED if route.partition("/v1/")[2] not in NEEDS])
def test_what_is_answered_is_what_the_document_says(server, route):
    method, path = route.split()
    with server.client(owner="openapi") as client:
        answer = client.request(method, path, json=BODIES.get(path.partition("/v1/")[2]))
    assert answer.status_code == 200, answer.text[:300]
    TypeAdapter(ANSWERED[route]).validate_json(answer.text, strict=True)
