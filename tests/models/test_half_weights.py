"""Weights kept in the 16 bits of their file: the same pictures bit for bit, in half the memory, through adapters too."""

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from tests import tiny
from webui.core.job import Plan
from webui.models import half_weights
from webui.models.adapters import LoraUse
from webui.models.cache import ModelCache
from webui.models.conditioning import Conditioning
from webui.models.half_weights import Narrow, narrowed
from webui.models.packing import LaidOut, held, plain, storages
from webui.models.patcher import patched
from webui.plugins.adapters import LoraLoader, WeightChange

LAYER = "down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k"


@pytest.fixture
def folder(folder, checkpoint, monkeypatch):
    """With a checkpoint in float16, as most public files are, and its twin with the same numbers in float32."""
    monkeypatch.setattr(half_weights, "SMALLEST", 256)  # the tiny model's layers are smaller than any real one's
    state = load_file(checkpoint)
    half = {name: tensor.half() if tensor.is_floating_point() else tensor for name, tensor in state.items()}
    for name, tensors in (("half", half), ("wide", {name: tensor.float() for name, tensor in half.items()}), ("own", state)):
        save_file(
            {key: value.contiguous() for key, value in tensors.items()},
            folder / "Stable-diffusion" / f"{name}.safetensors",
            tiny.metadata(),
        )
    return folder


@pytest.fixture
def cache(folder, library):
    return ModelCache(library)


def drawn(*shape, seed=1):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def predicted(model):
    return model.predict(drawn(2, 4, 16, 16), torch.tensor([500.0, 20.0]), Conditioning(drawn(2, 77, model.text_width, seed=2)))


def size(*modules: nn.Module):
    kept = {}
    for module in modules:
        for parameter in module.parameters():
            kept |= storages(held(parameter))
    return sum(kept.values())


@pytest.mark.parametrize("name", ["half", "wide"])
def test_it_computes_the_same_bits_with_half_the_memory(cache, name):
    whole = cache.get(name, None, Plan())
    wanted, encoded = predicted(whole), [part.module(torch.arange(77)[None]).last_hidden_state for part in whole.texts]
    before = size(whole.unet, *(part.module for part in whole.texts))
    kept = cache.get(name, None, Plan(weights="half"))
    assert kept is not whole
    assert torch.equal(predicted(kept), wanted)
    assert all(
        torch.equal(part.module(torch.arange(77)[None]).last_hidden_state, text) for part, text in zip(kept.texts, encoded, strict=True)
    )
    assert size(kept.unet, *(part.module for part in kept.texts)) < 0.75 * before  # of the tiny one much is small


def test_numbers_that_16_bits_cannot_hold_stay_as_they_are(cache):
    wanted = predicted(cache.get("own", None, Plan()))
    assert torch.equal(predicted(cache.get("own", None, Plan(weights="half"))), wanted)
    assert narrowed(torch.tensor([1.0, 2.5]), torch.float32).parts[0].dtype == torch.float16
    assert narrowed(torch.tensor([1e38, 2.0**100]), torch.float32).parts[0].dtype == torch.float32
    assert narrowed(torch.tensor([2.0**100, 1.0]), torch.float32).parts[0].dtype == torch.bfloat16


def test_one_that_is_loaded_in_half_serves_a_plan_in_full(cache):
    half = cache.get("half", None, Plan(weights="half"))
    assert cache.get("half", None, Plan()) is half
    cache.unload()
    assert cache.get("half", None, Plan()) is not half


def test_adapters_go_on_and_off_bit_for_bit(folder, library, cache):
    save_file({"mine": torch.zeros(1)}, folder / "Lora" / "one.safetensors")
    change = WeightChange(f"unet.{LAYER}", lambda base: torch.full_like(base, 0.1))
    loaders = [LoraLoader("mine", lambda names: "mine" in names, lambda path: (change,))]
    whole = cache.get("half", None, Plan())
    with patched(whole, [LoraUse("one")], library, loaders):
        wanted = predicted(whole)
    cache.unload()
    kept = cache.get("half", None, Plan(weights="half"))
    parameter = kept.unet.get_parameter(f"{LAYER}.weight")
    assert isinstance(parameter, LaidOut) and isinstance(parameter.packed, Narrow)
    own, first = plain(held(parameter)).clone(), predicted(kept)
    with patched(kept, [LoraUse("one")], library, loaders) as notes:
        assert notes == ()
        assert torch.equal(predicted(kept), wanted) and not torch.equal(wanted, first)
    assert torch.equal(plain(held(parameter)), own) and torch.equal(predicted(kept), first)
