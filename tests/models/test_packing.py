"""Weights laid out for oneDNN: the same numbers as the plain ones, once in memory, through adapters too."""

import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from webui.core.job import Plan
from webui.devices import layouts
from webui.models.adapters import LoraUse
from webui.models.conditioning import Conditioning
from webui.models.packing import LaidOut, PackedConv2d, PackedGEGLU, held, plain
from webui.models.patcher import patched
from webui.models.seamless import seamless
from webui.plugins.adapters import LoraLoader, WeightChange

pytestmark = pytest.mark.skipif(not layouts.available(), reason="oneDNN has no bfloat16 on this CPU")
PLAN = Plan(dtype="bfloat16")
GEGLU = "down_blocks.0.attentions.0.transformer_blocks.0.ff.net.0.proj"


def drawn(*shape, seed=1):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def models(folder, model_cache):
    """The same checkpoint, plain and packed."""
    return model_cache.get("tiny", None, PLAN), model_cache.get("tiny", None, PLAN.model_copy(update={"packed": True}))


def predicted(model):
    return model.predict(drawn(2, 4, 16, 16), torch.tensor([500.0, 20.0]), Conditioning(drawn(2, 77, model.text_width, seed=2)))


def packed_layers(model, kind):
    return [layer for part in (model.unet, model.vae) for layer in part.modules() if isinstance(layer, kind)]


def test_pictures_are_as_near_as_bfloat16_is(models):
    before, after = models
    assert not packed_layers(before, PackedConv2d) and packed_layers(after, PackedConv2d) and packed_layers(after, PackedGEGLU)
    assert torch.allclose(predicted(before), predicted(after), atol=0.05)
    assert torch.allclose(before.decode(drawn(1, 4, 16, 16)), after.decode(drawn(1, 4, 16, 16)), atol=0.02)
    pixels = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(3))
    assert torch.allclose(before.encode_image(pixels), after.encode_image(pixels), atol=0.02)


def test_a_gated_layer_is_nearer_to_float32_than_in_four_steps():
    x, weight, bias = drawn(2, 64, 80).bfloat16(), (drawn(640, 80, seed=2) / 9).bfloat16(), drawn(640, seed=3).bfloat16()

    def gated(linear):
        values, gate = linear.chunk(2, dim=-1)
        return values * nn.functional.gelu(gate)

    exact = gated(nn.functional.linear(x.float(), weight.float(), bias.float()))
    stepwise = gated(nn.functional.linear(x, weight, bias))
    fused = layouts.geglu(x, *layouts.geglu_layout(weight), bias)
    assert (fused.float() - exact).square().mean() <= (stepwise.float() - exact).square().mean()


class Seen(TorchDispatchMode):
    """Notes the pixels that oneDNN's convolutions are given."""

    def __init__(self):
        super().__init__()
        self.pixels = []

    def __torch_dispatch__(self, call, types, args=(), kwargs=None):
        if "_convolution_pointwise" in str(call):
            self.pixels.append(args[0].shape[-2] * args[0].shape[-1])
        return call(*args, **(kwargs or {}))


@pytest.mark.parametrize(("height", "width"), [(4, 4), (8, 6), (7, 9), (2, 2), (1, 63), (8, 8), (16, 4)])
def test_a_layer_of_single_pixels_never_sees_so_few_that_its_weight_is_laid_out_anew(height, width):
    """Below 64 pixels oneDNN made its layout again at every call, 40 times as slow as the layer itself."""
    layer = nn.Conv2d(320, 320, 1, dtype=torch.bfloat16).requires_grad_(False)
    (weight,) = layouts.convolution_layout(layer.weight.data, (0, 0), (1, 1), (1, 1))
    x = drawn(2, 320, height, width).bfloat16().contiguous(memory_format=torch.channels_last)
    with Seen() as seen:
        found = layouts.convolve(x, weight, layer.bias, layer, (0, 0))
    assert len(seen.pixels) == 1 and 64 <= seen.pixels[0] < 64 + width
    wanted = layer(x)
    assert found.shape == wanted.shape and found.stride() == wanted.stride()
    assert torch.allclose(found.float(), wanted.float(), atol=0.02)


def test_weights_are_the_same_bits_and_there_once(models):
    before, after = models
    for name in ("unet", "vae"):
        own = dict(before.components[name].named_parameters())
        for key, parameter in after.components[name].named_parameters():
            assert torch.equal(plain(held(parameter)), own[key]), key
            assert parameter.shape == own[key].shape
            if isinstance(parameter, LaidOut):
                assert parameter.untyped_storage().nbytes() == parameter.element_size(), key


@pytest.mark.parametrize("layer", ["conv_in", GEGLU, "down_blocks.0.resnets.0.conv1"])
def test_adapters_go_on_and_off_bit_for_bit(folder, library, models, layer):
    save_file({"mine": torch.zeros(1)}, folder / "Lora" / "one.safetensors")
    change = WeightChange(f"unet.{layer}", lambda base: torch.full_like(base, 0.25))
    loaders = [LoraLoader("mine", lambda names: "mine" in names, lambda path: (change,))]
    _, model = models
    parameter = model.unet.get_parameter(f"{layer}.weight")
    own, first = plain(held(parameter)), predicted(model)
    for _ in range(2):  # the second time from the sets that are kept
        with patched(model, [LoraUse("one")], library, loaders) as notes:
            assert notes == ()
            expected = own.float() + 0.25
            assert torch.equal(plain(held(parameter)), expected.bfloat16())
            assert not torch.equal(predicted(model), first)
    assert torch.equal(plain(held(parameter)), own) and torch.equal(predicted(model), first)


def test_tiles_without_seams(models):
    pictures = []
    for model in models:
        with seamless(model):
            pictures.append(model.decode(drawn(1, 4, 16, 16)))
    assert torch.allclose(*pictures, atol=0.02)
    assert not torch.allclose(pictures[0], models[0].decode(drawn(1, 4, 16, 16)), atol=0.02)
