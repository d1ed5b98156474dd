"""The example LoRA loader on files as kohya-ss writes them, with seeded weights of rank 4."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from tests import tiny
from webui.core.job import Plan
from webui.core.registry import Registry
from webui.library import Library
from webui.models.adapters import LoraUse
from webui.models.cache import ModelCache
from webui.models.conditioning import Conditioning
from webui.models.patcher import patched
from webui.plugins.manager import Extensions

RANK = 4
LAYERS = {
    "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q": (
        "unet",
        "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q",
    ),
    "lora_unet_mid_block_attentions_0_proj_in": ("unet", "mid_block.attentions.0.proj_in"),
    "lora_unet_down_blocks_0_resnets_0_conv1": ("unet", "down_blocks.0.resnets.0.conv1"),
    "lora_te_text_model_encoder_layers_1_mlp_fc1": ("text_encoder", "encoder.layers.1.mlp.fc1"),
}


@pytest.fixture(scope="module")
def loaders():
    extensions = Extensions("engine")
    extensions.load([Path("extensions")], off=["aspect_calculator", "detail_euler", "film_grain"])
    assert extensions.failed() == ()
    registry = Registry("LoRA loader", "prompt")
    for _ in extensions.call("register_lora_loaders", register=registry.register):
        pass
    assert [loader.name for loader in registry] == ["kohya"]
    return registry


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    (folder / "Lora").mkdir()
    tiny.write(folder / "Stable-diffusion" / "tiny.safetensors")
    library = Library([folder])
    return folder / "Lora" / "style.safetensors", library, ModelCache(library).get("tiny", None, Plan(channels_last=False))


def write(path, model, alpha=2.0, mid=False):
    generator, tensors = torch.Generator().manual_seed(4), {}
    for name, (part, layer) in LAYERS.items():
        out, into, *kernel = getattr(model, part).get_submodule(layer).weight.shape
        tucker = mid and kernel == [3, 3]
        shapes = {"up": (out, RANK), "down": (RANK, into, *([] if tucker else kernel))}
        if kernel:
            shapes = {"up": (out, RANK, 1, 1), "down": (RANK, into, 1, 1) if tucker else (RANK, into, *kernel)}
        for side, shape in shapes.items():
            tensors[f"{name}.lora_{side}.weight"] = torch.randn(shape, generator=generator).half()
        if tucker:
            tensors[f"{name}.lora_mid.weight"] = torch.randn((RANK, RANK, 3, 3), generator=generator).half()
        if alpha:
            tensors[f"{name}.alpha"] = torch.tensor(alpha)
    save_file(tensors, path)
    return tensors


@pytest.mark.parametrize("alpha", [2.0, 0.0])
def test_adds_up_times_down_times_alpha_over_rank(place, loaders, alpha):
    path, library, model = place
    tensors = write(path, model, alpha)
    before = {name: getattr(model, part).get_submodule(layer).weight.clone() for name, (part, layer) in LAYERS.items()}
    library.scan()
    with patched(model, [LoraUse("style", text=0.5, unet=0.8)], library, loaders) as notes:
        assert notes == ()
        for name, (part, layer) in LAYERS.items():
            up, down = (tensors[f"{name}.lora_{side}.weight"].float().flatten(1) for side in ("up", "down"))
            strength = (0.5 if part == "text_encoder" else 0.8) * (alpha / RANK if alpha else 1.0)
            wanted = before[name] + strength * (up @ down).reshape(before[name].shape)
            assert torch.allclose(getattr(model, part).get_submodule(layer).weight, wanted, atol=1e-5)
    assert all(torch.equal(getattr(model, part).get_submodule(layer).weight, before[name]) for name, (part, layer) in LAYERS.items())


def test_a_convolution_in_three_factors(place, loaders):
    path, library, model = place
    tensors = write(path, model, alpha=4.0, mid=True)
    library.scan()
    layer, name = model.unet.get_submodule("down_blocks.0.resnets.0.conv1"), "lora_unet_down_blocks_0_resnets_0_conv1"
    before = layer.weight.clone()
    up, mid, down = (tensors[f"{name}.lora_{side}.weight"].float() for side in ("up", "mid", "down"))
    x = torch.randn(1, before.shape[1], 6, 6)
    one_after_another = torch.conv2d(torch.conv2d(torch.conv2d(x, down), mid, padding=1), up)
    with patched(model, [LoraUse("style")], library, loaders):
        change = torch.conv2d(x, layer.weight - before, padding=1)
    assert torch.allclose(change, one_after_another, rtol=1e-3, atol=1e-3)


def test_a_picture_changes_with_it_and_comes_back_without(place, loaders):
    path, library, model = place
    write(path, model)
    library.scan()
    inputs = torch.randn(1, 4, 8, 8), torch.tensor([500.0]), Conditioning(torch.randn(1, 77, tiny.WIDTH))
    plain = model.predict(*inputs)
    with patched(model, [LoraUse("style")], library, loaders):
        assert not torch.equal(model.predict(*inputs), plain)
    assert torch.equal(model.predict(*inputs), plain)


def test_half_a_file_is_a_note(place, loaders):
    path, library, model = place
    tensors = write(path, model)
    save_file({name: tensor for name, tensor in tensors.items() if "lora_up" not in name}, path)
    library.scan()
    with patched(model, [LoraUse("style", 1.0, 0.9)], library, loaders) as notes:
        assert notes[0].startswith("LoRA 'style' was left out")
