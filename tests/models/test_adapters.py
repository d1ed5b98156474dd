import pytest
import torch
from safetensors.torch import save_file

from tests import tiny
from webui.core.job import Plan
from webui.errors import CheckpointError
from webui.models.adapters import LoraUse
from webui.models.patcher import patched
from webui.plugins.adapters import LoraLoader, WeightChange

PLAN = Plan(channels_last=False)
UNET_LAYER = "down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k"
TEXT_LAYER = "encoder.layers.0.self_attn.q_proj"


def state(model):
    return {
        f"{number}.{name}": tensor.clone()
        for number, part in enumerate((model.unet, model.vae, model.text_encoder))
        for name, tensor in part.state_dict().items()
    }


def same(a, b):
    return all(torch.equal(a[name], b[name]) for name in a)


def loader(*changes, name="mine"):
    return LoraLoader(name, lambda names: "mine" in names, lambda path: changes)


def filled(value, target, parameter="weight"):
    return WeightChange(target, lambda base: torch.full(base.shape, value), parameter)


@pytest.fixture
def model(folder, model_cache):
    for name in ("one", "two"):
        save_file({"mine": torch.zeros(1)}, folder / "Lora" / f"{name}.safetensors")
    return model_cache.get("tiny", None, PLAN)


def test_on_and_off_again_bit_for_bit(model, library):
    before = state(model)
    changes = loader(filled(0.1, f"unet.{UNET_LAYER}"), filled(0.3, f"text_encoder.{TEXT_LAYER}"), filled(1.0, "unet.conv_in", "bias"))
    with patched(model, [LoraUse("one")], library, [changes]) as notes:
        assert notes == ()
        changed = state(model)
        assert {name for name in before if not torch.equal(before[name], changed[name])} == {
            f"0.{UNET_LAYER}.weight",
            f"2.{TEXT_LAYER}.weight",
            "0.conv_in.bias",
        }
    assert same(before, state(model))


def test_a_text_encoder_in_half_precision_keeps_it(model, library):
    text, unet = model.text_encoder.get_parameter(f"{TEXT_LAYER}.weight"), model.unet.get_parameter(f"{UNET_LAYER}.weight")
    for parameter in (text, unet):
        parameter.data = parameter.data.half().float()
    changes = loader(filled(0.1, f"unet.{UNET_LAYER}"), filled(0.1, f"text_encoder.{TEXT_LAYER}"))
    expected_text, expected_unet = (text.data + 0.1).half().float(), unet.data + 0.1
    with patched(model, [LoraUse("one")], library, [changes]):
        assert torch.equal(text.data, expected_text)
        assert torch.equal(unet.data, expected_unet)
        assert not torch.equal(unet.data, expected_unet.half().float())


def test_off_again_after_an_error(model, library):
    before = state(model)
    with pytest.raises(KeyError), patched(model, [LoraUse("one")], library, [loader(filled(0.1, f"unet.{UNET_LAYER}"))]):
        raise KeyError
    assert same(before, state(model))


def test_text_and_unet_have_strengths_of_their_own(model, library):
    unet, text = model.unet.get_submodule(UNET_LAYER), model.text_encoder.get_submodule(TEXT_LAYER)
    base = unet.weight.clone(), text.weight.clone()
    changes = loader(filled(1.0, f"unet.{UNET_LAYER}"), filled(1.0, f"text_encoder.{TEXT_LAYER}"))
    with patched(model, [LoraUse("one", text=0.25, unet=-2.0)], library, [changes]):
        assert torch.equal(unet.weight, base[0] - 2.0)
        assert torch.equal(text.weight, base[1] + 0.25)


def test_two_files_add_up_and_a_file_named_twice_too(model, library):
    """Forge: weights of one file add up when they differ, the same weight twice counts once."""
    layer, text = model.unet.get_submodule(UNET_LAYER), model.text_encoder.get_submodule(TEXT_LAYER)
    base, text_base = layer.weight.clone(), text.weight.clone()
    changes = loader(filled(0.5, f"unet.{UNET_LAYER}"), filled(0.5, f"text_encoder.{TEXT_LAYER}"))
    uses = [LoraUse("one", 1, 9), LoraUse("two", 1, 1), LoraUse("one", 1, 2), LoraUse("one", 1, 9)]
    with patched(model, uses, library, [changes]):
        assert torch.allclose(layer.weight, base + 0.5 * (9 + 1 + 2), atol=1e-5)
        assert torch.allclose(text.weight, text_base + 0.5 * 2, atol=1e-5)


def scaled(factor, target, parameter="weight"):
    return WeightChange(target, parameter=parameter, transform=lambda weight, strength: weight * (1 + strength * (factor - 1)))


def test_changes_that_depend_on_the_weight_come_in_the_order_of_the_tags(folder, model, library):
    save_file({"other": torch.zeros(1)}, folder / "Lora" / "other.safetensors")
    library.scan()
    layer = model.unet.get_submodule("conv_in")
    base, bias = layer.weight.clone(), layer.bias.clone()
    adds = loader(filled(1.0, "unet.conv_in"), filled(1.0, "unet.conv_in", "bias"))
    doubles = LoraLoader(
        "other", lambda names: "other" in names, lambda path: [scaled(3, "unet.conv_in"), scaled(3, "unet.conv_in", "bias")]
    )
    for uses, wanted in (
        ([LoraUse("one"), LoraUse("other", unet=0.5)], lambda tensor: (tensor + 1) * 2),
        ([LoraUse("other", unet=0.5), LoraUse("one")], lambda tensor: tensor * 2 + 1),
        ([LoraUse("other", unet=0.5), LoraUse("other", unet=1)], lambda tensor: tensor * 6),
    ):
        with patched(model, uses, library, [adds, doubles]) as notes:
            assert notes == ()
            assert torch.allclose(layer.weight, wanted(base), atol=1e-5) and torch.allclose(layer.bias, wanted(bias), atol=1e-5)
    assert torch.equal(layer.weight, base) and torch.equal(layer.bias, bias)


def test_a_change_of_a_norm_layer(model, library):
    name = "down_blocks.0.resnets.0.norm1"
    layer = model.unet.get_submodule(name)
    base = layer.weight.clone(), layer.bias.clone()
    with patched(model, [LoraUse("one")], library, [loader(filled(0.5, f"unet.{name}"), filled(0.25, f"unet.{name}", "bias"))]):
        assert torch.equal(layer.weight, base[0] + 0.5) and torch.equal(layer.bias, base[1] + 0.25)


def test_a_change_is_a_delta_or_a_transform():
    for given in ({}, {"delta": torch.zeros_like, "transform": lambda weight, strength: weight}):
        with pytest.raises(ValueError, match="either a delta or a transform"):
            WeightChange("unet.x", **given)


def test_a_bias_that_the_layer_has_not_does_not_fit(model, library):
    with patched(model, [LoraUse("one")], library, [loader(filled(1.0, f"unet.{UNET_LAYER}", "bias"))]) as notes:
        assert "none of its 1 layers fits" in notes[0]


def test_two_sets_that_were_used_before_are_changed_without_computing(model, library):
    calls = []

    def delta(base):
        calls.append(1)
        return torch.ones_like(base)

    loaders, layer = [loader(WeightChange(f"unet.{UNET_LAYER}", delta))], model.unet.get_submodule(UNET_LAYER)
    base, seen = layer.weight.clone(), []
    for strength in (1.0, 0.5, 1.0, 0.5):
        with patched(model, [LoraUse("one", unet=strength)], library, loaders):
            seen.append(layer.weight.data)
            assert torch.equal(layer.weight, base + strength)
    assert len(calls) == 2 and seen[0] is not seen[1] and seen[0].data_ptr() == seen[2].data_ptr()
    model.weights.trim(0)
    with patched(model, [LoraUse("one", unet=1.0)], library, loaders):
        assert len(calls) == 3


def test_what_two_sets_have_in_common_is_computed_once(model, library):
    calls = []

    def delta(base):
        calls.append(1)
        return torch.ones_like(base)

    loaders = [loader(WeightChange(f"unet.{UNET_LAYER}", delta), WeightChange(f"text_encoder.{TEXT_LAYER}", delta))]
    for unet in (1.0, 0.5):
        with patched(model, [LoraUse("one", 0.5, unet)], library, loaders):
            pass
    assert len(calls) == 3


def test_numbers_that_leave_the_models_type_are_not_finite(folder, library, model_cache):
    save_file({"mine": torch.zeros(1)}, folder / "Lora" / "one.safetensors")
    model = model_cache.get("tiny", None, Plan(dtype="float16"))
    with (
        pytest.raises(CheckpointError, match="LoRA 'one' holds NaN or Inf"),
        patched(model, [LoraUse("one", unet=1e6)], library, [loader(filled(1.0, f"unet.{UNET_LAYER}"))]),
    ):
        pass


@pytest.mark.parametrize(
    "target",
    [
        "unet.down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k",
        "unet.input_blocks_1_1_transformer_blocks_0_attn2_to_k",
        "unet.down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k",
        "unet.down_blocks.0.attentions.0.transformer_blocks.0.attn2.processor.to_k",
        "down_blocks.0.attentions.0.transformer_blocks.0.attn2.processor.to_k",
        "base_model.model.down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k",
        "base_model.model.unet.down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k",
        "diffusion_model.input_blocks.1.1.transformer_blocks.0.attn2.to_k",
        "model.diffusion_model.input_blocks.1.1.transformer_blocks.0.attn2.to_k",
        "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k",
        "lora_unet_input_blocks_1_1_transformer_blocks_0_attn2_to_k",
        "lycoris_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k",
        "oft_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k",
    ],
)
def test_a_layer_has_several_names(model, library, target):
    layer = model.unet.get_submodule(UNET_LAYER)
    base = layer.weight.clone()
    with patched(model, [LoraUse("one")], library, [loader(filled(1.0, target))]):
        assert torch.equal(layer.weight, base + 1)


@pytest.mark.parametrize("start", ["unet.", "lora_unet_", "", "base_model.model."])
def test_the_way_out_of_an_attention_was_one_layer(model, library, start):
    layer = model.unet.get_submodule("mid_block.attentions.0.transformer_blocks.0.attn1.to_out.0")
    base = layer.weight.clone()
    for strength, end in enumerate(("to_out.0", "processor.to_out", "to_out"), 1):
        target = f"{start}mid_block.attentions.0.transformer_blocks.0.attn1.{end}"
        with patched(model, [LoraUse("one", unet=strength)], library, [loader(filled(1.0, target))]):
            assert torch.equal(layer.weight, base + strength)


@pytest.mark.parametrize(
    "start",
    [
        "text_encoder.",
        "text_encoder.text_model.",
        "lora_te_text_model_",
        "lora_te1_text_model_",
        "clip_l.transformer.text_model.",
        "text_encoders.clip_l.transformer.text_model.",
        "cond_stage_model.transformer.text_model.",
        "base_model.model.text_model.",
        "text_model.",
    ],
)
def test_a_layer_of_the_text_encoder_has_several_names(model, library, start):
    layer = model.text_encoder.get_submodule(TEXT_LAYER)
    base = layer.weight.clone()
    with patched(model, [LoraUse("one", text=0.5)], library, [loader(filled(1.0, start + TEXT_LAYER))]):
        assert torch.equal(layer.weight, base + 0.5)


def test_the_same_set_is_not_computed_again(model, library):
    calls = []

    def delta(base):
        calls.append(1)
        return torch.ones_like(base)

    loaders = [loader(WeightChange(f"unet.{UNET_LAYER}", delta))]
    layer = model.unet.get_submodule(UNET_LAYER)
    for _ in range(3):
        with patched(model, [LoraUse("one")], library, loaders):
            first = layer.weight.data
    assert len(calls) == 1
    with patched(model, [LoraUse("one", unet=0.5)], library, loaders):
        assert not torch.equal(layer.weight, first)
    assert len(calls) == 2


def test_what_cannot_be_used_is_a_note(folder, model, library):
    save_file({"other": torch.zeros(1)}, folder / "Lora" / "odd.safetensors")
    (folder / "Lora" / "broken.safetensors").write_bytes(b"nothing")
    before = state(model)

    def raises(path):
        raise CheckpointError("two.safetensors is a broken thing")

    loaders = [
        LoraLoader("raises", lambda names: False, raises),
        loader(filled(1.0, "unet.nowhere"), WeightChange("unet.conv_in", lambda base: torch.ones(3))),
    ]
    with patched(model, [LoraUse("one"), LoraUse("odd"), LoraUse("broken")], library, loaders) as notes:
        assert same(before, state(model))
    assert len(notes) == 3
    text = " ".join(notes)
    assert "none of its 2 layers fits" in text
    assert "no loader knows the format of odd.safetensors" in text
    assert "broken.safetensors" in text
    with patched(model, [LoraUse("two")], library, [LoraLoader("raises", lambda names: True, raises)]) as notes:
        assert notes == ("LoRA 'two' was left out: two.safetensors is a broken thing",)


def test_some_layers_fit(model, library):
    with patched(model, [LoraUse("one")], library, [loader(filled(1.0, "unet.nowhere"), filled(1.0, f"unet.{UNET_LAYER}"))]) as notes:
        assert notes == ("LoRA 'one': 1 of its 2 layers do not fit this model, the first is unet.nowhere.",)


def test_changed_layers_keep_their_layout_and_type(model_cache, folder, library):
    save_file({"mine": torch.zeros(1)}, folder / "Lora" / "one.safetensors")
    model = model_cache.get("tiny", None, Plan(dtype="bfloat16", channels_last=True))
    with patched(model, [LoraUse("one")], library, [loader(filled(1.0, "unet.down_blocks.0.resnets.0.conv1"))]):
        weight = model.unet.get_submodule("down_blocks.0.resnets.0.conv1").weight
        assert weight.dtype == torch.bfloat16
        assert weight.is_contiguous(memory_format=torch.channels_last)


def test_an_extension_can_name_the_types_without_torch():
    import subprocess
    import sys

    code = "import sys, webui.models.adapters, webui.plugins.adapters; print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "False"


def test_the_vae_is_never_changed(model, library):
    with patched(model, [LoraUse("one")], library, [loader(filled(1.0, "vae.decoder.conv_in"))]) as notes:
        assert "none of its 1 layers" in notes[0]
    assert tiny.WIDTH == model.text_width


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_lora_that_is_not_finite_fails_by_its_name(model, library, value):
    before = state(model)
    with (
        pytest.raises(CheckpointError, match="LoRA 'one' holds NaN or Inf"),
        patched(model, [LoraUse("one")], library, [loader(filled(value, f"unet.{UNET_LAYER}"))]),
    ):
        pass
    assert same(before, state(model))


def test_a_lora_that_is_not_there_is_left_out_with_a_note(model, library):
    """As A1111 does: an old prompt still makes its picture."""
    before = state(model)
    with patched(model, [LoraUse("gone")], library, []) as notes:
        assert same(before, state(model)) and "LoRA 'gone' was left out: There is no LoRA named 'gone'" in notes[0]


def test_tensors_that_nobody_read_are_counted_by_kind(folder, model, library):
    names = ("mine", "x.hada_w1_a", "x.hada_w1_b", "x.dora_scale", "y.diff_b")
    save_file({name: torch.zeros(1) for name in names}, folder / "Lora" / "one.safetensors")
    library.scan()
    changes = WeightChange(f"unet.{UNET_LAYER}", lambda base: torch.ones_like(base), keys=("mine",))
    with patched(model, [LoraUse("one")], library, [loader(changes)]) as notes:
        assert len(notes) == 1 and "4 of its 5 tensors are of kinds not read here (2 of LoHa" in notes[0]
        assert "1 of DoRA scales" in notes[0] and "1 of biases" in notes[0]


def test_blocks_have_strengths_of_their_own(model, library):
    """The tiny UNet has IN01 (first transformer), M00, OUT02 (its last with CompVis' numbers 2 to 5) and layers outside of the blocks."""
    inside = {"IN01": UNET_LAYER, "M00": "mid_block.attentions.0.transformer_blocks.0.attn2.to_k", "OUT02": "up_blocks.1.resnets.0.conv1"}
    layers = {block: model.unet.get_submodule(name) for block, name in inside.items()}
    outside, text = model.unet.get_submodule("time_embedding.linear_1"), model.text_encoder.get_submodule(TEXT_LAYER)
    base = {block: layer.weight.clone() for block, layer in (*layers.items(), ("", outside), ("BASE", text))}
    targets = [*(f"unet.{name}" for name in inside.values()), "unet.time_embedding.linear_1", f"text_encoder.{TEXT_LAYER}"]
    numbers = [0.0] * 26
    for place, value in ((0, 0.25), (2, 2.0), (13, -1.0), (16, 3.0)):  # BASE, IN01, M00, OUT02
        numbers[place] = value
    blocks = ",".join(map(str, numbers))
    with patched(model, [LoraUse("one", 2, 0.5, blocks)], library, [loader(*(filled(1.0, target) for target in targets))]) as notes:
        assert notes == ()
        for block, factor in (("IN01", 2.0), ("M00", -1.0), ("OUT02", 3.0)):
            assert torch.allclose(layers[block].weight, base[block] + 0.5 * factor)
        assert torch.allclose(outside.weight, base[""] + 0.5) and torch.allclose(text.weight, base["BASE"] + 2 * 0.25)
    with patched(model, [LoraUse("one", 1, 1, "NONE")], library, [loader(*(filled(1.0, target) for target in targets[:3]))]) as notes:
        assert notes == () and all(torch.equal(layer.weight, base[block]) for block, layer in layers.items())


def test_the_file_at_fault_is_named(folder, model, library):
    save_file({"other": torch.zeros(1)}, folder / "Lora" / "other.safetensors")
    library.scan()
    good = loader(filled(1.0, f"unet.{UNET_LAYER}"))
    bad = LoraLoader("other", lambda names: "other" in names, lambda path: [filled(float("nan"), f"unet.{UNET_LAYER}")])
    for uses in ([LoraUse("one"), LoraUse("other"), LoraUse("two")], [LoraUse("other"), LoraUse("one")]):
        with pytest.raises(CheckpointError, match="LoRA 'other' holds NaN or Inf"), patched(model, uses, library, [good, bad]):
            pass
