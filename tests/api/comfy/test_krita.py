"""Krita AI Diffusion's standard graphs run: it connects, paints, refines, inpaints. What needs ControlNet is refused by name."""

import io
import json
import struct
import zlib

import httpx
import pytest
from PIL import Image, ImageDraw

from tests.api.comfy.test_graphs import history
from tests.api.comfy.test_socket import heard, socket
from tests.api.conftest import server  # noqa: F401 - a fixture

OWNER = "krita"
KRITA = {"ngrok-skip-browser-warning": "69420", "skip_zrok_interstitial": "69420"}
REQUIRED = (
    *("InpaintPreprocessor", "DepthAnythingV2Preprocessor", "IPAdapterModelLoader", "IPAdapter"),
    *("ETN_LoadImageCache", "ETN_SaveImageCache", "ETN_Translate"),
    *("INPAINT_LoadFooocusInpaint", "INPAINT_ShrinkMask", "INPAINT_StabilizeMask", "INPAINT_ColorMatch"),
)


class Graph(dict):
    """A graph that is written from its loaders to its end, as Krita's client numbers it."""

    def add(self, kind: str, slot: int = 0, **inputs) -> list:
        key = str(len(self) + 1)
        self[key] = {"class_type": kind, "inputs": inputs}
        return [key, slot]

    def model(self) -> tuple[list, list, list]:
        model, _ = self.add("CheckpointLoaderSimple", ckpt_name="tiny.safetensors")
        return [model, 0], [model, 1], [model, 2]

    def sampled(self, model: list, clip: list, latent: list, words: str, start: int = 0) -> list:
        positive = self.add("CLIPTextEncode", clip=clip, text=words)
        negative = self.add("CLIPTextEncode", clip=clip, text="blurry")
        guider = self.add("CFGGuider", model=model, positive=positive, negative=negative, cfg=6.0)
        sigmas = self.add("BasicScheduler", model=model, scheduler="karras", steps=10, denoise=1.0)
        if start:
            sigmas = self.add("SplitSigmas", slot=1, sigmas=sigmas, step=start)
        parts = {"noise": self.add("RandomNoise", noise_seed=77), "sampler": self.add("KSamplerSelect", sampler_name="dpmpp_2m")}
        return self.add("SamplerCustomAdvanced", slot=1, guider=guider, sigmas=sigmas, latent_image=latent, **parts)

    def end(self, latent: list, vae: list) -> None:
        self.add("ETN_SaveImageCache", images=self.add("VAEDecode", vae=vae, samples=latent), format="PNG")


@pytest.fixture
def client(server):  # noqa: F811
    with server.client(owner=OWNER, **KRITA) as client:
        yield client


def put(client: httpx.Client, picture: Image.Image) -> str:
    """Send a picture as Krita does, under its checksum."""
    stream = io.BytesIO()
    picture.save(stream, "PNG")
    name = f"{zlib.crc32(stream.getvalue()):08x}"
    answer = client.put(f"/api/etn/image/{name}", content=stream.getvalue(), headers={"Content-Type": "application/octet-stream"})
    assert answer.status_code in (200, 201), answer.text
    return name


def run(client: httpx.Client, graph: dict, prompt_id: str) -> list[Image.Image]:
    """Send a graph under Krita's own id for it, wait, and fetch the pictures as Krita does."""
    answer = client.post("/prompt", json={"prompt": graph, "client_id": "k", "prompt_id": prompt_id})
    assert answer.status_code == 200, answer.text
    assert answer.json()["prompt_id"] == prompt_id
    (saved,) = history(client, prompt_id)["outputs"].values()
    assert {image["source"] for image in saved["images"]} == {"http"}
    files = [client.get(f"/api/etn/image/{image['id']}") for image in saved["images"]]
    assert {file.headers["content-type"] for file in files} == {"image/png"}
    return [Image.open(io.BytesIO(file.content)) for file in files]


def request_of(server, client: httpx.Client, words: str):  # noqa: F811
    return next(job.request for job in server.services.queue.jobs(owner=OWNER, newest=True) if job.request.prompt == words)


def test_krita_finds_what_it_insists_on_before_it_connects(server, client):  # noqa: F811
    assert client.get("/system_stats").json()["devices"][0]["type"]
    nodes = client.get("/object_info").json()
    assert not [name for name in REQUIRED if name not in nodes]
    options = {name: nodes[node]["input"]["required"][name][0] for node, name in (("ControlNetLoader", "control_net_name"),)}
    assert all(name.startswith("not-here/") for name in options["control_net_name"])
    assert any("Hyper-SD15-8steps-CFG-lora" in name for name in nodes["LoraLoader"]["input"]["required"]["lora_name"][0])
    info = client.get("/api/etn/model_info/checkpoints?offset=0&limit=8").json()
    assert info["_meta"]["offset"] == 0 and info["_meta"]["total"] >= 1
    assert info["tiny.safetensors"] == {"base_model": "sd15", "is_inpaint": False, "type": "eps"}
    assert client.get("/api/etn/model_info/diffusion_models?offset=0&limit=8").json() == {"_meta": {"offset": 0, "count": 0, "total": 0}}
    assert client.get("/api/etn/languages").json() == [] and client.get("/api/etn/translate/de/ein Apfel").json() == "ein Apfel"
    assert client.post("/api/etn/workflow/subscribe", json={"client_id": "k"}).json() == {"status": "success"}


def test_nobody_else_is_told_of_files_that_are_not_here(server):  # noqa: F811
    with server.client(owner="no krita") as other:
        nodes = other.get("/object_info").json()
        assert "IPAdapterModelLoader" not in nodes and "not-here" not in json.dumps(nodes)
        assert other.get("/api/object_info/KSampler").json() == other.get("/object_info/KSampler").json()
        assert "tiny.safetensors" in other.get("/models/checkpoints").json() and "loras" in other.get("/api/models").json()


def test_krita_paints(server, client):  # noqa: F811
    graph = Graph()
    model, clip, vae = graph.model()
    latent = graph.add("EmptyLatentImage", width=64, height=128, batch_size=2)
    graph.end(graph.sampled(model, clip, latent, "krita paints"), vae)
    pictures = run(client, graph, "0a3bb02c-paints")
    assert [picture.size for picture in pictures] == [(64, 128)] * 2
    request = request_of(server, client, "krita paints")
    assert (request.seed, request.guidance, request.steps, request.sampler) == (77, 6, 10, "DPM++ 2M")
    assert request.schedule == "Karras" and request.negative_prompt == "blurry"


def test_krita_refines(server, client):  # noqa: F811
    graph = Graph()
    model, clip, vae = graph.model()
    image = graph.add("ETN_LoadImageCache", id=put(client, Image.new("RGB", (96, 64), "green")))
    image = graph.add("ImageScale", image=image, width=192, height=128, upscale_method="lanczos", crop="disabled")
    latent = graph.add("RepeatLatentBatch", samples=graph.add("VAEEncode", vae=vae, pixels=image), amount=2)
    graph.end(graph.sampled(model, clip, latent, "krita refines", start=6), vae)
    assert [picture.size for picture in run(client, graph, "refines")] == [(192, 128)] * 2
    request = request_of(server, client, "krita refines")
    assert (request.mode, request.strength, request.batch_size) == ("img2img", 0.4, 2)


def inpainting(client: httpx.Client) -> Graph:
    """A selection in the middle of a canvas of 128×128, of which the part from 32, 32 is given back."""
    canvas, selection = Image.new("RGB", (128, 128), "blue"), Image.new("L", (128, 128))
    ImageDraw.Draw(selection).rectangle((48, 48, 79, 79), fill=255)
    graph = Graph()
    model, clip, vae = graph.model()
    model = graph.add("DifferentialDiffusion", model=model)
    place = {"x": 32, "y": 32, "width": 64, "height": 64}
    image = graph.add("ETN_LoadImageCache", id=put(client, canvas))
    chosen = graph.add("ETN_LoadImageCache", slot=1, id=put(client, selection))
    mask = graph.add("INPAINT_ExpandMask", mask=chosen, grow=4, blur=6, blur_type="linear")
    cropped = graph.add("CropMask", mask=mask, **place)
    mask = graph.add("INPAINT_StabilizeMask", mask=mask, epsilon=0.01)
    image = graph.add("INPAINT_MaskedBlur", image=image, mask=chosen, blur=65, falloff=9)
    latent = graph.add("SetLatentNoiseMask", samples=graph.add("VAEEncode", vae=vae, pixels=image), mask=mask)
    made = graph.add("VAEDecode", vae=vae, samples=graph.sampled(model, clip, latent, "krita inpaints", start=3))
    made = graph.add("INPAINT_ColorMatch", target=made, reference=image, exclude_mask=mask, strength=1.0)
    made = graph.add("ImageCrop", image=made, **place)
    cropped = graph.add("ThresholdMask", mask=cropped, value=0.0)
    alpha = graph.add("INPAINT_ShrinkMask", mask=cropped, shrink=2, blur=4, blur_type="gaussian")
    graph.add("ETN_SaveImageCache", images=graph.add("ETN_ApplyMaskToImage", image=made, mask=alpha), format="PNG")
    return graph


def test_krita_inpaints_and_gets_the_selection_alone(server, client):  # noqa: F811
    (picture,) = run(client, inpainting(client), "inpaints")
    assert (picture.size, picture.mode) == ((64, 64), "RGBA")
    alpha = picture.getchannel("A")
    assert alpha.getpixel((32, 32)) == 255 and alpha.getpixel((2, 2)) == 0
    request = request_of(server, client, "krita inpaints")
    assert (request.mode, request.strength, request.width, request.height) == ("inpaint", 0.7, 128, 128)
    assert (request.mask_blur, request.mask_round) == (0, False)
    with Image.open(server.services.gallery.path_by_id(request.mask)) as mask:
        assert mask.convert("L").getpixel((64, 64)) == 255 and mask.convert("L").getpixel((10, 10)) == 0
    whole = server.services.queue.jobs(owner=OWNER, newest=True)[0].images[0]
    assert (whole.width, whole.height) == (128, 128), "the gallery has the whole picture"


def test_nobody_else_gets_kritas_pictures(server, client):  # noqa: F811
    run(client, inpainting(client), "alone")
    image_id = server.services.queue.jobs(owner=OWNER, newest=True)[0].images[0].id
    with server.client(owner="no krita") as other:
        assert other.get(f"/api/etn/image/{image_id}").status_code == 404
        assert other.get("/history/alone").json() == {}


@pytest.mark.parametrize("end", ["ETN_SendImageWebSocket", "SaveImageWebsocket"])
def test_pictures_that_come_through_the_socket(server, client, end):  # noqa: F811
    graph = Graph()
    model, clip, vae = graph.model()
    latent = graph.sampled(model, clip, graph.add("EmptyLatentImage", width=64, height=64, batch_size=1), f"sent by {end}")
    decoded = graph.add("VAEDecode", vae=vae, samples=latent)
    graph.add(end, images=graph.add("ImageScaleBy", image=decoded, upscale_method="area", scale_by=0.5))
    with socket(server, "k", owner=OWNER) as mine:
        answer = client.post("/prompt", json={"prompt": graph, "client_id": "k", "prompt_id": end})
        assert answer.json().get("prompt_id") == end, answer.text
        said = heard(mine, end, "executing")
        while not (isinstance(said[-1], dict) and said[-1]["data"]["node"] is None):
            said += heard(mine, end, "executing")
    files = [each for each in said if isinstance(each, bytes) and struct.unpack(">II", each[:8]) == (1, 2)]
    assert [Image.open(io.BytesIO(file[8:])).size for file in files] == [(32, 32)]


def test_krita_stops_what_it_has_sent_by_its_own_name_for_it(server, client):  # noqa: F811
    graph = Graph()
    model, clip, vae = graph.model()
    graph.end(graph.sampled(model, clip, graph.add("EmptyLatentImage", width=64, height=64, batch_size=1), "never"), vae)
    for name in ("first of krita", "second of krita"):
        client.post("/prompt", json={"prompt": graph, "client_id": "k", "prompt_id": name})
    client.post("/queue", json={"delete": ["first of krita", "second of krita"]})
    client.post("/interrupt", json={"prompt_id": "first of krita"})
    client.post("/interrupt", json={})
    for name in ("first of krita", "second of krita"):
        client.post("/interrupt", json={"prompt_id": name})
        assert history(client, name)["status"]["completed"] is False


def refused(client: httpx.Client, graph: dict) -> str:
    answer = client.post("/prompt", json={"prompt": graph})
    assert answer.status_code == 400 and set(answer.json()["error"]) == {"type", "message", "details", "extra_info"}
    return json.dumps(answer.json())


def test_what_needs_more_than_there_is_is_refused_by_name(client):
    for kind, word in {
        "ControlNetApplyAdvanced": "ControlNet",
        "IPAdapterEmbeds": "IP-Adapter",
        "INPAINT_ApplyFooocusInpaint": "inpainting models",
        "ETN_AttentionMask": "regions",
    }.items():
        graph = inpainting(client)
        graph.add(kind, model=["1", 0])
        said = refused(client, graph)
        assert kind in said and word in said
    graph = inpainting(client)
    graph.add("LoraLoader", model=["1", 0], clip=["1", 1], lora_name="not-here/Hyper-SD15.safetensors", strength_model=1, strength_clip=1)
    assert "Hyper-SD15" in refused(client, graph)


def test_pictures_that_cannot_be_made_are_refused_at_their_node(client):
    for change in (
        {"4": {"class_type": "ETN_LoadImageCache", "inputs": {"id": "never sent"}}},
        {"4": {"class_type": "ETN_LoadImageBase64", "inputs": {"image": "no base64!"}}},
        {"4": {"class_type": "EmptyImage", "inputs": {"width": 10**6, "height": 10**6, "color": 0, "batch_size": 1}}},
        {"9": {"class_type": "INPAINT_MaskedBlur", "inputs": {"image": ["4", 0]}}},
    ):
        graph = inpainting(client)
        assert graph.keys() >= change.keys()
        assert refused(client, {**graph, **change})
    answer = client.put("/api/etn/image/svg", content=b"<svg/>")
    assert answer.status_code == 400 and answer.json()["error"]["message"]
    assert client.put("/api/etn/upload/loras/x.safetensors", content=b"").status_code == 403
