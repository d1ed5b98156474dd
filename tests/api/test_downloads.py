"""Getting models over HTTP, from a site on loopback: for who runs this Darkroom, and not when it is offline."""

import json
import time

import pytest

from tests.api.conftest import Server
from tests.downloads.conftest import PATIENCE_S
from tests.downloads.fakes import Site
from tests.library.test_said import SD1_LORA
from tests.library.test_scan import write


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


def test_others_may_not_fetch(server, site):
    asked = len(site.seen)
    with server.client("somebody") as guest:
        for path in ("offers", "downloads"):
            assert guest.post(f"/api/v1/models/{path}", json={"source": "hf:owner/fox"}).status_code == 403
        assert guest.get("/api/v1/models/downloads").status_code == 403
    assert len(site.seen) == asked
