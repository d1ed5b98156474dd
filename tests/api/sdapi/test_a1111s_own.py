"""The calls that A1111's own API tests make, each of which must be answered with 200, in our own words; and addresses as start pictures."""

import pytest

from tests.api.sdapi.conftest import picture

TEXT = {
    "batch_size": 1,
    "cfg_scale": 7,
    "denoising_strength": 0,
    "enable_hr": False,
    "eta": 0,
    "firstphase_height": 0,
    "firstphase_width": 0,
    "height": 64,
    "n_iter": 1,
    "negative_prompt": "",
    "prompt": "example prompt",
    "restore_faces": False,
    "s_churn": 0,
    "s_noise": 1,
    "s_tmax": 0,
    "s_tmin": 0,
    "sampler_index": "Euler a",
    "seed": -1,
    "seed_resize_from_h": -1,
    "seed_resize_from_w": -1,
    "steps": 3,
    "styles": [],
    "subseed": -1,
    "subseed_strength": 0,
    "tiling": False,
    "width": 64,
}
FROM_TEXT = {
    "simple": {},
    "with a negative prompt": {"negative_prompt": "example negative prompt"},
    "with emphasis": {"prompt": "((emphasis)), (emphasis1:1.1), [to:1], [from::2], [from:to:0.3], [alt|alt1]"},
    "not square": {"height": 128},
    "with highres fix": {"enable_hr": True, "denoising_strength": 0.7},
    "with tiling": {"tiling": True},
    "with restored faces": {"restore_faces": True},
    "PLMS": {"sampler_index": "PLMS"},
    "DDIM": {"sampler_index": "DDIM"},
    "UniPC": {"sampler_index": "UniPC"},
    "several batches": {"n_iter": 2},
    "a batch": {"batch_size": 2},
}
LISTS = ("cmd-flags", "options", "samplers", "upscalers", "sd-models", "hypernetworks", "face-restorers", "realesrgan-models")


@pytest.fixture(scope="module")
def client(server):
    with server.client(owner="a1111s tests") as client:
        yield client


@pytest.mark.parametrize("fields", FROM_TEXT.values(), ids=FROM_TEXT)
def test_from_text(client, fields):
    assert client.post("/sdapi/v1/txt2img", json=TEXT | fields).status_code == 200


def start(**fields) -> dict:
    body = {key: value for key, value in TEXT.items() if not key.startswith("firstphase") and key != "enable_hr"}
    more = {"include_init_images": False, "inpaint_full_res": False, "inpaint_full_res_padding": 0, "inpainting_fill": 0}
    more |= {"inpainting_mask_invert": False, "init_images": [picture()], "mask": None, "mask_blur": 4, "resize_mode": 0}
    return body | more | {"denoising_strength": 0.75, "override_settings": {}, "steps": 3} | fields


def test_from_a_picture(client):
    assert client.post("/sdapi/v1/img2img", json=start()).status_code == 200
    assert client.post("/sdapi/v1/img2img", json=start(mask=picture())).status_code == 200
    assert client.post("/sdapi/v1/img2img", json=start(mask=picture(), inpainting_mask_invert=True)).status_code == 200
    upscale = start(script_name="sd upscale", script_args=["", 8, "Lanczos", 2.0])
    assert client.post("/sdapi/v1/img2img", json=upscale).status_code == 200


def test_extras_and_what_a_picture_says(client):
    single = {
        "resize_mode": 0,
        "show_extras_results": True,
        "gfpgan_visibility": 0,
        "codeformer_visibility": 0,
        "codeformer_weight": 0,
        "upscaling_resize": 2,
        "upscaling_resize_w": 128,
        "upscaling_resize_h": 128,
        "upscaling_crop": True,
        "upscaler_1": "Lanczos",
        "upscaler_2": "None",
        "extras_upscaler_2_visibility": 0,
        "image": picture(),
    }
    assert client.post("/sdapi/v1/extra-single-image", json=single).status_code == 200
    assert client.post("/sdapi/v1/png-info", json={"image": picture()}).status_code == 200


def test_options_are_written_and_put_back(client):
    before = client.get("/sdapi/v1/options").json()
    assert client.post("/sdapi/v1/options", json={"send_seed": not before["send_seed"]}).status_code == 200
    assert client.get("/sdapi/v1/options").json()["send_seed"] is not before["send_seed"]
    assert client.post("/sdapi/v1/options", json={"send_seed": before["send_seed"]}).status_code == 200
    assert client.get("/sdapi/v1/options").json() == before


@pytest.mark.parametrize("name", [*LISTS, "prompt-styles", "embeddings"])
def test_lists(client, name):
    assert client.get(f"/sdapi/v1/{name}").status_code == 200


PRIVATE = ("http://127.0.0.1:1/a.png", "http://localhost/a.png", "http://169.254.169.254/a.png", "https://[::1]/a.png")


@pytest.mark.parametrize("url", PRIVATE)
@pytest.mark.parametrize("is_allowed", [False, True])
def test_no_start_picture_comes_from_a_private_network(client, server, url, is_allowed):
    server.services.settings.change({"fetch_pictures": is_allowed})
    answer = client.post("/sdapi/v1/img2img", json=start(init_images=[url]))
    masked = client.post("/sdapi/v1/img2img", json=start(mask=url))
    server.services.settings.change({"fetch_pictures": None})
    for each in (answer, masked):
        assert each.status_code == 422 and "not allowed" in each.json()["detail"]
