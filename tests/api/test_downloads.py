"""Getting models over HTTP, from a site on loopback: for who runs this Darkroom, and not when it is offline."""

import hashlib
import io
import json

import pytest
from PIL import Image

from tests.api.conftest import Server
from tests.downloads.fakes import Site
from tests.library.test_said import SD1_LORA
from tests.library.test_scan import SD1, write
from tests.waiting import until
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
        address = f"/api/v1/models/downloads/{begun.json()['id']}"
        now = until(lambda: it if (it := client.get(address).json())["state"] in ("done", "failed") else None)
        assert now["state"] == "done", now
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
    assert all(fit["sentence"] for each in body["starters"] for fit in each["fits"])
    for each in body["starters"]:
        assert parse_source(each["source"]) and each["kind"] in KINDS and each["licence"]


def picture():
    stream = io.BytesIO()
    Image.new("RGB", (900, 600), "red").save(stream, "PNG")
    return stream.getvalue()


def test_models_are_searched_at_hugging_face_with_what_they_take(server, site, tmp_path):
    checkpoint = write(tmp_path / "x", SD1).read_bytes()
    site.repository(
        "owner/photo", {"photo.safetensors": checkpoint, "a.png": picture()}, cardData={"license": "mit", "base_model": "x/sd-1.5"}
    )
    site.repository("owner/words", {"README.md": b"#"})
    site.bodies["/api/models"] = [{"id": "owner/fox"}, {"id": "owner/photo"}, {"id": "owner/words"}, {"id": "owner/gone"}, {"id": 5}]
    site.links["/api/models"] = f"{site.url}/api/models?cursor=abc&limit=12"
    with server.client() as client:
        told = client.get("/api/v1/models/search", params={"site": "hf", "q": "red fox", "kind": "lora"}).json()
        assert "/api/models?limit=12&search=red+fox&filter=lora&sort=downloads&direction=-1" in site.asked
        assert (told["next"], told["asked"]) == ("abc", "127.0.0.1")
        assert [each["source"] for each in told["results"]] == ["hf:owner/fox", "hf:owner/photo"], "none without weights"
        photo = told["results"][1]
        assert (photo["licence"], photo["base"], photo["size"]) == ("mit", "x/sd-1.5", len(checkpoint))
        assert "/owner/photo/resolve/main/a.png" not in site.asked, "no picture before one is asked for"
        shown = client.get(photo["picture"])
        assert shown.headers["content-type"] == "image/jpeg" and max(Image.open(io.BytesIO(shown.content)).size) == 384
        assert client.get("/api/v1/models/search/pictures/0123").status_code == 404
        looked = client.post("/api/v1/models/offers", json={"source": photo["source"]}).json()
        assert looked["exact"] and (looked["kind"], looked["family"]) == ("checkpoint", "sd1")
        assert site.files["/owner/photo/resolve/main/photo.safetensors"].asked == ["bytes=0-524287"], "its beginning alone"
        for fit in looked["fits"]:
            assert fit["outcome"] in ("fits", "unknown") and fit["peak"] >= fit["weights"]


def test_models_are_searched_at_civitai(site, tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("search"), civitai_base_url=site.url)
    site.version(123, "fox.safetensors", write(tmp_path_factory.mktemp("civitai") / "x", SD1_LORA).read_bytes())
    version = {**site.bodies["/api/v1/model-versions/123"], "images": [{"url": f"{site.url}/p.png", "type": "image", "nsfwLevel": 1}]}
    fox = {"id": 7, "name": "Fox", "type": "LORA", "allowCommercialUse": ["Image"], "modelVersions": [version]}
    flux = {"id": 8, "name": "Big", "type": "Checkpoint", "modelVersions": [{**version, "id": 124, "baseModel": "Flux.1 D"}]}
    site.bodies["/api/v1/models"] = {"items": [fox, flux, {"id": 9, "modelVersions": []}, None], "metadata": {"nextCursor": "9|8"}}
    try:
        with server.client() as client:
            told = client.get("/api/v1/models/search", params={"q": "fox & wolf"}).json()
            assert "/api/v1/models?limit=20&query=fox%20%26%20wolf" in site.asked
            assert told["next"] == "9|8" and [each["source"] for each in told["results"]] == ["civitai:123", "civitai:124"]
            small, large = told["results"]
            assert (small["kind"], small["licence"], small["base"]) == ("lora", "Civitai, commercial use: Image", "SD 1.5")
            assert small["fits"][0]["sentence"].startswith("It adds about") and large["fits"][0]["outcome"] == "not loaded"
            assert client.get(small["picture"]).status_code == 502, "the site has none there"
            with server.client("somebody") as guest:
                assert guest.get("/api/v1/models/search", params={"q": "fox"}).status_code == 403
                assert guest.get(small["picture"]).status_code == 403
            asked = len(site.asked)
            server.services.settings.change({"offline": True})
            assert client.get("/api/v1/models/search", params={"q": "fox"}).status_code == 403
            assert client.get(small["picture"]).status_code == 403 and len(site.asked) == asked
    finally:
        server.close()


@pytest.mark.parametrize("query", [{"site": "elsewhere"}, {"q": "x" * 201}, {"cursor": "x" * 2001}, {"unknown": "x"}])
def test_a_search_that_cannot_be_is_a_sentence(server, site, query):
    asked = len(site.asked)
    with server.client() as client:
        answer = client.get("/api/v1/models/search", params=query)
    assert answer.status_code == 422 and answer.json()["message"].endswith(".") and len(site.asked) == asked


@pytest.mark.parametrize("body", [{"error": "x"}, [], "x", None, 5, {"items": {}}])
def test_a_site_that_answers_otherwise_is_no_fault_of_ours(server, site, body):
    site.bodies["/api/models"] = body
    with server.client() as client:
        answer = client.get("/api/v1/models/search", params={"site": "hf", "q": "fox"})
    assert answer.status_code == 200 and answer.json()["results"] == [] if body == [] else answer.status_code == 502


def test_others_may_not_fetch(server, site):
    asked = len(site.seen)
    with server.client("somebody") as guest:
        for path in ("offers", "downloads"):
            assert guest.post(f"/api/v1/models/{path}", json={"source": "hf:owner/fox"}).status_code == 403
        assert guest.get("/api/v1/models/downloads").status_code == 403
    assert len(site.seen) == asked
