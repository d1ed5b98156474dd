"""Getting models over HTTP, from a site on loopback: for who runs this Darkroom, and not when it is offline."""

import hashlib
import json
import time

import pytest

from tests.api.conftest import Server
from tests.downloads.conftest import PATIENCE_S
from tests.downloads.fakes import Site
from tests.library.test_said import SD1_LORA
from tests.library.test_scan import write
from webui.downloads.offers import parse_source
from webui.library import KINDS


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    site = Site()
    site.repository("owner/fox", {"fox.safetensors": write(tmp_path_factory.mktemp("site") / "x", SD1_LORA).read_bytes()})
    yield site
    site.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory, site):
    server = Server(tmp_path_factory.mktemp("downloads"), hf_endpoint=site.url)
    yield server
    server.close()


def test_a_model_is_looked_at_fetched_and_listed(server, site):
    with server.client() as client:
        assert site.seen == [], "nothing is asked of a site before somebody asks"
        offer = client.post("/api/v1/models/offers", json={"source": "hf:owner/fox"}).json()
        assert offer["title"] == "owner/fox" and offer["size"] > 0
        begun = client.post("/api/v1/models/downloads", json={"source": "hf:owner/fox"})
        assert begun.status_code == 201
        until = time.monotonic() + PATIENCE_S
        while (now := client.get(f"/api/v1/models/downloads/{begun.json()['id']}").json())["state"] != "done":
            assert now["state"] != "failed" and time.monotonic() < until, now
        assert [model["name"] for model in client.get("/api/v1/models", params={"kind": "lora"}).json()["models"]] == ["fox"]
        assert client.delete(f"/api/v1/models/downloads/{now['id']}").status_code == 200
        assert client.get("/api/v1/models/downloads").json() == {"downloads": [], "offline": False}


@pytest.mark.parametrize("source", ["", "nonsense", "hf:owner/none/x", "\ud800", "https://example.org/"])
def test_an_address_that_is_no_model_is_a_sentence(server, source):
    with server.client() as client:
        content = json.dumps({"source": source})
        for path in ("offers", "downloads"):
            answer = client.post(f"/api/v1/models/{path}", content=content, headers={"Content-Type": "application/json"})
            assert answer.status_code == 422 and answer.json()["message"].endswith(".")


def test_what_a_site_refuses_is_said_and_no_fault_of_ours(server):
    with server.client() as client:
        answer = client.post("/api/v1/models/downloads", json={"source": "hf:owner/none"})
        assert answer.status_code == 502 and "nothing at this address" in answer.json()["message"]
        assert client.post("/api/v1/models/downloads/0123/pause").status_code == 404


def test_a_file_is_recognised_at_civitai_only_when_asked(tmp_path_factory, site):
    folder = tmp_path_factory.mktemp("recognise")
    path = write(folder / "models" / "Lora" / "mine.safetensors", SD1_LORA, {"a": "b"})
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    address = f"/api/v1/model-versions/by-hash/{digest}"
    server = Server(folder, civitai_base_url=site.url)
    told = {"id": 5, "modelId": 7, "name": "v1", "baseModel": "Pony", "trainedWords": ["fxx"], "model": {"name": "Fox"}}
    try:
        with server.client() as client:
            mine = client.get("/api/v1/models", params={"kind": "lora"}).json()["models"][0]
            assert client.post(f"{mine['url']}/recognise").status_code == 502
            site.bodies[address] = told
            known = client.post(f"{mine['url']}/recognise").json()
        assert (known["title"], known["base"], known["triggers"]) == ("Fox v1", "Pony", ["fxx"])
        assert [path for path, _ in site.seen if digest in path] == [address] * 2
    finally:
        server.close()


def test_a_first_dozen_is_offered_without_asking_anybody(server, site):
    asked = len(site.seen)
    with server.client() as client:
        body = client.get("/api/v1/models/starters").json()
    assert len(body["starters"]) >= 10 and body["checkpoints"] >= 1 and len(site.seen) == asked
    for each in body["starters"]:
        assert parse_source(each["source"]) and each["kind"] in KINDS and each["licence"]


def test_others_may_not_fetch(server, site):
    asked = len(site.seen)
    with server.client("somebody") as guest:
        for path in ("offers", "downloads"):
            assert guest.post(f"/api/v1/models/{path}", json={"source": "hf:owner/fox"}).status_code == 403
        assert guest.get("/api/v1/models/downloads").status_code == 403
    assert len(site.seen) == asked
