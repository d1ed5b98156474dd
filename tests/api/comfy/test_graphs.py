"""ComfyUI's usual graphs run; what is not understood is refused by name, in its own shape."""

import io
import json

import httpx
import pytest
from PIL import Image

from tests.api.conftest import server  # noqa: F401 - a fixture
from tests.waiting import until
from webui.prompts import parse_attention, strip_comments


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
    return until(lambda: client.get(f"/history/{prompt_id}").json())[prompt_id]


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


def test_a_number_sign_in_a_text_is_no_comment(server, client):  # noqa: F811
    words = {"class_type": "CLIPTextEncode", "inputs": {"text": "house #12\n# a garden", "clip": ["4", 1]}}
    request = server.services.queue.get(job_of(server, client, usual(**{"6": words}))).request
    assert parse_attention(strip_comments(request.prompt)) == [["house #12\n# a garden", 1.0]]


@pytest.mark.parametrize(
    ("path", "body"),
    [("/interrupt", {"prompt_id": [1]}), ("/history", {"delete": 5}), ("/history", {"delete": [[1]]}), ("/queue", {"delete": {"a": 1}})],
)
def test_what_is_no_name_of_a_graph_stops_and_forgets_nothing(client, path, body):
    answer = client.post(path, json=body)
    assert answer.status_code == 400 and "must be" in answer.json()["error"]["message"], answer.text


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


def sent(client: httpx.Client, colour: str, name: str, **form: str) -> dict:
    stream = io.BytesIO()
    Image.new("RGB", (64, 64), colour).save(stream, "PNG")
    return client.post("/upload/image", files={"image": (name, stream.getvalue())}, data=form).json()


def seen(client: httpx.Client, told: dict, **more: str) -> Image.Image:
    answer = client.get("/view", params={"filename": told["name"], "subfolder": told["subfolder"], "type": told["type"], **more})
    assert answer.status_code == 200, answer.text
    return Image.open(io.BytesIO(answer.content))


def test_pictures_of_one_name_stand_beside_each_other(server, client):  # noqa: F811
    """By ComfyUI's rule: a number, unless the form says overwrite; each in the folder that the form names."""
    first, second = sent(client, "red", "one.png"), sent(client, "blue", "one.png")
    assert (first["name"], second["name"]) == ("one.png", "one (1).png") and sent(client, "red", "one.png") == first
    below = sent(client, "lime", "one.png", subfolder="a/b", type="temp")
    assert below == {"name": "one.png", "subfolder": "a/b", "type": "temp"}
    for told, colour in ((first, (255, 0, 0)), (second, (0, 0, 255)), (below, (0, 255, 0))):
        assert seen(client, told).convert("RGB").getpixel((5, 5)) == colour
    assert seen(client, first, preview="webp;50").format == "WEBP" and seen(client, first, channel="a").mode == "L"
    assert sent(client, "white", "one.png", overwrite="true") == first
    assert seen(client, first).convert("RGB").getpixel((5, 5)) == (255, 255, 255)
    assert client.get("/view", params={"filename": "two.png", "type": "input"}).status_code == 404
    refused = client.post("/upload/image", files={"image": ("x.png", b"x")}, data={"subfolder": "../.."})
    assert refused.status_code == 400 and "inside the folder" in refused.text
    encode = {"class_type": "VAEEncode", "inputs": {"pixels": ["10", 0], "vae": ["4", 2]}}
    starts = []
    for name in ("one.png", "one (1).png", "a/b/one.png [temp]"):
        graph = usual(**{"5": encode, "10": {"class_type": "LoadImage", "inputs": {"image": name}}})
        graph["3"] = {**graph["3"], "inputs": {**graph["3"]["inputs"], "denoise": 0.5, "latent_image": ["5", 0]}}
        starts.append(server.services.queue.get(job_of(server, client, graph)).request.init)
    assert len(set(starts)) == 3


def test_a_mask_of_the_editor_is_the_transparency_of_its_picture(client):
    original = sent(client, "red", "masked.png")
    stream, mask = io.BytesIO(), Image.new("RGBA", (64, 64), (0, 0, 0, 255))
    mask.paste((0, 0, 0, 0), (0, 0, 32, 64))
    mask.save(stream, "PNG")
    form = {"original_ref": json.dumps({"filename": original["name"], "subfolder": "", "type": "input"}), "subfolder": "clipspace"}
    told = client.post("/upload/mask", files={"image": ("mask.png", stream.getvalue())}, data=form).json()
    image = seen(client, told)
    assert told["subfolder"] == "clipspace" and image.getpixel((5, 5)) == (255, 0, 0, 0) and image.getpixel((60, 5)) == (255, 0, 0, 255)


def test_what_is_taken_out_of_the_history_is_gone_from_it_and_not_from_the_gallery(server):  # noqa: F811
    with server.client(owner="forgets") as client:
        one, two = job_of(server, client, usual()), job_of(server, client, usual())
        first = history(client, one)["outputs"]["9"]["images"][0]
        history(client, two)
        assert client.post("/history", json={"delete": [one, "no such"]}).json() == {}
        assert list(client.get("/history").json()) == [two] and client.get(f"/history/{one}").json() == {}
        client.post("/history", json={"clear": True})
        assert client.get("/history").json() == {} and client.get("/view", params=first).status_code == 200
        three = job_of(server, client, usual())
        history(client, three)
        assert list(client.get("/history", params={"max_items": 1000}).json()) == [three]


REFUSED = {
    "a size": ({"5": {"class_type": "EmptyLatentImage", "inputs": {"width": 10**9, "height": 64, "batch_size": 1}}}, "5", "width"),
    "a batch": ({"5": {"class_type": "EmptyLatentImage", "inputs": {"width": 64, "height": 64, "batch_size": 999}}}, "5", "batch_size"),
    "a checkpoint": ({"4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "none-such"}}}, "4", "ckpt_name"),
    "a negative text": ({"7": {"class_type": "CLIPTextEncode", "inputs": {"text": "x" * 200_000, "clip": ["4", 1]}}}, "7", "text"),
    "a text": ({"6": {"class_type": "CLIPTextEncode", "inputs": {"text": "x" * 200_000, "clip": ["4", 1]}}}, "6", "text"),
}


@pytest.mark.parametrize(("changes", "node", "name"), REFUSED.values(), ids=REFUSED)
def test_what_a_request_may_not_have_is_refused_at_the_node_that_it_comes_from(client, changes, node, name):
    answer = client.post("/prompt", json={"prompt": usual(**changes)})
    (error,) = answer.json()["node_errors"][node]["errors"]
    assert answer.status_code == 400 and error["extra_info"] == {"input_name": name}
    assert answer.json()["error"]["details"].startswith(f"Node #{node}, {name}: ")


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
    until(lambda: client.get("/queue").json()["queue_running"])
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


FREEU = {"b1": 1.3, "b2": 1.4, "s1": 0.9, "s2": 0.2}


def guided(kind: str, **values) -> dict:
    """The usual graph, its model through one more node."""
    sampler = usual()["3"]
    sampler["inputs"]["model"] = ["10", 0]
    return usual(**{"3": sampler, "10": {"class_type": kind, "inputs": {"model": ["4", 0], **values}}})


@pytest.mark.parametrize(
    ("kind", "part", "values"),
    [("FreeU_V2", "freeu", FREEU), ("SelfAttentionGuidance", "sag", {"scale": 0.7, "blur_sigma": 1.5})]
    + [("PerturbedAttentionGuidance", "pag", {"scale": 2.5})],
)
def test_guidance_of_a_graph_is_the_requests(server, client, kind, part, values):  # noqa: F811
    job = server.services.queue.get(job_of(server, client, guided(kind, **values)))
    assert {name: getattr(getattr(job.request, part), name) for name in values} == values
    assert not [note for note in job.notes if kind in note]
    listed = client.get(f"/object_info/{kind}").json()[kind]
    assert list(listed["input"]["required"]) == ["model", *values] and listed["output"] == ["MODEL"]


def test_guidance_that_cannot_be_is_refused_at_its_node(client):
    for kind, values, name in [
        ("FreeU_V2", FREEU | {"b1": 5}, "b1"),
        ("PerturbedAttentionGuidance", {"scale": -1}, "scale"),
        ("SelfAttentionGuidance", {"scale": 9, "blur_sigma": 2}, "scale"),
    ]:
        answer = client.post("/prompt", json={"prompt": guided(kind, **values)})
        errors = answer.json()["node_errors"]
        assert answer.status_code == 400 and list(errors) == ["10"], answer.text
        assert errors["10"]["errors"][0]["extra_info"]["input_name"] == name
    first = client.post("/prompt", json={"prompt": guided("FreeU", **FREEU)})
    assert first.status_code == 400 and "node FreeU does not exist" in first.text and "the first version of FreeU" in first.text
