"""Graphs that enlarge by a network: without a checkpoint they are jobs of Extras, behind a sampler a finish chain."""

import pytest
from PIL import Image

from tests.api.comfy.test_graphs import client, history, job_of, upload, usual  # noqa: F401 - client is a fixture
from tests.api.conftest import server  # noqa: F401 - a fixture
from tests.library.test_scan import write

NET = "4x-net.safetensors"


@pytest.fixture(autouse=True, scope="module")
def networks(server):  # noqa: F811
    """Two upscalers that are here."""
    for name in (NET, "plain.safetensors"):
        write(server.settings.data_dir / "models" / "ESRGAN" / name, {"conv_first.weight": (64, 3, 3, 3)})
    server.services.library.scan()


def graph_of(client, *changes: dict, size=(33, 20), save=None, network=NET) -> dict:  # noqa: F811
    """A graph that loads a picture, goes through these nodes one after another, and saves."""
    graph = {
        "load": {"class_type": "LoadImage", "inputs": {"image": upload(client, Image.new("RGB", size, "blue"), "to-enlarge.png")}},
        "net": {"class_type": "UpscaleModelLoader", "inputs": {"model_name": network}},
    }
    last = "load"
    for number, change in enumerate(changes):
        kind, inputs = change["kind"], {key: value for key, value in change.items() if key != "kind"}
        graph[str(number)] = {"class_type": kind, "inputs": {"image": [last, 0], **inputs}}
        last = str(number)
    return graph | {"save": {"class_type": "SaveImage", "inputs": {"images": [last, 0], "filename_prefix": "x", **(save or {})}}}


def by(network: str = "net") -> dict:
    return {"kind": "ImageUpscaleWithModel", "upscale_model": [network, 0]}


def request_of(server, client, graph):  # noqa: F811
    return server.services.queue.get(job_of(server, client, graph)).request


def test_a_picture_is_enlarged_to_exactly_what_the_network_makes_of_it(server, client):  # noqa: F811
    prompt_id = job_of(server, client, graph_of(client, by(), save={"filename_prefix": "y"}))
    request = server.services.queue.get(prompt_id).request
    assert request.mode == "extras" and [(step.upscaler, step.scale, step.width) for step in request.finish] == [("4x-net", 0, 0)]
    done = history(client, prompt_id)
    assert done["status"]["status_str"] == "success" and len(done["outputs"]["save"]["images"]) == 1


def test_networks_one_after_another_and_pixels_around_them(server, client):  # noqa: F811
    smaller = {"kind": "ImageScale", "upscale_method": "lanczos", "width": 16, "height": 8, "crop": "disabled"}
    half = {"kind": "ImageScaleBy", "upscale_method": "lanczos", "scale_by": 0.5}
    request = request_of(server, client, graph_of(client, smaller, by(), by(), half))
    assert [(step.upscaler, step.scale) for step in request.finish] == [("4x-net", 0), ("4x-net", 0)]
    with Image.open(server.services.gallery.path_by_id(request.inputs[0])) as image:
        assert image.size == (16, 8)


def test_what_follows_the_network_is_done_to_what_it_gives(server, client):  # noqa: F811
    crop = {"kind": "ImageCrop", "width": 12, "height": 9, "x": 0, "y": 0}
    done = history(client, job_of(server, client, graph_of(client, by(), crop)))
    answer = client.get("/view", params=done["outputs"]["save"]["images"][0])
    assert answer.headers["content-type"] == "image/png" and int.from_bytes(answer.content[16:20]) == 12


def test_a_graph_without_any_network_is_a_job_too(server, client):  # noqa: F811
    half = {"kind": "ImageScale", "upscale_method": "nearest-exact", "width": 66, "height": 40, "crop": "disabled"}
    request = request_of(server, client, graph_of(client, half))
    assert request.mode == "extras" and [step.kind for step in request.finish] == ["format"]
    with Image.open(server.services.gallery.path_by_id(request.inputs[0])) as image:
        assert image.size == (66, 40)


def test_a_network_whose_name_does_not_say_how_much_makes_what_it_makes(server, client):  # noqa: F811
    job = server.services.queue.get(job_of(server, client, graph_of(client, by(), network="plain.safetensors")))
    assert job.request.finish[0].scale == 0 and not job.notes


def test_a_network_that_is_not_here_is_refused_by_name(client):  # noqa: F811
    answer = client.post("/prompt", json={"prompt": graph_of(client, by(), network="none.pth")})
    assert answer.status_code == 400 and "The upscaler none.pth is not here" in answer.json()["error"]["details"]


def test_behind_a_sampler_it_is_the_finish_chain(server, client):  # noqa: F811
    nodes = {
        "10": {"class_type": "UpscaleModelLoader", "inputs": {"model_name": NET}},
        "11": {"class_type": "ImageUpscaleWithModel", "inputs": {"upscale_model": ["10", 0], "image": ["8", 0]}},
        "9": {"class_type": "SaveImage", "inputs": {"images": ["11", 0], "filename_prefix": "z"}},
    }
    job = server.services.queue.get(job_of(server, client, usual(**nodes)))
    assert job.request.mode == "txt2img" and [(step.upscaler, step.scale) for step in job.request.finish] == [("4x-net", 0)]
    assert not any("Lanczos" in note for note in job.notes)


def test_behind_a_sampler_a_filter_stands_for_a_network_that_is_not_here(server, client):  # noqa: F811
    nodes = {
        "10": {"class_type": "UpscaleModelLoader", "inputs": {"model_name": "none.pth"}},
        "11": {"class_type": "ImageUpscaleWithModel", "inputs": {"upscale_model": ["10", 0], "image": ["8", 0]}},
        "9": {"class_type": "SaveImage", "inputs": {"images": ["11", 0], "filename_prefix": "z"}},
    }
    job = server.services.queue.get(job_of(server, client, usual(**nodes)))
    assert not job.request.finish and any("Lanczos" in note for note in job.notes)
