"""The package `webuiapi` with its whole surface, as it comes from pip, on a live server."""

import pytest
import webuiapi
from PIL import Image

IMAGE = Image.new("RGB", (64, 64), "teal")
SMALL = {"steps": 2, "width": 64, "height": 64, "seed": 3}


@pytest.fixture
def api(server):
    host, port = server.url.removeprefix("http://").split(":")
    return webuiapi.WebUIApi(host=host, port=int(port), sampler="Euler a", steps=2)


def test_pictures(api):
    made = api.txt2img(prompt="a red apple", negative_prompt="blurry", cfg_scale=5, **SMALL)
    assert made.image.size == (64, 64) and made.info["seed"] == 3 and made.parameters["cfg_scale"] == 5
    large = api.txt2img(prompt="an apple", enable_hr=True, hr_scale=2, hr_upscaler=webuiapi.HiResUpscaler.Latent, **SMALL)
    assert large.image.size == (128, 128)
    several = api.txt2img(prompt="apples", batch_size=2, n_iter=2, save_images=True, **SMALL)
    assert len(several.images) == 5 and several.info["index_of_first_image"] == 1
    changed = api.img2img(images=[IMAGE], prompt="a pear", denoising_strength=0.5, **SMALL)
    assert changed.image.size == (64, 64)
    painted = api.img2img(images=[IMAGE], mask_image=Image.new("RGB", (64, 64), "white"), inpainting_fill=1, prompt="a pear", **SMALL)
    assert painted.image.size == (64, 64)


def test_extras_and_texts(api):
    assert api.extra_single_image(image=IMAGE, upscaler_1=webuiapi.Upscaler.Lanczos, upscaling_resize=2).image.size == (128, 128)
    batch = api.extra_batch_images(images=[IMAGE, IMAGE], upscaler_1=webuiapi.Upscaler.Nearest, upscaling_resize=2)
    assert [each.size for each in batch.images] == [(128, 128)] * 2
    made = api.txt2img(prompt="a red apple", **SMALL)
    assert "a red apple" in api.png_info(made.image).info
    with pytest.raises(RuntimeError, match="Model not found"):
        api.interrogate(IMAGE)


def test_lists(api):
    for found in (api.get_samplers(), api.get_schedulers(), api.get_upscalers(), api.get_latent_upscale_modes(), api.get_sd_models()):
        assert found and all(entry["name"] if "name" in entry else entry["title"] for entry in found)
    for found in (api.get_sd_vae(), api.get_loras(), api.get_hypernetworks(), api.get_face_restorers(), api.get_realesrgan_models()):
        assert isinstance(found, list)
    assert set(api.get_embeddings()) == {"loaded", "skipped"} and set(api.get_scripts()) == {"txt2img", "img2img"}
    assert api.get_prompt_styles()[0]["name"] == "Ink"
    assert "Euler" in api.util_get_sampler_names() and "karras" in api.util_get_scheduler_names()
    assert {"ram", "cuda"} == set(api.get_memory()) and api.get_cmd_flags()["api"] is True
    assert api.controlnet_version() == 3 and api.controlnet_model_list() == ["None"] and api.controlnet_module_list() == ["None"]


def test_options_and_models(api):
    api.set_options({"CLIP_stop_at_last_layers": 2})
    assert api.get_options()["CLIP_stop_at_last_layers"] == 2
    api.set_options({"CLIP_stop_at_last_layers": 1})
    names = api.util_get_model_names()
    api.util_set_model(next(name for name in names if name.startswith("tiny")))
    assert api.util_get_current_model().startswith("tiny")
    api.refresh_checkpoints()


def test_progress_and_stopping(api):
    assert api.get_progress()["progress"] == 0
    assert api.interrupt() == {} and api.skip() is None
    api.util_wait_for_ready(check_interval=0.01)
