"""Web and its engine, seen from outside: bad files keep neither from starting, and what web learns the engine knows at its next job."""

import io
import json
import os

import pytest
import torch
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from safetensors.torch import save_file

from tests.models import tiny_depth
from tests.waiting import until
from webui.app import open_app
from webui.bench.faults import AppProcess, finished
from webui.settings import load_settings

TINY_WIDTH = 192
APPLE = {"prompt": "a red apple", "steps": 1, "seed": 1, "width": 64, "height": 64}


def fill(folder):
    """A data folder whose models and pictures are of the worst kind."""
    models, outputs = folder / "models", folder / "outputs"
    for name in ("Stable-diffusion", "embeddings", "Lora", "VAE"):
        (models / name).mkdir(parents=True)
        os.mkfifo(models / name / "pipe.safetensors")
        (models / name / "zero.pt").symlink_to("/dev/zero")
        (models / name / "deep.safetensors").write_bytes((100_000).to_bytes(8, "little") + b"[" * 100_000)
        (models / name / "stop.pt").write_bytes(b".")
    outputs.mkdir()
    os.mkfifo(outputs / "pipe.png")
    for name, own in (("notes", '{"request":{},"index":0,"facts":{"job_id":"x","notes":5}}'), ("index", '{"request":{},"index":1e999}')):
        info = PngInfo()
        info.add_itxt("darkroom", own)
        Image.new("RGB", (8, 8)).save(outputs / f"{name}.png", pnginfo=info)
    (folder / "settings.toml").write_text(f"models_dirs = [{json.dumps(str(models))}]\n")
    return models


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("app")
    models = fill(folder)
    app = AppProcess(folder)
    app.start()
    yield app, models
    app.stop()


def made(app, **more):
    job = app.http.post("/api/v1/jobs", json=APPLE | more).raise_for_status().json()
    job = finished(app, job["id"])
    assert job["state"] == "done", job["error"]
    return job


def pixels(app, job):
    return app.http.get(job["images"][0]["url"]).content


@pytest.mark.skipif(os.name != "posix", reason="Windows has no pipes among files")
def test_bad_files_keep_nothing_from_starting_and_are_listed(place):
    app, _ = place
    assert made(app)["notes"] == []
    assert app.http.get("/health").json() == {"status": "ok"}
    errors = {model["name"]: model["error"] for model in app.http.get("/api/v1/models?kind=checkpoint").json()["models"]}
    assert "a pipe" in errors["pipe"] and "a device" in errors["zero"] and "not JSON" in errors["deep"]
    refused = app.http.post("/api/v1/jobs", json=APPLE | {"checkpoint": "pipe"})
    assert refused.status_code == 422 and "a pipe" in refused.json()["message"]
    assert "Embedding 'stop' was left out" in made(app, prompt="a stop sign")["notes"][0]


@pytest.mark.skipif(os.name != "posix", reason="see above")
def test_settings_and_files_reach_the_running_engine(place):
    app, models = place
    (engine,) = app.engines()
    values = {"picture_format": "webp", "outputs_pattern": "mine/{seed}"}
    app.http.patch("/page/settings", json={"values": values}).raise_for_status()
    assert made(app, seed=7)["images"][0]["path"] == "outputs/mine/7.webp"
    app.http.patch("/page/settings", json={"values": dict.fromkeys(values)}).raise_for_status()
    plain = pixels(app, made(app, prompt="zqx"))
    save_file({"emb_params": torch.full((2, TINY_WIDTH), 0.5)}, models / "embeddings" / "zqx.safetensors")
    assert pixels(app, made(app, prompt="zqx")) != plain
    assert [process.pid for process in app.engines()] == [engine.pid]


def test_a_depth_checkpoint_makes_a_picture_with_the_depth_of_another_one(place):
    """From the file to the saved picture; without one to start from it is refused before the queue, and it is nobody's first choice."""
    app, models = place
    tiny_depth.write(models / "Stable-diffusion" / "512-depth-ema.safetensors", tiny_depth.state())
    start = io.BytesIO()
    Image.linear_gradient("L").resize((128, 64)).save(start, "PNG")
    picture = app.http.post("/api/v1/images", content=start.getvalue()).raise_for_status().json()["id"]
    job = made(app, checkpoint="512-depth-ema", mode="img2img", init=picture, strength=1.0, width=128)
    assert job["request"]["checkpoint"].startswith("512-depth-ema [") and job["notes"] == []
    with Image.open(io.BytesIO(pixels(app, job))) as found:
        assert found.size == (128, 64)
    refused = app.http.post("/api/v1/jobs", json=APPLE | {"checkpoint": "512-depth-ema"})
    assert (refused.status_code, refused.json()["field"]) == (422, "checkpoint") and "Choose img2img" in refused.json()["message"]
    assert not made(app)["request"]["checkpoint"].startswith("512-depth")


@pytest.fixture
def settings(tmp_path):
    return load_settings({"data_dir": tmp_path, "devices": ("cpu",)}, environment={})


def broken(receive, ended):
    raise LookupError("no such engine")


def test_a_start_that_fails_is_said_and_the_rest_is_done(settings, monkeypatch):
    app = open_app(settings, broken)
    try:
        monkeypatch.setattr(app.services.gallery.store, "sweep", lambda: 1 / 0)
        app.start()
        until(lambda: len(app.services.queue.troubles) >= 2)
        assert "half-written" in app.services.queue.troubles[0] and "no such engine" in app.services.queue.troubles[1]
        assert not any(name in said for said in app.services.queue.troubles for name in ("Error", "Exception"))
        (engine,) = app.services.queue.engines()
        assert (engine.state, engine.message) == ("off", app.services.queue.troubles[1])
        assert app.services.queue.engines_body()["troubles"] == list(app.services.queue.troubles)
    finally:
        app.stop()
