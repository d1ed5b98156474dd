"""/api/v1/extras: pictures by their ids, or a folder of this machine whose other files are passed over and said."""

import io

import pytest
from PIL import Image

from tests.api.conftest import finished

DOUBLE = {"kind": "upscale", "upscaler": "Nearest", "scale": 2}


def png(shade, size=(64, 48)):
    data = io.BytesIO()
    Image.new("RGB", size, (shade, 0, 0)).save(data, "PNG")
    return data.getvalue()


def uploaded(client, shade):
    return client.post("/api/v1/images", content=png(shade)).json()["id"]


def test_pictures_by_their_ids(server):
    with server.client("erin") as client:
        ids = [uploaded(client, shade) for shade in (10, 20)]
        told = client.post("/api/v1/extras", json={"images": ids, "finish": [DOUBLE]}).json()
        assert told["passed_over"] == []
        (job,) = told["jobs"]
        job = finished(client, job["id"])
        assert job["state"] == "done" and len(job["images"]) == 2
        shown = {image["id"]: image for image in client.get("/api/v1/images").json()["images"]}
        assert [shown[image["id"]]["source"] for image in job["images"]] == ids
        assert shown[job["images"][0]["id"]]["request"]["mode"] == "extras"


def test_a_result_can_be_finished_again(server):
    with server.client("erin2") as client:
        first = client.post("/api/v1/extras", json={"images": [uploaded(client, 30)], "finish": [DOUBLE]}).json()["jobs"][0]
        made = finished(client, first["id"])["images"][0]
        again = client.post("/api/v1/jobs", json={"mode": "extras", "inputs": [made["id"]], "finish": [DOUBLE]})
        assert again.status_code == 201, again.text
        assert finished(client, again.json()["id"])["state"] == "done"
        assert client.get(made["url"]).status_code == 200


def test_a_folder(server, tmp_path):
    for number in range(12):
        (tmp_path / f"{number:02}.png").write_bytes(png(number))
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / "cut.png").write_bytes(png(99)[:40])
    (tmp_path / "wide.png").write_bytes(png(98, (6000, 6000)))
    (tmp_path / "inner").mkdir()
    (tmp_path / ".hidden.png").write_bytes(png(97))
    before = {path: path.read_bytes() for path in tmp_path.glob("*.*") if path.is_file()}
    with server.client() as client:
        told = client.post("/api/v1/extras", json={"folder": str(tmp_path), "finish": [DOUBLE]}).json()
        assert [len(job["request"]["inputs"]) for job in told["jobs"]] == [10, 2]
        assert {each["name"] for each in told["passed_over"]} == {"notes.txt", "cut.png", "wide.png"}
        assert any("12000×12000" in each["why"] for each in told["passed_over"])
        assert [finished(client, job["id"])["state"] for job in told["jobs"]] == ["done", "done"]
    assert before == {path: path.read_bytes() for path in tmp_path.glob("*.*") if path.is_file()}


def test_a_folder_without_a_picture_names_what_lies_in_it(server, tmp_path):
    (tmp_path / "cut.png").write_bytes(png(99)[:40])
    for number in range(6):
        (tmp_path / f"notes{number}.txt").write_text("hello")
    with server.client() as client:
        told = client.post("/api/v1/extras", json={"folder": str(tmp_path), "finish": [DOUBLE]}).json()
    assert told["field"] == "folder" and "cut.png: " in told["message"] and "notes3.txt: " in told["message"]
    assert told["message"].endswith(" And 2 other files.")


@pytest.mark.parametrize(
    ("body", "field", "words"),
    [
        ({"finish": [DOUBLE]}, "inputs", "Choose a picture first"),
        ({"images": ["0" * 64], "finish": [DOUBLE]}, "inputs", "not here any more"),
        ({"images": ["x"], "finish": [DOUBLE]}, "inputs", "not the id"),
        ({"images": ["PICTURE"], "finish": []}, "finish", "add a step"),
        ({"images": ["PICTURE"], "finish": [DOUBLE] * 10_000}, "finish", "at most 20"),
        ({"images": ["PICTURE"], "finish": [{"kind": "upscale", "upscaler": "nobody"}]}, "finish.0.upscaler", "no upscaler named"),
        ({"images": ["PICTURE"], "finish": [{"kind": "upscale", "upscaler": "Latent"}]}, "finish.0.upscaler", "no upscaler named"),
        ({"images": ["PICTURE"], "finish": [{"kind": "upscale", "width": 30_000}]}, "finish.0.scale", "30000×22496 pixels"),
        ({"images": ["PICTURE"], "finish": [{"kind": "restore"}]}, "finish.0.model", "no network for faces"),
        ({"images": ["PICTURE"], "finish": [{"kind": "extension", "name": "x"}]}, "finish.0.name", "that an extension adds"),
        ({"images": ["PICTURE"], "folder": "/tmp", "finish": [DOUBLE]}, "folder", "not both"),
        ({"folder": "pictures", "finish": [DOUBLE]}, "folder", "whole path"),
        ({"folder": "/no/such/folder", "finish": [DOUBLE]}, "folder", "cannot be opened"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_made(server, body, field, words):
    with server.client() as client:
        body = {**body, "images": [uploaded(client, 5) if each == "PICTURE" else each for each in body.get("images", [])]}
        answer = client.post("/api/v1/extras", json=body)
    assert answer.status_code == 422, answer.text
    told = answer.json()
    assert told["field"] == field and words in told["message"], told


def test_nan_is_refused(server):
    with server.client() as client:
        body = '{"images": ["ID"], "finish": [{"kind": "grain", "amount": NaN}]}'.replace("ID", uploaded(client, 6))
        answer = client.post("/api/v1/extras", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422 and answer.json()["message"]


def test_folders_are_for_who_runs_the_machine(server, tmp_path):
    with server.client("guest one") as client:
        answer = client.post("/api/v1/extras", json={"folder": str(tmp_path), "finish": [DOUBLE]})
    assert answer.status_code == 403 and "name a folder" in answer.json()["message"]


def test_an_engine_s_death_loses_and_repeats_nothing(server):
    with server.client("erin3") as client:
        ids = [uploaded(client, shade) for shade in range(100, 105)]
        body = {"mode": "extras", "prompt": "crash-after-writing", "inputs": ids, "finish": [DOUBLE]}
        job = finished(client, client.post("/api/v1/jobs", json=body).json()["id"])
        assert job["state"] == "done" and [image["index"] for image in job["images"]] == [0, 1, 2, 3, 4]


def test_a_steps_value_that_cannot_be_meant_is_named_as_on_the_page(server):
    with server.client() as client:
        answer = client.post("/api/v1/extras", json={"images": ["0" * 64], "finish": [DOUBLE | {"scale": -1}]})
        assert (answer.status_code, answer.json()["field"]) == (422, "finish.0.upscale.scale")
        assert answer.json()["message"].startswith("Upscale by of step 1 (upscale) must be ")
