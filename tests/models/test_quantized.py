"""Weights of the denoiser in eight bits: half the memory, near to the file's, through adapters too."""

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from webui.core.family import ModelFacts
from webui.core.job import Plan
from webui.devices.memory import estimate, stored
from webui.generation.output import storage_notes
from webui.models import quantized
from webui.models.adapters import LoraUse
from webui.models.conditioning import Conditioning
from webui.models.packing import LaidOut, held, plain, storages
from webui.models.patcher import patched
from webui.plugins.adapters import LoraLoader, WeightChange

pytest.importorskip("torchao")
LAYER = "down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k"


def drawn(*shape, seed=1):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def small_network():
    with torch.device("meta"):
        return nn.Sequential(nn.Conv2d(64, 128, 3, padding=1), nn.Flatten(2), nn.Linear(64, 1024), nn.Linear(1024, 8))


def filled(module, state):
    names = quantized.fill(module, state, lambda tensor, name: tensor)
    module.load_state_dict({name: tensor for name, tensor in state.items() if name not in names}, strict=False, assign=True)
    return names


def test_large_weights_take_half_and_answer_nearly_the_same():
    exact, kept = small_network(), small_network()
    state = {name: drawn(*tensor.shape, seed=len(name)).bfloat16() / 8 for name, tensor in exact.state_dict().items()}
    exact.load_state_dict(state, assign=True)
    assert filled(kept, state) == {"0.weight", "2.weight"}  # the last one is small
    x = drawn(2, 64, 8, 8).bfloat16()
    with torch.no_grad():
        wanted, found = exact(x).float(), kept(x).float()
    assert (wanted - found).norm() / wanted.norm() < 0.02
    assert 0.002 < quantized.error_of(kept) < 0.01
    assert quantized.error_of(exact) is None
    for name in ("0.weight", "2.weight"):
        parameter = kept.get_parameter(name)
        assert isinstance(parameter, LaidOut) and parameter.shape == state[name].shape
        assert sum(storages(held(parameter)).values()) < 0.6 * state[name].nbytes


@pytest.fixture
def model(folder, model_cache, monkeypatch):
    monkeypatch.setattr(quantized, "SMALLEST", 256)  # the tiny model's layers are smaller than any real one's
    return model_cache.get("tiny", None, Plan(weights="int8"))


def predicted(model):
    return model.predict(drawn(2, 4, 16, 16), torch.tensor([500.0, 20.0]), Conditioning(drawn(2, 77, model.text_width, seed=2)))


def test_a_model_computes_with_them_and_the_user_is_told(model, model_cache):
    told = storage_notes(model, Plan(weights="int8"))
    assert "8 bits" in told[0] and "%" in told[0]
    whole = model_cache.get("tiny", None, Plan())
    assert storage_notes(whole, Plan()) == ()
    wanted, found = predicted(whole), predicted(model)
    assert (wanted - found).norm() / wanted.norm() < 0.1


def test_adapters_go_on_and_off_bit_for_bit(folder, library, model):
    save_file({"mine": torch.zeros(1)}, folder / "Lora" / "one.safetensors")
    change = WeightChange(f"unet.{LAYER}", lambda base: torch.full_like(base, 0.25))
    loaders = [LoraLoader("mine", lambda names: "mine" in names, lambda path: (change,))]
    parameter = model.unet.get_parameter(f"{LAYER}.weight")
    own, first = plain(held(parameter)), predicted(model)
    with patched(model, [LoraUse("one")], library, loaders) as notes:
        assert notes == ()
        assert torch.allclose(plain(held(parameter)), own + 0.25, atol=0.01)
        assert not torch.equal(predicted(model), first)
    assert torch.equal(plain(held(parameter)), own) and torch.equal(predicted(model), first)


def test_the_estimate_counts_them_as_they_are_kept():
    facts = ModelFacts()
    before, after = (estimate(stored(facts, weights, "bfloat16"), 512, 512, 1, "bfloat16") for weights in ("full", "int8"))
    assert before.weights - after.weights == pytest.approx(0.98 * facts.unet, rel=0.01)
    assert stored(facts, "full", "float32") is facts
    half = stored(facts, "half", "float32")
    assert (half.unet, half.text, half.vae) == (facts.unet // 2, facts.text // 2, facts.vae)
