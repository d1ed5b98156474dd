"""Wildcards, styles, presets and earlier prompts over the API."""

import pytest

from tests.api.conftest import finished
from webui.api import bodies
from webui.words.presets import Preset
from webui.words.styles import Style, StyleList


@pytest.fixture
def client(server):
    folder = server.settings.data_dir / "wildcards"
    folder.mkdir(exist_ok=True)
    (folder / "colour.txt").write_text("red\nblue\n")
    with server.client() as client:
        yield client


def checked(model, answer):
    assert answer.is_success, answer.text
    model.model_validate_json(answer.content)
    return answer.json()


def test_wildcards_are_listed_shown_and_tried(client):
    told = checked(bodies.WildcardList, client.get("/api/v1/wildcards"))
    assert ("colour", 2) in {(each["name"], each["values"]) for each in told["wildcards"]} and told["folders"][0].endswith("wildcards")
    assert checked(bodies.WildcardLines, client.get("/api/v1/wildcards/lines", params={"name": "col*"}))["lines"] == ["blue", "red"]
    assert client.get("/api/v1/wildcards/lines", params={"name": "colur"}).json()["field"] == "name"
    body = {"text": "a {big|small} __colour__ hat", "seeds": [1, 2, 3]}
    filled = checked(bodies.Filled, client.post("/api/v1/wildcards/try", json=body))
    assert len(filled["prompts"]) == 3 and all(text.endswith("hat") and "_" not in text for text in filled["prompts"])


def test_a_guest_learns_no_folder_of_the_server(server, client):
    checked(Style, client.put("/api/v1/styles", json={"name": "there", "prompt": "x"}))
    with server.client(owner="a guest") as guest:
        told = [guest.get(f"/api/v1/{name}").text for name in ("wildcards", "styles")]
    assert all(str(server.settings.data_dir) not in text for text in told) and '"colour.txt"' in told[0]
    client.delete("/api/v1/styles", params={"name": "there"})


def test_a_job_has_the_words_and_the_template(client):
    wish = {"prompt": "a __colour__ fox", "checkpoint": "tiny", "width": 64, "height": 64, "steps": 2, "batch_size": 3}
    job = finished(client, client.post("/api/v1/jobs", json=wish).json()["id"])
    template = job["request"]["templates"]["prompt"]
    assert template["text"] == "a __colour__ fox" and len(template["filled"]) == 3
    shown = client.get(f"/api/v1/images/{job['images'][2]['id']}/request").json()["request"]
    assert shown["prompt"] == template["filled"][2]
    again = client.post(f"/api/v1/jobs/{job['id']}/again", params={"new_seed": False}).json()
    assert again["request"]["templates"] == job["request"]["templates"]
    missing = client.post("/api/v1/jobs", json={"prompt": "__nowhere__"})
    assert missing.status_code == 422 and missing.json()["field"] == "prompt"


def test_styles_are_kept_used_and_taken_away(client):
    checked(Style, client.put("/api/v1/styles", json={"name": "ink", "prompt": "{prompt} in ink", "negative_prompt": "photo"}))
    assert "ink" in {each["name"] for each in checked(StyleList, client.get("/api/v1/styles"))["styles"]}
    job = client.post("/api/v1/jobs", json={"prompt": "a fox", "styles": ["ink"], "checkpoint": "tiny"}).json()
    assert (job["request"]["prompt"], job["request"]["negative_prompt"], job["request"]["styles"]) == ("a fox in ink", "photo", [])
    checked(StyleList, client.delete("/api/v1/styles", params={"name": "ink"}))
    refused = client.post("/api/v1/jobs", json={"prompt": "a fox", "styles": ["ink"]})
    assert refused.status_code == 422 and refused.json()["field"] == "styles"


def test_presets_and_earlier_prompts(client):
    checked(Preset, client.put("/api/v1/presets", json={"name": "Fast", "request": {"steps": 4}}))
    assert {"name": "Fast", "request": {"steps": 4}} in checked(bodies.PresetList, client.get("/api/v1/presets"))["presets"]
    assert client.put("/api/v1/presets", json={"name": "Bad", "request": {"steps": 0}}).status_code == 422
    checked(bodies.PresetList, client.delete("/api/v1/presets", params={"name": "Fast"}))
    assert client.delete("/api/v1/presets", params={"name": "Fast"}).status_code == 404
    client.post("/api/v1/jobs", json={"prompt": "a {unique|unique} walrus", "checkpoint": "tiny"})
    told = checked(bodies.PromptList, client.get("/api/v1/prompts", params={"search": "walrus"}))
    assert told["prompts"][0]["prompt"] == "a {unique|unique} walrus"
