"""What a file is shows in its header: networks for ControlNet, LoRA's kin, quantized files, and what lies in another kind's folder."""

import struct

import pytest

from tests.library.test_said import SDXL_LORA
from tests.library.test_scan import LORA, SD1, write
from webui.library import Library
from webui.library.gguf import read_gguf

UNET = "lora_unet_input_blocks_4_1_transformer_blocks_0_attn2_to_k"
TEXT = "lora_te_text_model_encoder_layers_{}_self_attn_q_proj"


def only(folder, shapes, name="one.safetensors"):
    """The one file of a plain folder, and what it says of itself."""
    write(folder / name, shapes)
    library = Library([folder])
    (model,) = library.all_models
    return model, library.said(model)


@pytest.mark.parametrize(
    ("shapes", "sort", "family"),
    [
        ({"conv_in.weight": (320, 192, 3, 3), "body.0.block1.weight": (320, 320, 3, 3)}, "T2I-Adapter", "sd1"),
        ({"adapter.conv_in.weight": (320, 768, 3, 3), "adapter.body.0.resnets.0.block1.weight": (1,)}, "T2I-Adapter", "sdxl"),
        ({"image_proj.proj.weight": (8, 8), "ip_adapter.1.to_k_ip.weight": (640, 2048)}, "IP-Adapter", "sdxl"),
        ({"lora_controlnet": (0,), "input_blocks.4.1.transformer_blocks.0.attn2.to_k.down": (8, 2048)}, "Control-LoRA", "sdxl"),
        ({"lllite_unet_input_blocks_4_1_transformer_blocks_1_attn1_to_q.down.0.weight": (64, 64)}, "ControlNet-LLLite", "sdxl"),
        ({"control_model.input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight": (320, 768)}, "ControlNet", "sd1"),
    ],
)
def test_networks_beside_the_denoiser_are_known_by_their_sort(tmp_path, shapes, sort, family):
    model, said = only(tmp_path, shapes)
    assert (model.kind, said.network, said.family) == ("controlnet", sort, family)
    assert model.note.startswith(sort) and not model.error


@pytest.mark.parametrize(
    ("shapes", "network", "family"),
    [
        ({f"{UNET}.lokr_w1": (8, 16), f"{UNET}.lokr_w2": (80, 128)}, "LoKr", "sdxl"),
        ({f"{UNET}.lokr_w1": (8, 16), f"{UNET}.lokr_w2_a": (80, 4), f"{UNET}.lokr_w2_b": (4, 48)}, "LoKr", "sd1"),
        (
            {f"{UNET}.hada_w1_a": (320, 4), f"{UNET}.hada_w1_b": (4, 768), f"{UNET}.hada_w2_a": (1, 4), f"{UNET}.hada_w2_b": (4, 1)},
            "LoHa",
            "sd1",
        ),
        ({f"{UNET[:-9]}attn1_to_q.oft_blocks": (4, 8, 8), f"{TEXT.format(22)}.oft_blocks": (4, 8, 8)}, "OFT", "sd2"),
        ({f"{TEXT.format(11)}.oft_blocks": (4, 8, 8)}, "OFT", "sd1"),
        ({"lora_unet_output_blocks_0_1_transformer_blocks_1_attn1_to_q.oft_blocks": (4, 8, 8)}, "OFT", "sdxl"),
    ],
)
def test_loras_kin_is_known_with_its_family(tmp_path, shapes, network, family):
    model, said = only(tmp_path, shapes)
    assert (model.kind, said.network, said.family) == ("lora", network, family)


@pytest.mark.parametrize(
    ("shapes", "kind"),
    [
        ({"encoder.block.0.layer.0.SelfAttention.q.weight": (4, 4)}, "text_encoder"),
        ({"text_model.encoder.layers.0.mlp.fc1.weight": (4, 4)}, "text_encoder"),
        ({"conv_first.weight": (4, 3, 3, 3), "body.0.rdb1.conv1.weight": (4, 4)}, "upscaler"),
        ({"1.weight": (64, 4, 3, 3), "3.conv.0.weight": (64, 64, 3, 3)}, "vae_approx"),
    ],
)
def test_a_plain_folder_holds_other_kinds_too(tmp_path, shapes, kind):
    assert only(tmp_path, shapes)[0].kind == kind


@pytest.mark.parametrize(
    ("name", "family", "refused"), [("cond_stage_model.model.x", "sd2", ""), ("cond_stage_model.transformer.x", "sd1", "depth")]
)
def test_depth_is_loaded_of_sd2_and_named_and_refused_of_others(tmp_path, name, family, refused):
    model, _ = only(tmp_path, {name: (1,), "model.diffusion_model.input_blocks.0.0.weight": (320, 5, 3, 3)})
    assert (model.family, model.variant) == (family, "depth")
    said = Library([tmp_path]).families.refusal(model.family, model.variant, model.file_name)
    wanted = "of another sort (depth), which this version does not load, for it also sees a depth map"
    loaded = "it loads text, inpainting and pix2pix models."
    of_sd2 = "which here only checkpoints of SD 2.x do"
    assert said == (f"one.safetensors is Stable Diffusion 1.x {wanted}, {of_sd2}: {loaded}" if refused else "")


@pytest.mark.parametrize("end", ["lora_A.weight", "lora_down.weight", "lokr_w1", "hada_w1_a"])
@pytest.mark.parametrize("place", ["Lora", ""])
def test_a_lora_with_its_models_own_names_is_no_checkpoint(tmp_path, place, end):
    write(tmp_path / place / "one.safetensors", {f"double_blocks.0.img_attn.proj.{end}": (4, 8)})
    (model,) = Library([tmp_path]).all_models
    assert (model.kind, model.error) == ("lora", "")
    assert Library([tmp_path]).said(model).family in ("flux", "")


@pytest.mark.parametrize(
    ("place", "shapes", "said"),
    [
        ("Stable-diffusion", LORA, "one.safetensors is a LoRA, no checkpoint. Move it to models/Lora."),
        ("Lora", SD1, "one.safetensors is a checkpoint, no lora. Move it to models/Stable-diffusion."),
        ("VAE", SDXL_LORA, "one.safetensors is a LoRA, no vae. Move it to models/Lora."),
    ],
)
def test_what_lies_in_another_kinds_folder_is_told_where_it_belongs(tmp_path, place, shapes, said):
    write(tmp_path / place / "one.safetensors", shapes)
    assert [model.error for model in Library([tmp_path]).all_models] == [said]


def gguf(told, tensors, kind=12):
    """A GGUF file of these texts and shapes, without its numbers."""

    def text(value):
        return struct.pack("<Q", len(value)) + value.encode()

    data = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(told) + 2)
    for key, value in told.items():
        data += text(key) + struct.pack("<I", 8) + text(value)
    data += text("a.list") + struct.pack("<IIQ", 9, 8, 2) + text("x") + text("y") + text("a.number") + struct.pack("<II", 4, 7)
    for name, shape in tensors.items():
        data += text(name) + struct.pack("<I", len(shape)) + struct.pack(f"<{len(shape)}Q", *shape[::-1]) + struct.pack("<IQ", kind, 0)
    return data


FLUX = gguf({"general.architecture": "flux", "general.name": "Fast"}, {"double_blocks.0.img_attn.qkv.weight": (9, 3)})


@pytest.mark.parametrize(
    ("place", "data", "kind", "family", "about"),
    [
        ("unet", FLUX, "checkpoint", "flux", "Flux, Q4_K"),
        ("", FLUX, "checkpoint", "flux", "Flux, Q4_K"),
        ("", gguf({"general.architecture": "sdxl"}, {"x": (1,)}, kind=8), "checkpoint", "sdxl", "SDXL, Q8_0"),
        ("clip", gguf({"general.architecture": "t5encoder"}, {"enc.blk.0.attn_q.weight": (4, 4)}), "text_encoder", "unknown", "t5encoder"),
        ("", gguf({}, {"enc.blk.0.attn_q.weight": (4, 4)}), "text_encoder", "unknown", "Q4_K"),
    ],
)
def test_gguf_files_are_listed_with_why_they_are_not_read(tmp_path, place, data, kind, family, about):
    (tmp_path / place).mkdir(exist_ok=True)
    (tmp_path / place / "fast.gguf").write_bytes(data)
    (model,) = Library([tmp_path]).all_models
    assert (model.kind, model.family, model.name) == (kind, family, "fast")
    assert f"is GGUF ({about}" in model.error and "as .safetensors" in model.error


@pytest.mark.parametrize(
    "data", [b"", b"GGUF", FLUX[:-9], FLUX[:40], b"GGUF" + struct.pack("<IQQ", 3, 2**60, 2**60), b"GGUF" + b"\xff" * 100, b"<html>"]
)
def test_a_broken_gguf_is_a_sentence(tmp_path, data):
    (tmp_path / "fast.gguf").write_bytes(data)
    (model,) = Library([tmp_path]).all_models
    assert model.error == "fast.gguf is not a whole GGUF file. Download it again."


def test_a_gguf_header_is_read_whole(tmp_path):
    (tmp_path / "fast.gguf").write_bytes(FLUX)
    header = read_gguf(tmp_path / "fast.gguf")
    assert header.shapes == {"double_blocks.0.img_attn.qkv.weight": (9, 3)} and header.metadata["general.name"] == "Fast"


def test_a_safetensors_file_may_be_called_sft(tmp_path):
    assert only(tmp_path, SD1, "one.sft")[0].family == "sd1"
