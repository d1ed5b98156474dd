"""Small checkpoints of every family and variant, in every format that people have: each number arrives as the file holds it."""

import json

import pytest
import torch
from safetensors.torch import save_file
from transformers import CLIPTextConfig
from transformers.models.clip.modeling_clip import CLIPTextModel

from tests import tiny
from tests.models import folders, tiny_xl
from webui.core.job import Plan
from webui.library import Library
from webui.models.cache import ModelCache
from webui.models.families import ldm
from webui.models.weights import open_weights

PLAN = Plan(threads=1, channels_last=False)
PIPELINES = {"sd1": "StableDiffusionPipeline", "sd2": "StableDiffusionPipeline"}
PIPELINES |= {"sdxl": "StableDiffusionXLPipeline", "sdxl-refiner": "StableDiffusionXLImg2ImgPipeline"}
CHANNELS = {"": 4, "inpaint": 9, "ip2p": 8}
KINDS = [
    *((family, variant) for family in ("sd1", "sd2", "sdxl") for variant in CHANNELS),
    ("sdxl-refiner", ""),
]
DTYPES = [torch.float32, torch.float16, torch.bfloat16, torch.float8_e4m3fn]


def parts_of(family, variant):
    """The modules as diffusers has them, by their names there."""
    channels = {"in_channels": CHANNELS[variant]}
    if family in ("sd1", "sd2"):
        unet, vae, text = tiny.parts(3, CHANNELS[variant])
        return {"unet": unet, "vae": vae, "text_encoder": text if family == "sd1" else used_of_sd2()}
    if family == "sdxl":
        unet, vae, text_l, text_g = tiny_xl.sdxl_parts(tiny_xl.UNET | channels)
        return {"unet": unet, "vae": vae, "text_encoder": text_l, "text_encoder_2": text_g}
    unet, vae, _, text_g = tiny_xl.sdxl_parts(tiny_xl.REFINER_UNET)
    return {"unet": unet, "vae": vae, "text_encoder_2": text_g}


def used_of_sd2():
    """The text encoder without its last layer: diffusers' folders leave it out, single files have it."""
    text = CLIPTextModel(CLIPTextConfig(**tiny_xl.TEXT_H)).eval()
    text.load_state_dict({name: tensor for name, tensor in tiny_xl.sd2_text().state_dict().items() if ".layers.2." not in name})
    return text


def single(family, variant):
    """The tensors and the metadata of the single file that the family's makers publish."""
    parts = parts_of(family, variant)
    if family == "sd1":
        return tiny.ldm_state(*parts.values()), tiny.metadata(in_channels=CHANNELS[variant])
    if family == "sd2":
        state = {name: tensor for name, tensor in tiny.ldm_state(*parts.values()).items() if not name.startswith(ldm.TEXT)}
        state |= tiny_xl.open_clip(tiny_xl.sd2_text(), "cond_stage_model.model.")
        told = tiny.metadata(in_channels=CHANNELS[variant]) | {"darkroom.text_encoder": json.dumps(tiny_xl.TEXT_H)}
        return state, told
    if family == "sdxl":
        config = tiny_xl.UNET | {"in_channels": CHANNELS[variant]}
        return tiny_xl.sdxl_state(*parts.values(), config), tiny_xl.metadata(unet=config)
    return tiny_xl.refiner_state(*parts.values()), tiny_xl.metadata(unet=tiny_xl.REFINER_UNET)


def stored(tensors, dtype):
    return {name: tensor.to(dtype).contiguous() if tensor.is_floating_point() else tensor for name, tensor in tensors.items()}


def loaded(tmp_path, name):
    return ModelCache(Library([tmp_path])).get(name, None, PLAN)


def check(model, family, variant, dtype):
    """Every number of every part is the one that was written, in float32."""
    assert (model.family, model.variant) == (family, variant)
    wanted = parts_of(family, variant)
    assert model.components.keys() == wanted.keys()
    for part, module in wanted.items():
        ours, theirs = (
            {name.removeprefix("text_model."): each for name, each in one.state_dict().items()} for one in (model.components[part], module)
        )
        assert ours.keys() == theirs.keys()
        unlike = [name for name in ours if not torch.equal(ours[name], theirs[name].to(dtype).float())]
        assert not unlike, (part, unlike)


@pytest.mark.parametrize(("family", "variant"), KINDS)
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_single_files_in_every_number_type(tmp_path, family, variant, dtype):
    state, told = single(family, variant)
    (tmp_path / "Stable-diffusion").mkdir()
    save_file(stored(state, dtype), tmp_path / "Stable-diffusion" / "mine.safetensors", metadata=told)
    check(loaded(tmp_path, "mine"), family, variant, dtype)


@pytest.mark.parametrize(("family", "variant"), KINDS)
@pytest.mark.parametrize("saving", [{}, {"variant": "fp16", "max_shard_size": "60KB"}], ids=["whole", "shards"])
def test_folders(tmp_path, family, variant, saving):
    folders.write_folder(tmp_path / "Stable-diffusion" / "mine", PIPELINES[family], parts_of(family, variant), **saving)
    check(loaded(tmp_path, "mine"), family, variant, torch.float32)


@pytest.mark.parametrize(("family", "variant"), KINDS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16], ids=str)
def test_pickled_files_hold_the_same_tensors(tmp_path, family, variant, dtype):
    """Read without running them; that their models are the same then is `test_single_files_in_every_number_type`."""
    state = stored(single(family, variant)[0], dtype)
    torch.save({"state_dict": state, "global_step": 7}, tmp_path / "mine.ckpt")
    found = open_weights(tmp_path / "mine.ckpt").tensors
    assert found.keys() == state.keys() and all(torch.equal(found[name], state[name]) for name in state)


@pytest.mark.parametrize("family", ["sd1", "sdxl"])
def test_training_files_with_both_sets_of_weights_give_those_that_a1111_uses(tmp_path, family):
    """A file of 7 GB carries averaged weights too, under `model_ema.` with names that have lost their dots."""
    state, told = single(family, "")
    averaged = {
        "model_ema." + name.removeprefix("model.").replace(".", ""): tensor + 1
        for name, tensor in state.items()
        if name.startswith(ldm.UNET)
    }
    (tmp_path / "Stable-diffusion").mkdir()
    more = {"model_ema.decay": torch.tensor(0.9999), "model_ema.num_updates": torch.tensor(7)}
    save_file(state | averaged | more, tmp_path / "Stable-diffusion" / "mine.safetensors", metadata=told)
    check(loaded(tmp_path, "mine"), family, "", torch.float32)
