"""A folder as diffusers saves it is one model: listed, loaded by the same families, checked like a single file."""

import json
import os

import pytest
import torch

from models import folders, tiny_xl
from tests import tiny
from webui.core.job import Plan
from webui.errors import CheckpointError, FileChanged, RequestError
from webui.library import Library
from webui.models.cache import ModelCache
from webui.models.conditioning import Conditioning

PLAN = Plan(threads=1, channels_last=False)


@pytest.fixture
def place(tmp_path):
    return tmp_path / "Stable-diffusion"


def cache(place):
    return ModelCache(Library([place.parent]))


def same(module, other):
    ours, theirs = module.state_dict(), other.state_dict()
    return ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name].to(ours[name])) for name in ours)


def test_a_folder_is_one_model_with_the_weights_of_the_single_file(place):
    folders.write_sd1(place / "sub" / "mine")
    tiny.write(place / "single.safetensors")
    listed = [(model.name, model.family, model.error, model.file_name) for model in Library([place.parent]).models("checkpoint")]
    assert listed == [("single", "sd1", "", "single.safetensors"), ("sub/mine", "sd1", "", "sub/mine")]
    models = cache(place)
    folder, single = models.get("mine", None, PLAN), cache(place).get("single", None, PLAN)
    for name in ("unet", "vae", "text_encoder"):
        assert same(folder.components[name], single.components[name])
    assert (folder.prediction.name, folder.prediction.sigma_max) == ("eps", pytest.approx(single.prediction.sigma_max))
    assert len(folder.tokenizer) == len(single.tokenizer) == 514 and folder.latent_space == "mine"
    x, cond = torch.randn(1, 4, 8, 8), Conditioning(torch.randn(1, 77, tiny.WIDTH))
    assert torch.equal(folder.predict(x, torch.tensor([10.0]), cond), single.predict(x, torch.tensor([10.0]), cond))


def test_sdxl_with_two_encoders_and_sd2(place):
    unet, vae, text_l, text_g = tiny_xl.sdxl_parts()
    folders.write_folder(
        place / "xl", "StableDiffusionXLPipeline", {"unet": unet, "vae": vae, "text_encoder": text_l, "text_encoder_2": text_g}
    )
    tiny_xl.write_sdxl(place / "single.safetensors")
    folder, single = cache(place).get("xl", None, PLAN), cache(place).get("single", None, PLAN)
    assert folder.family == single.family == "sdxl"
    assert all(same(folder.components[name], single.components[name]) for name in single.components)
    assert [part.pad for part in folder.texts] == [None, 0]


def test_v_prediction_and_zero_terminal_snr_come_from_the_scheduler(place):
    folders.write_sd1(place / "v", {"prediction_type": "v_prediction", "rescale_betas_zero_snr": True})
    model = cache(place).get("v", None, PLAN)
    assert model.prediction.name == "v" and model.prediction.sigma_max == pytest.approx(4518.76, abs=0.1)


def test_an_inpainting_unet_is_known_by_its_channels(place):
    unet, vae, text = tiny.parts(1, 9)
    folders.write_folder(place / "fill", "StableDiffusionInpaintPipeline", {"unet": unet, "vae": vae, "text_encoder": text})
    assert cache(place).get("fill", None, PLAN).variant == "inpaint"


@pytest.mark.parametrize("saving", [{"variant": "fp16"}, {"max_shard_size": "60KB"}, {"variant": "fp16", "max_shard_size": "60KB"}])
def test_variants_and_shards_are_the_same_weights(place, saving):
    folders.write_sd1(place / "mine", **saving)
    assert "max_shard_size" not in saving or len(list((place / "mine" / "unet").glob("*-of-*"))) > 1
    assert same(cache(place).get("mine", None, PLAN).unet, tiny.parts()[0])


def test_a_folder_on_its_own_is_found_too(tmp_path):
    folders.write_sd1(tmp_path / "mine")
    for root in (tmp_path, tmp_path / "mine"):
        assert [(model.name, model.error) for model in Library([root]).models("checkpoint")] == [("mine", "")]


def test_its_parts_are_no_models_of_their_own(place):
    folders.write_sd1(place / "mine", max_shard_size="60KB")
    library = Library([place.parent])
    assert [model.name for kind in ("checkpoint", "vae", "lora", "embedding") for model in library.models(kind)] == ["mine"]


def broken(place):
    (model,) = Library([place.parent]).models("checkpoint")
    with pytest.raises((CheckpointError, RequestError)) as refused:
        cache(place).get(model.name, None, PLAN)
    return model.error, str(refused.value)


def test_a_missing_shard_a_missing_part_and_another_pipeline_are_named(place):
    folder = folders.write_sd1(place / "mine", max_shard_size="60KB")
    shard = sorted((folder / "unet").glob("*-of-*"))[1]
    kept = shard.read_bytes()
    shard.unlink()
    listed, refused = broken(place)
    assert listed == refused and f"lacks unet/{shard.name}" in listed
    shard.write_bytes(kept[:-10])
    assert "cut off" in broken(place)[0] and shard.name in broken(place)[0]
    shard.write_bytes(kept)
    for file in (folder / "vae").glob("*.safetensors*"):
        file.unlink()
    assert "lacks the weights of its vae" in broken(place)[0]


def test_a_pipeline_that_is_not_loaded_says_what_is(place):
    unet, vae, text = tiny.parts()
    folders.write_folder(place / "other", "KandinskyPipeline", {"unet": unet, "vae": vae, "text_encoder": text})
    listed, _ = broken(place)
    assert "KandinskyPipeline" in listed and "SD 1.x" in listed


@pytest.mark.parametrize("name", ["../../secret.safetensors", "/etc/passwd", "a/b.safetensors", "..\\x.safetensors", "", 5, None])
def test_an_index_names_only_what_lies_beside_it(place, name):
    folder = folders.write_sd1(place / "mine", max_shard_size="60KB")
    (folder.parent / "secret.safetensors").write_bytes(sorted((folder / "unet").glob("*-of-*"))[0].read_bytes())
    index = next((folder / "unet").glob("*.index.json"))
    content = json.loads(index.read_text())
    content["weight_map"]["conv_in.weight"] = name
    index.write_text(json.dumps(content))
    (model,) = [each for each in Library([place.parent]).models("checkpoint") if each.name == "mine"]
    assert "does not name the files of its weights" in model.error


@pytest.mark.parametrize("text", ["", "[1]", "{", '"x"', "[" * 100_000, '{"unet": 5}', '{"unet": ["diffusers", null]}'])
@pytest.mark.parametrize("file", ["model_index.json", "unet/config.json", "scheduler/scheduler_config.json"])
def test_whatever_a_json_file_says_it_is_that_models_error(place, file, text):
    folder = folders.write_sd1(place / "mine")
    (folder / file).write_text(text)
    (model,) = Library([place.parent]).models("checkpoint")
    if model.error:
        assert model.name == "mine" and model.error.endswith(".")
    elif file.startswith("scheduler"):
        assert cache(place).get("mine", None, PLAN).prediction.name == "eps"  # an object that tells nothing: the usual levels
    else:
        with pytest.raises(CheckpointError):
            cache(place).get("mine", None, PLAN)


def test_a_pipe_in_a_folder_is_no_weights(place):
    folder = folders.write_sd1(place / "mine")
    file = next((folder / "unet").glob("*.safetensors"))
    file.unlink()
    os.mkfifo(file)
    assert "lacks the weights of its unet" in broken(place)[0]


def test_another_content_of_any_part_is_another_model(place):
    folder = folders.write_sd1(place / "mine")
    library = Library([place.parent])
    before = library.find("checkpoint", "mine")
    digest = library.sha256(before)
    assert library.find("checkpoint", f"mine [{digest[:10]}]").identity == before.identity
    unet, _, _ = tiny.parts(3)
    unet.save_pretrained(folder / "unet")
    after = library.find("checkpoint", "mine")
    assert after.identity != before.identity and library.sha256(after) != digest
    with pytest.raises(FileChanged):
        library.sha256(before.model_copy(update={"path": before.path}))


def test_a_folder_that_comes_or_changes_is_seen(place):
    place.mkdir()
    library = Library([place.parent])
    assert library.models("checkpoint") == ()
    folder = folders.write_sd1(place / "mine")
    library.look()
    assert [model.error for model in library.models("checkpoint")] == [""]
    next((folder / "vae").glob("*.safetensors")).unlink()
    library.look()
    assert "vae" in library.models("checkpoint")[0].error
