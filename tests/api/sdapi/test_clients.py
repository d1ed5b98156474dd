"""Calls as other programs send them, old and odd fields among them: SillyTavern, Open WebUI, Photoshop's plugin, bots."""

import base64
import io
import json

import pytest
from PIL import Image

TXT, IMG = "/sdapi/v1/txt2img", "/sdapi/v1/img2img"
SMALL = {"prompt": "x", "steps": 2, "width": 64, "height": 64, "seed": 5}


def picture(mode: str = "RGB", colour: str | int = "red") -> str:
    stream = io.BytesIO()
    Image.new(mode, (64, 64), colour).save(stream, "PNG")
    return base64.b64encode(stream.getvalue()).decode()


RED, WHITE = picture(), picture("L", 255)
MADE = {
    "SillyTavern": (
        TXT,
        {
            "sampler_name": "Euler a",
            "scheduler": "karras",
            "restore_faces": False,
            "enable_hr": False,
            "hr_upscaler": "Latent",
            "hr_additional_modules": [],
            "clip_skip": 1,
            "do_not_save_grid": False,
            "do_not_save_samples": False,
            "save_images": True,
            "override_settings": {"CLIP_stop_at_last_layers": 1, "sd_vae": "Automatic", "forge_additional_modules": []},
        },
        ("Euler a", (64, 64), {"Schedule type": "Karras"}),
    ),
    "Open WebUI, nothing chosen": (TXT, {"batch_size": 1, "sampler_name": "", "scheduler": ""}, ("Euler", (64, 64), {})),
    "Photoshop, numbers as texts": (
        TXT,
        {
            "denoising_strength": "0.7",
            "batch_size": "1",
            "cfg_scale": "7",
            "seed": "5",
            "subseed": "-1",
            "sampler_index": "Euler a",
            "hr_second_pass_steps": "0",
            "script_name": "",
            "script_args": [],
            "alwayson_scripts": {},
        },
        ("Euler a", (64, 64), {}),
    ),
    "Photoshop, inpainting": (
        IMG,
        {
            "init_images": ["data:image/png;base64," + RED],
            "mask": WHITE,
            "inpainting_mask_invert": False,
            "inpaint_full_res": 1,
            "inpaint_full_res_padding": "32",
            "inpainting_fill": "1",
            "mask_blur": "4",
            "sampler_index": "Euler a",
            "styles": [],
        },
        ("Euler a", (64, 64), {"Inpaint area": "Only masked", "Masked area padding": 32, "Mask blur": 4}),
    ),
    "a bot": (
        TXT,
        {
            "cfg_scale": "7.0",
            "seed_resize_from_h": 0,
            "seed_resize_from_w": 0,
            "denoising_strength": None,
            "tiling": False,
            "styles": ["None"],
        },
        ("Euler", (64, 64), {}),
    ),
    "whole numbers as floats": (TXT, {"steps": 2.0, "seed": 5.0, "eta": 0.0, "s_tmax": None}, ("Euler", (64, 64), {})),
    "switches as texts": (TXT, {"enable_hr": "false", "tiling": "0", "send_images": "yes"}, ("Euler", (64, 64), {})),
    "an old sampler's name": (TXT, {"sampler_name": "DPM++ 2M SDE Karras"}, ("DPM++ 2M SDE", (64, 64), {"Schedule type": "Karras"})),
    "a unit that is off": (
        TXT,
        {"alwayson_scripts": {"ControlNet": {"args": [{"enabled": False, "module": "none", "model": "None"}]}}},
        ("Euler", (64, 64), {}),
    ),
    "a picture in lines": (
        IMG,
        {"init_images": ["\n".join(RED[start : start + 76] for start in range(0, len(RED), 76)).rstrip("=")]},
        ("Euler", (64, 64), {"Denoising strength": 0.75}),
    ),
    "Forge's words for the same": (
        TXT,
        {"enable_hr": True, "hr_upscaler": "None", "hr_checkpoint_name": "Use same checkpoint", "hr_sampler_name": "Use same sampler"},
        ("Euler", (128, 128), {"Hires upscale": 2.0, "Hires upscaler": "None"}),
    ),
}
REFUSED = {
    "an enabled unit": (TXT, {"alwayson_scripts": {"controlnet": {"args": [{"module": "canny"}]}}}, "ControlNet"),
    "a script that is not here": (IMG, {"init_images": [RED], "script_name": "ultimate sd upscale"}, "ultimate sd upscale"),
    "an option that nobody knows": (TXT, {"override_settings": {"filter_nsfw": True}}, "filter_nsfw"),
    "several prompts": (TXT, {"prompt": ["a", "b"]}, "prompt"),
    "a style as a text": (TXT, {"styles": "a"}, "styles"),
    "a picture in an object": (IMG, {"init_images": [{"image": RED}]}, "image"),
}


@pytest.fixture(scope="module")
def client(server):
    with server.client(owner="odd client") as client:
        yield client


@pytest.mark.parametrize("name", MADE)
def test_what_clients_send_is_made(client, name):
    path, fields, (sampler, size, extra) = MADE[name]
    answer = client.post(path, json={**SMALL, **fields})
    assert answer.status_code == 200, answer.text
    body = answer.json()
    info = json.loads(body["info"])
    assert (info["sampler_name"], info["seed"], info["all_seeds"]) == (sampler, 5, [5])
    assert info["extra_generation_params"].items() >= extra.items()
    assert Image.open(io.BytesIO(base64.b64decode(body["images"][0]))).size == size
    assert body["parameters"]["steps"] == 2 and set(body) == {"images", "parameters", "info"}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_meant_is_refused(client, name):
    path, fields, word = REFUSED[name]
    answer = client.post(path, json={**SMALL, **fields})
    assert answer.status_code == 422 and word in answer.text


def test_a_slash_too_many_is_sent_on(client):
    sent = client.post(TXT + "/", json=SMALL)
    assert sent.status_code == 307 and sent.headers["location"].endswith(TXT)
    assert client.get("/sdapi/v1/sd-models/?x=1", follow_redirects=True).status_code == 200
    assert client.get("/sdapi/v1/no-such/").status_code == 404


def test_what_other_programs_look_for_and_is_not_here(client):
    for path in ("/sdapi/auto-photoshop-sd/version", "/adetailer/v1/ad_model", "/queue/status", "/sdapi/v1/server-restart"):
        assert client.get(path).json() == {"detail": "Not Found"}
