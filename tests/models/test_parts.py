"""Checkpoints without VAE or text encoder take them from another file by choice; eight-bit weights are read with their scales."""

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests import tiny
from webui.core.family import Header
from webui.core.job import Plan
from webui.core.protocol import Capabilities
from webui.core.request import parse_request
from webui.errors import CheckpointError, RequestError
from webui.library import Library
from webui.library.families import detect
from webui.models.cache import ModelCache
from webui.resolve import ResolveContext, resolve

PLAN = Plan(threads=1, channels_last=False)
SD1 = {"modelspec.architecture": "stable-diffusion-v1"}


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "Stable-diffusion"
    tiny.write(place / "whole.safetensors")
    for name, drop in (("novae", "first_stage_model."), ("notext", "cond_stage_model.")):
        tiny.write(place / f"{name}.safetensors", seed=1, drop=drop)
        save_file(load_file(place / f"{name}.safetensors"), place / f"{name}.safetensors", metadata=tiny.metadata() | SD1)
    return tmp_path


def context(folder):
    return ResolveContext(Library([folder]), lambda picture: folder, lambda: Capabilities(), dict)


def asked(folder, **fields):
    return resolve(parse_request({"prompt": "x", **fields}), context(folder))


def test_what_a_file_lacks_is_listed(folder):
    assert {model.name: model.lacks for model in Library([folder]).models("checkpoint")} == {
        "whole": (),
        "novae": ("vae",),
        "notext": ("text",),
    }


def test_a_missing_vae_is_asked_for_beside_its_field_and_taken_from_a_file(folder):
    with pytest.raises(RequestError, match=r"novae.safetensors has no VAE inside. Put one into models/VAE") as refused:
        asked(folder, checkpoint="novae")
    assert refused.value.field == "vae"
    vae = {name.removeprefix("first_stage_model."): t for name, t in load_file(folder / "Stable-diffusion" / "whole.safetensors").items()}
    (folder / "VAE").mkdir()
    save_file(
        {name: tensor for name, tensor in vae.items() if name.startswith(("encoder", "decoder", "quant", "post_quant"))},
        folder / "VAE" / "good.safetensors",
        metadata=tiny.metadata(),
    )
    with pytest.raises(RequestError, match="Choose a VAE, such as good"):
        asked(folder, checkpoint="novae", vae="None")
    assert asked(folder, checkpoint="novae", vae="good").vae == "good"
    model = ModelCache(Library([folder])).get("novae", "good", PLAN)
    assert torch.equal(model.vae.state_dict()["decoder.conv_in.weight"], vae["decoder.conv_in.weight"])
    with pytest.raises(CheckpointError, match=r"novae.safetensors has no VAE inside. Choose a VAE file."):
        ModelCache(Library([folder])).get("novae", None, PLAN)


def test_a_missing_text_encoder_is_taken_from_a_checkpoint(folder):
    with pytest.raises(RequestError, match="notext.safetensors has no text encoder inside. Choose one of: ") as refused:
        asked(folder, checkpoint="notext")
    assert refused.value.field == "text_encoder" and "whole" in refused.value.message and "notext," not in refused.value.message
    request = asked(folder, checkpoint="notext", text_encoder="whole.safetensors")
    assert request.text_encoder == "whole"
    models = ModelCache(Library([folder]))
    model = models.get("notext", None, PLAN, text_encoder="whole")
    whole = models.get("whole", None, PLAN)
    assert torch.equal(
        model.text_encoder.state_dict()["final_layer_norm.weight"], whole.text_encoder.state_dict()["final_layer_norm.weight"]
    )
    assert not torch.equal(model.unet.state_dict()["conv_in.weight"], whole.unet.state_dict()["conv_in.weight"])
    with pytest.raises(CheckpointError, match="has no text encoder inside"):
        models.get("notext", None, PLAN)


def test_another_models_encoder_takes_the_place_of_its_own(folder):
    tiny.write(folder / "Stable-diffusion" / "other.safetensors", seed=5)
    models = ModelCache(Library([folder]))
    mixed, other = models.get("whole", None, PLAN, text_encoder="other"), models.get("other", None, PLAN)
    name = "embeddings.token_embedding.weight"
    assert torch.equal(mixed.text_encoder.state_dict()[name], other.text_encoder.state_dict()[name])
    assert asked(folder, checkpoint="whole", text_encoder="Automatic").text_encoder is None


def test_an_encoder_that_does_not_fit_is_refused(folder):
    with pytest.raises(RequestError, match="has no text encoder of Stable Diffusion 1.x") as refused:
        asked(folder, checkpoint="whole", text_encoder="notext")
    assert refused.value.field == "text_encoder"
    with pytest.raises(RequestError) as refused:
        asked(folder, checkpoint="whole", text_encoder="nothing")
    assert refused.value.field == "text_encoder"


@pytest.mark.parametrize(("width", "family"), [(768, "sd1"), (1024, "sd2"), (2048, "sdxl"), (1280, "sdxl-refiner"), (7, "unet-only")])
def test_a_unet_alone_is_known_by_the_context_it_reads(width, family):
    key = "model.diffusion_model.input_blocks.4.1.transformer_blocks.0.attn2.to_k.weight"
    assert detect(Header(shapes={"model.diffusion_model.input_blocks.0.0.weight": (320, 4, 3, 3), key: (640, width)})).family == family


@pytest.mark.parametrize("dtype", [torch.float8_e4m3fn, torch.float8_e5m2])
@pytest.mark.parametrize("scale", ["scale_weight", "weight_scale", None])
def test_eight_bit_weights_are_multiplied_with_their_scales(folder, dtype, scale):
    place = folder / "Stable-diffusion"
    state, wanted = load_file(place / "whole.safetensors"), {}
    names = [name for name in state if name.startswith("model.diffusion_model.") and ".attn" in name and name.endswith(".weight")]
    for number, name in enumerate(names):
        factor = 0.5 + number / 10 if scale else 1.0
        small = (state[name].float() / factor).to(dtype)
        wanted[name], state[name] = small.float() * factor, small
        if scale:
            state[f"{name.removesuffix('.weight')}.{scale}"] = torch.tensor(factor)
    if scale:
        state["model.diffusion_model.scaled_fp8"] = torch.zeros(2, dtype=dtype)
    save_file(state, place / "small.safetensors", metadata=tiny.metadata())
    unet = ModelCache(Library([folder])).get("small", None, PLAN).unet.state_dict()
    name = next(name for name in names if "attn1.to_q" in name)
    found = [tensor for ours, tensor in unet.items() if ours.endswith("attn1.to_q.weight")]
    assert any(tensor.shape == wanted[name].shape and torch.allclose(tensor, wanted[name], atol=1e-6) for tensor in found)
    assert all(tensor.dtype == torch.float32 for tensor in unet.values())
