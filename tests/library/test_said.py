"""What a file says of itself: in its metadata, by its layers, and in files beside it."""

import json

import pytest

from tests.library.test_scan import SD1, write
from webui.library import Library
from webui.library.beside import Surroundings, read_beside

SDXL_LORA = {
    "lora_unet_input_blocks_4_1_transformer_blocks_0_attn2_to_k.lora_down.weight": (8, 2048),
    "lora_unet_input_blocks_4_1_transformer_blocks_0_attn2_to_k.lora_up.weight": (640, 8),
}
SD1_LORA = {
    "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k.lora_down.weight": (8, 768),
    "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k.lora_up.weight": (320, 8),
}


def said(folder, shapes, metadata=None, kind="lora", place="Lora"):
    write(folder / place / "one.safetensors", shapes, metadata)
    library = Library([folder], folder / "library.json")
    library.scan()
    again = Library([folder], folder / "library.json")
    model = again.models(kind)[0]
    assert again.said(model) == library.said(library.models(kind)[0]), "it is kept"
    return again.said(model)


def test_a_lora_tells_what_it_was_trained_on(tmp_path):
    metadata = {
        "ss_sd_model_name": "v1-5.safetensors",
        "ss_base_model_version": "sd_v1",
        "ss_network_dim": "16",
        "ss_num_train_images": "40",
        "ss_num_epochs": "10",
        "ss_tag_frequency": json.dumps({"10_fox": {"fox": 40, "snow": 12, "tree": 20}, "x": 5}),
        "modelspec.title": "Fox",
        "modelspec.license": "CC0",
        "modelspec.trigger_phrase": "a fox, fxx",
    }
    found = said(tmp_path, {"lora_unet_x.lora_down.weight": (4, 8), "lora_unet_x.lora_up.weight": (8, 4)}, metadata)
    assert (found.title, found.licence, found.base, found.family) == ("Fox", "CC0", "v1-5.safetensors", "sd1")
    assert (found.network, found.trained, found.dtype) == ("plain LoRA, rank 16", "40 pictures, 10 epochs", "float32")
    assert (found.triggers, found.tags) == (("a fox", "fxx"), ("fox", "tree", "snow"))


@pytest.mark.parametrize(("shapes", "family"), [(SDXL_LORA, "sdxl"), (SD1_LORA, "sd1"), ({"lora_unet_x.lora_down.weight": (4, 8)}, "")])
def test_a_loras_family_shows_in_its_layers(tmp_path, shapes, family):
    assert said(tmp_path, shapes).family == family


def test_an_embeddings_family_is_that_of_its_width(tmp_path):
    assert said(tmp_path, {"emb_params": (2, 768)}, kind="embedding", place="embeddings").family == "sd1"


@pytest.mark.parametrize("text", ["[", "[]", '{"a": 5}', '{"a": {"b": "c"}}', "null", "[" * 5000])
def test_metadata_that_lie_are_left_out(tmp_path, text):
    assert said(tmp_path, SD1_LORA, {"ss_tag_frequency": text}).family == "sd1"


def test_files_beside_a_model(tmp_path):
    path = write(tmp_path / "Fox.safetensors", SD1)
    (tmp_path / "fox.preview.png").write_bytes(b"x")
    civitai = {
        "modelId": 7,
        "name": "v2",
        "baseModel": "SD 1.5",
        "trainedWords": ["fox, red", "snow"],
        "model": {"name": "Fox", "tags": ["animal"], "allowCommercialUse": ["Image"], "allowNoCredit": False},
    }
    (tmp_path / "Fox.civitai.info").write_text(json.dumps(civitai))
    (tmp_path / "Fox.json").write_text(json.dumps({"description": "A fox.", "notes": "mine", "sd version": "SD2"}))
    beside = read_beside(path, Surroundings().of(path))
    assert beside.preview == tmp_path / "fox.preview.png"
    assert (beside.title, beside.base, beside.origin) == ("Fox v2", "SD 1.5", "https://civitai.com/models/7")
    assert (beside.triggers, beside.tags, beside.notes) == (("fox", "red", "snow"), ("animal",), "mine")
    assert beside.licence == "Civitai, commercial use: Image, credit the maker" and beside.description == "A fox."


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"trainedWords": 5, "model": [], "modelId": "x"}', "[" * 9000, '{"civitai": {"model": null}}']
)
def test_a_broken_file_beside_a_model_says_nothing(tmp_path, text):
    path = write(tmp_path / "fox.safetensors", SD1)
    (tmp_path / "fox.civitai.info").write_text(text)
    (tmp_path / "fox.json").mkdir()
    assert read_beside(path, Surroundings().of(path)).title == ""
