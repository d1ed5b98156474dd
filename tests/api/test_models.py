"""Models over HTTP: search, pages, one model, its preview, and what is kept of it."""

import json
import os

import pytest
from PIL import Image

from tests.api.conftest import Server
from tests.library.test_said import SD1_LORA, SDXL_LORA
from tests.library.test_scan import write
from tests.waiting import until


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    models = folder / "models"
    write(models / "Lora" / "fox.safetensors", SD1_LORA, {"modelspec.trigger_phrase": "fxx"})
    write(models / "Lora" / "animals" / "Wolf.safetensors", SDXL_LORA)
    (models / "Lora" / "animals" / "wolf.json").write_text(json.dumps({"baseModel": "Pony", "tags": ["animal"]}))
    Image.new("RGB", (900, 600), "red").save(models / "Lora" / "animals" / "wolf.png")
    write(models / "VAE" / "broken.safetensors", cut=5)
    server = Server(folder)
    yield server
    server.close()


@pytest.fixture
def client(server):
    with server.client() as client:
        yield client


def names(client, **query):
    return [model["name"] for model in client.get("/api/v1/models", params=query).json()["models"]]


def test_models_are_found_by_kind_family_base_and_words(client):
    assert names(client, kind="lora") == ["fox", "animals/Wolf"]
    assert names(client, kind="lora", sort="-name") == ["animals/Wolf", "fox"]
    assert names(client, family="sdxl") == ["animals/Wolf"]
    assert names(client, base="pony") == ["animals/Wolf"]
    assert names(client, q="FXX") == ["fox"]
    assert names(client, q="animal wolf") == ["animals/Wolf"]
    assert names(client, tag="Animal") == ["animals/Wolf"]
    assert names(client, broken=True) == ["broken"]
    assert names(client, q="nothing of this") == []


def test_pages_go_on_from_a_cursor(client):
    every, cursor, seen = client.get("/api/v1/models").json(), "", []
    while True:
        body = client.get("/api/v1/models", params={"limit": 2, "cursor": cursor}).json()
        assert body["total"] == every["total"]
        seen += [model["id"] for model in body["models"]]
        cursor = body["next"]
        if not cursor:
            break
    assert seen == [model["id"] for model in every["models"]]
    answer = client.get("/api/v1/models", params={"cursor": "gone"})
    assert answer.status_code == 422 and answer.json()["field"] == "cursor"


@pytest.mark.parametrize("query", [{"sort": "colour"}, {"limit": 0}, {"unknown": "x"}, {"broken": "perhaps"}])
def test_a_wrong_wish_is_a_sentence(client, query):
    answer = client.get("/api/v1/models", params=query)
    assert answer.status_code == 422 and answer.json()["message"].endswith(".")


def test_one_model_with_its_preview(client):
    listed = client.get("/api/v1/models", params={"q": "wolf"}).json()["models"][0]
    one = client.get(listed["url"]).json()
    assert one["base"] == "Pony" and one["file"].endswith("Wolf.safetensors") and one["fits"] == []
    picture = client.get(listed["preview"])
    assert picture.headers["content-type"] == "image/jpeg" and picture.content[:2] == b"\xff\xd8"
    assert client.get("/api/v1/models/0123").status_code == 404
    assert client.get("/api/v1/models/0123/preview").status_code == 404


def test_a_checkpoint_says_what_it_takes(client):
    tiny = client.get("/api/v1/models", params={"kind": "checkpoint", "q": "tiny"}).json()["models"][0]
    fits = client.get(tiny["url"]).json()["fits"]
    assert all(fit["peak"] >= fit["weights"] > 0 and fit["sentence"].startswith("It needs about") for fit in fits)


def test_what_is_kept_of_a_model(client, server):
    fox = client.get("/api/v1/models", params={"q": "fxx"}).json()["models"][0]
    changed = client.patch(fox["url"], json={"notes": "good", "favourite": True, "tags": ["red", " red ", "mine"]}).json()
    assert changed["kept"]["notes"] == "good" and changed["kept"]["tags"] == ["red", "mine"]
    assert client.patch(fox["url"], json={"trigger": "zzz"}).json()["kept"]["notes"] == "good", "what is left out stays"
    assert names(client, favourite=True) == ["fox"] and names(client, tag="mine") == ["fox"] and names(client, q="zzz good") == ["fox"]
    assert server.services.collection.get(fox["id"]).card.kept.favourite


def test_a_checkpoints_own_defaults_are_those_of_a_job(client):
    found = client.get("/api/v1/models", params={"kind": "checkpoint", "q": "tiny"}).json()["models"]
    tiny = next(model for model in found if model["name"] == "tiny")
    client.patch(tiny["url"], json={"defaults": {"steps": 7}})
    job = client.post("/api/v1/jobs", json={"prompt": "x", "checkpoint": "tiny"}).json()
    assert job["request"]["steps"] == 7
    client.patch(tiny["url"], json={"defaults": {}})
    assert client.post("/api/v1/jobs", json={"prompt": "x", "checkpoint": "tiny"}).json()["request"]["steps"] == 3


def test_defaults_have_the_names_that_are_listed_here(client):
    found = client.get("/api/v1/models", params={"kind": "checkpoint", "q": "tiny"}).json()["models"]
    tiny = next(model for model in found if model["name"] == "tiny")
    kept = client.patch(tiny["url"], json={"defaults": {"sampler": "dpm++ 2m karras", "width": 64}}).json()["kept"]["defaults"]
    assert kept == {"sampler": "DPM++ 2M", "schedule": "Karras", "width": 64}
    for wrong in ({"sampler": "Oiler"}, {"schedule": "Karas"}, {"width": 63}, {"steps": 0.5}, {"guidance": 1e9}, {"clip_skip": 2}):
        answer = client.patch(tiny["url"], json={"defaults": wrong})
        assert answer.status_code == 422 and answer.json()["field"] == f"defaults.{next(iter(wrong))}" and answer.json()["message"]
        assert client.get(tiny["url"]).json()["kept"]["defaults"] == kept
    client.patch(tiny["url"], json={"defaults": {}})


@pytest.mark.parametrize(
    "body",
    [
        {"notes": 5},
        {"notes": "x" * 20_001},
        {"tags": ["x"] * 51},
        {"tags": [""]},
        {"weight": 1e9},
        {"defaults": {"steps": -1}},
        {"defaults": {"steps": 20}},
        {"defaults": {"prompt": "x"}},
        {"defaults": []},
        {"colour": "red"},
        {"favourite": None},
        {"notes": "\ud800"},
    ],
)
def test_what_cannot_be_kept_is_a_sentence_and_changes_nothing(client, body):
    fox = client.get("/api/v1/models", params={"kind": "lora", "q": "fox"}).json()["models"][0]
    answer = client.patch(fox["url"], content=json.dumps(body), headers={"Content-Type": "application/json"})
    assert answer.status_code == 422 and answer.json()["message"]
    assert client.get(fox["url"]).json()["kept"] == fox["kept"]


def test_others_see_models_and_change_nothing(server):
    with server.client("somebody") as guest:
        fox = guest.get("/api/v1/models", params={"kind": "lora"}).json()["models"][0]
        assert "file" not in fox and guest.get("/api/v1/models/overview").json()["folders"] == []
        assert guest.patch(fox["url"], json={"notes": "x"}).status_code == 403


def test_duplicates_the_bin_and_what_nobody_uses(client, server):
    folder = server.settings.data_dir / "models" / "Lora"
    copy, old = write(folder / "copy.safetensors", SD1_LORA, {"modelspec.trigger_phrase": "fxx"}), folder / "old.safetensors"
    write(old, SDXL_LORA, {"a": "b"})
    (folder / "old.txt").write_text("words")
    os.utime(old, (1, 1))
    server.services.library.scan()
    for model in server.services.library.models("lora"):
        server.services.library.sha256(model)
    server.services.collection.refreshed(client.get("/api/v1/models").json()["models"][0]["id"])
    groups = [[model["name"] for model in group] for group in client.get("/api/v1/models/duplicates").json()["groups"]]
    assert ["copy", "fox"] in groups
    (folder / "linked.safetensors").symlink_to(old)
    os.link(copy, folder / "second-name.safetensors")
    server.services.library.scan()
    for model in server.services.library.models("lora"):
        server.services.library.sha256(model)
    again = [[model["name"] for model in group] for group in client.get("/api/v1/models/duplicates").json()["groups"]]
    assert again == groups, "one file under two names is not there twice"
    (folder / "linked.safetensors").unlink()
    (folder / "second-name.safetensors").unlink()
    unused = [model for model in client.get("/api/v1/models/unused").json()["models"] if model["name"] == "old"]
    moved = client.delete(unused[0]["url"]).json()["moved_to"]
    assert not old.exists() and moved == str(folder / ".bin" / "old.safetensors") and (folder / ".bin" / "old.txt").exists()
    assert names(client, q="old", kind="lora") == []
    assert client.delete(unused[0]["url"]).status_code == 404
    copy.unlink()


def test_which_jobs_used_a_model(client):
    fox = client.get("/api/v1/models", params={"kind": "lora", "q": "fox"}).json()["models"][0]
    before = client.get(fox["url"]).json()["used"]["jobs"]
    assert client.post("/api/v1/jobs", json={"prompt": "x <lora:fox:0.5>", "checkpoint": "tiny"}).status_code == 201
    after = client.get(fox["url"]).json()["used"]
    assert after["jobs"] == before + 1 and after["last"]


def test_the_overview_counts(client):
    body = client.get("/api/v1/models/overview").json()
    assert body["kinds"]["lora"] == 2 and body["families"]["sdxl"] >= 1 and body["folders"]


def test_what_is_kept_is_exported_as_a1111_reads_it_and_what_others_wrote_stays(client, server):
    folder = server.settings.data_dir / "models" / "Lora"
    (folder / "fox.json").write_text(json.dumps({"negative text": "blurry", "notes": "theirs"}))
    fox = client.get("/api/v1/models", params={"kind": "lora", "q": "fox"}).json()["models"][0]
    kept = {"notes": "mine", "tags": ["red"], "trigger": "fxx", "weight": 0.7}
    assert client.patch(fox["url"], json=kept).status_code == 200
    written = client.post(f"{fox['url']}/export").json()["written"]
    assert written == [str(folder / "fox.json"), str(folder / "fox.txt")]
    told = json.loads((folder / "fox.json").read_text())
    assert (told["negative text"], told["notes"], told["activation text"], told["preferred weight"]) == ("blurry", "mine", "fxx", 0.7)
    assert told["darkroom"]["tags"] == ["red"] and told["sd version"] == "SD1" and (folder / "fox.txt").read_text() == "fxx"
    (folder / "fox.json").write_text("[1]")
    assert client.post(f"{fox['url']}/export").status_code == 409 and (folder / "fox.json").read_text() == "[1]"
    (refused,) = client.post("/api/v1/models/export").json()["refused"]
    assert refused.startswith(f"{folder / 'fox.json'} is there and is no description of a model.")
    (folder / "fox.json").unlink()
    assert str(folder / "fox.json") in client.post("/api/v1/models/export").json()["written"]
    with server.client("somebody") as guest:
        assert guest.post(f"{fox['url']}/export").status_code == 403 and guest.post("/api/v1/models/export").status_code == 403


def test_a_model_is_saved_anew_beside_its_file(client, server):
    fox = client.get("/api/v1/models", params={"kind": "lora", "q": "fox"}).json()["models"][0]
    assert client.post(f"{fox['url']}/convert", json={"to": "float4"}).status_code == 422
    begun = client.post(f"{fox['url']}/convert", json={"to": "bfloat16"})
    assert begun.status_code == 202, begun.text
    conversions = lambda: client.get("/api/v1/models/conversions").json()["conversions"]  # noqa: E731
    (now,) = until(lambda: found if (found := conversions())[0]["state"] not in ("waiting", "running") else None)
    made = server.settings.data_dir / "models" / "Lora" / "fox-bf16.safetensors"
    assert (now["state"], now["target"]) == ("done", str(made)) and made.exists(), now["error"]
    assert "fox-bf16" in names(client, kind="lora")
    assert client.delete(f"/api/v1/models/conversions/{now['id']}").json()["state"] == "done"
    assert client.get("/api/v1/models/conversions").json()["conversions"] == []
    with server.client("somebody") as guest:
        assert guest.post(f"{fox['url']}/convert", json={}).status_code == 403
    made.unlink()
