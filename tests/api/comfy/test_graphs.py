"""ComfyUI's usual graphs run; what is not understood is refused by name, in its own shape."""

import io
import time

import httpx
import pytest
from PIL import Image

from tests.api.conftest import server  # noqa: F401 - a fixture


def usual(**changes) -> dict:
    """The default workflow of ComfyUI and of SillyTavern: text to picture."""
    graph = {
        "3": {
            "class_type": "KSampler",
            "inputs": {
                "seed": 8,
                "steps": 2,
                "cfg": 6,
                "sampler_name": "dpmpp_2m",
                "scheduler": "karras",
                "denoise": 1,
                "model": ["4", 0],
                "positive": ["6", 0],
                "negative": ["7", 0],
                "latent_image": ["5", 0],
            },
        },
        "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "tiny.safetensors"}},
        "5": {"class_type": "EmptyLatentImage", "inputs": {"width": 64, "height": 64, "batch_size": 2}},
        "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "a comfy apple", "clip": ["4", 1]}},
        "7": {"class_type": "CLIPTextEncode", "inputs": {"text": "blurry", "clip": ["4", 1]}},
        "8": {"class_type": "VAEDecode", "inputs": {"samples": ["3", 0], "vae": ["4", 2]}},
        "9": {"class_type": "SaveImage", "inputs": {"filename_prefix": "comfy", "images": ["8", 0]}},
    }
    return graph | changes


@pytest.fixture
def client(server):  # noqa: F811
    with server.client(owner="comfy user") as client:
        yield client


def job_of(server, client: httpx.Client, graph: dict):  # noqa: F811
    answer = client.post("/prompt", json={"prompt": graph, "client_id": "x"})
    assert answer.status_code == 200, answer.text
    assert answer.json()["node_errors"] == {}
    return answer.json()["prompt_id"]


def history(client: httpx.Client, prompt_id: str) -> dict:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        if found := client.get(f"/history/{prompt_id}").json():
            return found[prompt_id]
        time.sleep(0.02)
    raise AssertionError(prompt_id)


def upload(client: httpx.Client, picture: Image.Image, name: str) -> str:
    stream = io.BytesIO()
    picture.save(stream, "PNG")
    answer = client.post("/upload/image", files={"image": (name, stream.getvalue())}, data={"overwrite": "true"})
    assert answer.json() == {"name": name, "subfolder": "", "type": "input"}
    return name


def test_a_usual_graph_runs(server, client):  # noqa: F811
    graph = usual()
    prompt_id = job_of(server, client, graph)
    done = history(client, prompt_id)
    assert done["status"]["status_str"] == "success" and done["prompt"][2] == graph
    images = done["outputs"]["9"]["images"]
    assert len(images) == 2
    with Image.open(io.BytesIO(client.get("/view", params=images[0]).content)) as image:
        assert image.size == (64, 64)
    request = server.services.queue.get(prompt_id).request
    assert (request.prompt, request.negative_prompt, request.seed, request.guidance) == ("a comfy apple", "blurry", 8, 6)
    assert (request.sampler, request.schedule, request.batch_size) == ("DPM++ 2M", "Karras", 2)
    assert prompt_id in client.get("/history").json()


def test_a_graph_that_starts_from_a_picture_and_from_a_mask(server, client):  # noqa: F811
    name = upload(client, Image.new("RGB", (64, 64), "red"), "start.png")
    load = {"class_type": "LoadImage", "inputs": {"image": name}}
    encode = {"class_type": "VAEEncode", "inputs": {"pixels": ["10", 0], "vae": ["4", 2]}}
    sampler = usual()["3"]
    sampler["inputs"] |= {"denoise": 0.5, "latent_image": ["5", 0]}
    prompt_id = job_of(server, client, usual(**{"3": sampler, "5": encode, "10": load}))
    request = server.services.queue.get(prompt_id).request
    assert (request.mode, request.strength) == ("img2img", 0.5)
    holes = Image.new("RGBA", (64, 64), "red")
    holes.paste((0, 0, 0, 0), (0, 0, 32, 64))
    name = upload(client, holes, "holes.png")
    masked = {"class_type": "VAEEncodeForInpaint", "inputs": {"pixels": ["10", 0], "vae": ["4", 2], "mask": ["10", 1], "grow_mask_by": 6}}
    load = {"class_type": "LoadImage", "inputs": {"image": name}}
    prompt_id = job_of(server, client, usual(**{"3": sampler, "5": masked, "10": load}))
    request = server.services.queue.get(prompt_id).request
    assert request.mode == "inpaint"
    with Image.open(server.services.gallery.path_by_id(request.mask)) as mask:
        assert mask.getpixel((5, 5)) == 255 and mask.getpixel((60, 5)) == 0


def test_loras_and_a_second_pass(server, client):  # noqa: F811
    lora = {
        "class_type": "LoraLoader",
        "inputs": {"model": ["4", 0], "clip": ["4", 1], "lora_name": "ink.safetensors", "strength_model": 0.5, "strength_clip": 0.5},
    }
    larger = {"class_type": "LatentUpscaleBy", "inputs": {"samples": ["3", 0], "upscale_method": "bilinear", "scale_by": 2}}
    second = {"class_type": "KSampler", "inputs": usual()["3"]["inputs"] | {"latent_image": ["11", 0], "denoise": 0.4}}
    first = {"class_type": "KSampler", "inputs": usual()["3"]["inputs"] | {"model": ["10", 0]}}
    decode = {"class_type": "VAEDecode", "inputs": {"samples": ["12", 0], "vae": ["4", 2]}}
    words = {"class_type": "CLIPTextEncode", "inputs": {"text": "a comfy apple", "clip": ["10", 1]}}
    prompt_id = job_of(server, client, usual(**{"3": first, "6": words, "10": lora, "11": larger, "12": second, "8": decode}))
    request = server.services.queue.get(prompt_id).request
    assert "<lora:ink:0.5" in request.prompt and request.hires.scale == 2 and request.hires.strength == 0.4


BAD = {
    "an unknown node": (usual(**{"9": {"class_type": "NoSuchNode", "inputs": {}}}), "NoSuchNode"),
    "a loop": (usual(**{"8": {"class_type": "VAEDecode", "inputs": {"samples": ["8", 0], "vae": ["4", 2]}}}), "circle"),
    "a longer loop": (usual(**{"5": {"class_type": "VAEEncode", "inputs": {"pixels": ["8", 0], "vae": ["4", 2]}}}), "circle"),
    "a link to nowhere": (usual(**{"8": {"class_type": "VAEDecode", "inputs": {"samples": ["99", 0]}}}), "no node"),
    "no end": ({"4": usual()["4"]}, "SaveImage"),
    "no class": ({"4": {"inputs": {}}}, "class_type"),
    "nothing": ({}, "no graph"),
    "a list": ([1], "no graph"),
    "a huge size": (usual(**{"5": {"class_type": "EmptyLatentImage", "inputs": {"width": 10**9, "height": 64, "batch_size": 1}}}), "width"),
    "an unknown checkpoint": (usual(**{"4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "none-such"}}}), "none-such"),
    "an unknown picture": (
        usual(
            **{
                "5": {"class_type": "VAEEncode", "inputs": {"pixels": ["10", 0], "vae": ["4", 2]}},
                "10": {"class_type": "LoadImage", "inputs": {"image": "nowhere.png"}},
            }
        ),
        "nowhere.png",
    ),
    "many nodes": ({str(number): usual()["7"] for number in range(600)}, "nodes"),
}


@pytest.mark.parametrize(("graph", "word"), BAD.values(), ids=BAD)
def test_a_graph_that_cannot_run_is_refused_in_comfyuis_shape(client, graph, word):
    answer = client.post("/prompt", json={"prompt": graph})
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert set(error) == {"type", "message", "details", "extra_info"} and word in error["message"] + error["details"]


def test_odd_bodies(client):
    for content in (b"", b"{", b"[]", b'{"prompt": ' + b"[" * 5000 + b"]" * 5000 + b"}"):
        answer = client.post("/prompt", content=content)
        assert answer.status_code == 400 and answer.json()["error"]["message"], content[:20]
    assert client.post("/upload/image", json={}).status_code == 400
    assert client.post("/upload/image", files={"image": b"<svg/>"}).status_code == 400
    assert client.get("/view", params={"filename": "../../etc/passwd"}).status_code == 400
    assert client.get("/view", params={"filename": "0" * 64}).status_code == 404
    assert client.get("/ws").status_code == 400


def test_queue_and_interrupt_are_the_callers_own(server, client):  # noqa: F811
    graph = usual(**{"6": {"class_type": "CLIPTextEncode", "inputs": {"text": "never", "clip": ["4", 1]}}})
    prompt_id = job_of(server, client, graph)
    while not client.get("/queue").json()["queue_running"]:
        time.sleep(0.02)
    with server.client(owner="another comfy user") as other:
        assert other.get("/queue").json() == {"queue_running": [], "queue_pending": []}
        assert other.post("/interrupt").status_code == 200
        assert other.get(f"/history/{prompt_id}").json() == {}
    assert client.get("/queue").json()["queue_running"][0][1] == prompt_id
    assert client.post("/interrupt").json() == {}
    assert history(client, prompt_id)["status"]["completed"] is False
    assert client.post("/queue", json={"clear": True}).json() == {} and client.post("/history", json={"clear": True}).json() == {}


def test_lists_that_clients_read_unasked_are_there_and_empty(client):
    """SillyTavern's and others' drop-downs: one list that lacks leaves them without any model."""
    lists = {"UNETLoader": "unet_name", "CLIPLoader": "clip_name", "DualCLIPLoader": "clip_name2", "ControlNetLoader": "control_net_name"}
    info = client.get("/object_info").json()
    for kind, name in lists.items():
        assert info[kind]["input"]["required"][name][0] == [], kind
        assert client.get(f"/object_info/{kind}").json() == {kind: info[kind]}
    unet = {"class_type": "UNETLoader", "inputs": {"unet_name": "flux.safetensors", "weight_dtype": "default"}}
    refused = client.post("/prompt", json={"prompt": usual(**{"4": unet})})
    assert refused.status_code == 400 and "UNETLoader" in refused.text and "several files" in refused.text


def test_what_there_is(client):
    info = client.get("/object_info").json()
    assert "tiny.safetensors" in info["CheckpointLoaderSimple"]["input"]["required"]["ckpt_name"][0]
    assert "euler" in info["KSampler"]["input"]["required"]["sampler_name"][0]
    assert client.get("/object_info/KSampler").json()["KSampler"]["output"] == ["LATENT"]
    assert client.get("/object_info/NoSuch").json() == {}
    assert client.get("/system_stats").json()["devices"] and client.get("/embeddings").json() == []
    assert client.get("/prompt").json()["exec_info"]["queue_remaining"] >= 0
