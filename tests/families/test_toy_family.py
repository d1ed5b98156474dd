"""A family that comes in one extension file makes pictures through the whole app: listed, resolved, queued, sampled, saved."""

import io
import shutil
from pathlib import Path

import httpx
import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from webui.bench.faults import AppProcess, finished

TOY = Path(__file__).parent / "toy_flow.py"
SHIFT, SCALE = 0.25, 0.5


def weights() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(5)
    shapes = {
        "text_encoder.table.weight": (256, 6),
        "text_encoder_2.table.weight": (256, 4),
        "transformer.query": (6,),
        "transformer.out.weight": (8, 10),
        "transformer.out.bias": (8,),
        "vae.down.weight": (8, 3, 4, 4),
        "vae.down.bias": (8,),
        "vae.up.weight": (8, 3, 4, 4),
        "vae.up.bias": (3,),
    }
    return {f"toy.{name}": torch.randn(shape, generator=generator) * 0.4 for name, shape in shapes.items()}


def target(text: str) -> torch.Tensor:
    """The clean latent that the network leads to for a prompt."""
    tensors = weights()
    numbers = torch.tensor([*text.encode(), 0])
    context = tensors["toy.text_encoder.table.weight"][numbers]
    read = (context @ tensors["toy.transformer.query"]).softmax(0) @ context
    pooled = tensors["toy.text_encoder_2.table.weight"][numbers].mean(0)
    return tensors["toy.transformer.out.weight"] @ torch.cat([read, pooled]) + tensors["toy.transformer.out.bias"]


def picture(prompt: str, negative: str, guidance: float) -> np.ndarray:
    """One block of 4×4 pixels, of which the picture is made."""
    latent = target(negative) + guidance * (target(prompt) - target(negative))
    tensors = weights()
    block = torch.einsum("c,cphw->phw", latent / SCALE + SHIFT, tensors["toy.vae.up.weight"]) + tensors["toy.vae.up.bias"][:, None, None]
    return (block.add(1).div(2).clamp(0, 1) * 255).permute(1, 2, 0).numpy()


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    folder = tmp_path_factory.mktemp("toy")
    (folder / "extensions").mkdir()
    shutil.copy(TOY, folder / "extensions")
    models = folder / "models" / "Stable-diffusion"
    models.mkdir(parents=True)
    save_file(weights(), models / "toy.safetensors")
    app = AppProcess(folder, DARKROOM_MODELS_DIRS=str(folder / "models"), DARKROOM_DTYPE="float32")
    app.start()
    yield app
    app.stop()


def made(app: AppProcess, **fields: object) -> tuple[dict, list[np.ndarray]]:
    job = app.http.post("/api/v1/jobs", json={"prompt": "a cat", "seed": 1, "checkpoint": "toy", **fields}).raise_for_status().json()
    ended = finished(app, job["id"])
    assert ended["state"] == "done", ended["error"]
    files = [app.http.get(f"/api/v1/images/{image['id']}").raise_for_status().content for image in ended["images"]]
    return ended, [np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(float) for data in files]


def near(image: np.ndarray, prompt: str, negative: str, guidance: float) -> bool:
    block = picture(prompt, negative, guidance)
    return bool(np.abs(image - np.tile(block, (image.shape[0] // 4, image.shape[1] // 4, 1))).max() <= 1.01)


def test_it_is_listed_and_its_defaults_make_the_picture_that_its_network_knows(app):
    checkpoints = app.http.get("/api/v1/capabilities").json()["checkpoints"]
    listed = [model for model in checkpoints if model["name"] == "toy"]
    assert [(model["name"], model["family"], model["prediction"], model["error"]) for model in listed] == [("toy", "toy-flow", "flow", "")]
    job, (image,) = made(app)
    request = job["request"]
    assert (request["width"], request["height"], request["steps"], request["sampler"], request["schedule"]) == (
        96,
        64,
        4,
        "Euler",
        "Simple",
    )
    assert image.shape == (64, 96, 3) and near(image, "a cat", "", 2.0)


@pytest.mark.parametrize("sampler", ["Euler a", "DPM++ 2M", "DPM++ SDE", "Heun"])
def test_every_sampler_that_takes_a_flow_ends_there(app, sampler):
    _, images = made(app, sampler=sampler, negative_prompt="a dog", guidance=1.5, steps=6, batch_size=2)
    assert len(images) == 2 and all(near(image, "a cat", "a dog", 1.5) for image in images)


def test_prompt_editing_the_second_pass_and_a_start_picture_go_through_the_same_family(app):
    _, (image,) = made(app, prompt="[a dog:a cat:0.3]", negative_prompt="x", steps=8)
    assert near(image, "a cat", "x", 2.0)
    _, (large,) = made(app, hires={"scale": 2, "strength": 0.9})
    assert large.shape == (128, 192, 3) and near(large, "a cat", "", 2.0)
    upload = io.BytesIO()
    Image.new("RGB", (64, 64), (200, 40, 90)).save(upload, "PNG")
    init = app.http.post("/api/v1/images", files={"file": ("x.png", upload.getvalue(), "image/png")}).raise_for_status().json()["id"]
    _, (changed,) = made(app, mode="img2img", init=init, strength=0.5, width=64, height=64)
    assert changed.shape == (64, 64, 3) and near(changed, "a cat", "", 2.0)


@pytest.mark.parametrize(
    ("fields", "field", "said"),
    [
        ({"sampler": "DDIM"}, "sampler", "DDIM does not work with rectified flow models, and Toy flow is one."),
        ({"schedule": "Align Your Steps"}, "schedule", "does not work with rectified flow models"),
        ({"width": 72}, "width", "Width must be a multiple of 16 with this checkpoint. Nearest: 64."),
        ({"clip_skip": 2}, "clip_skip", "Toy flow models have no CLIP layers to skip."),
        ({"tiling": True}, "tiling", "Toy flow models make no tiles."),
        ({"prompt": "<lora:x:1>"}, "prompt", "Toy flow models take no LoRA."),
        ({"profile": "diffusers"}, "profile", "Toy flow models are not made by this profile."),
        ({"regions": {"areas": [{"prompt": "<lora:x:1>"}]}}, "prompt", "Toy flow models take no LoRA."),
        ({"regions": {"method": "attention"}}, "regions.method", "Toy flow models have no attention couple."),
    ],
)
def test_what_it_cannot_do_is_refused_before_anything_is_computed(app, fields, field, said):
    answer: httpx.Response = app.http.post("/api/v1/jobs", json={"prompt": "a cat", "checkpoint": "toy", **fields})
    assert answer.status_code == 422 and said in answer.text and f'"{field}"' in answer.text


def test_the_page_is_told_what_the_family_has_no_use_for(app):
    told = app.http.get("/page/native?checkpoint=toy").json()
    assert (told["width"], told["steps"], told["sampler"]) == (96, 4, "Euler")
    assert told["unsupported"] == ["clip_skip", "tiling", "profile"]
