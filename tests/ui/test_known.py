"""Names in a picture's parameters become those of the drop-downs; what is not here is told."""

import pytest

from webui.core.protocol import Capabilities, OptionInfo
from webui.library import Library
from webui.ui.known import NameMatcher

HASHES = {"people/face": "0123456789abcdef", "tiny": "fedcba9876543210"}
NAMES = {
    "checkpoint": ["people/face", "tiny"],
    "vae": ["Automatic", "soft"],
    "text_encoder": ["Automatic", "tiny"],
    "refiner_checkpoint": ["None", "tiny"],
    "sampler": ["Euler", "DPM++ 2M"],
    "schedule": ["Automatic", "Karras"],
    "hires.upscaler": ["Latent", "Lanczos"],
    "hires.sampler": ["Use the same", "Euler", "DPM++ 2M"],
    "hires.schedule": ["Use the same", "Karras"],
}


def by_hash(digest):
    return next((name for name, known in HASHES.items() if known.startswith(digest.lower())), None)


def has_hash(name, digest):
    return HASHES[name].startswith(digest.lower())


KNOWN = NameMatcher(NAMES, frozenset({"style", "sub/style"}), by_hash, has_hash)


def named(field, value, checkpoint=""):
    """What the form shows for a name, and what is told."""
    values, told = KNOWN.match({field: value}, checkpoint)
    return values.get(field), told


@pytest.mark.parametrize(
    ("field", "value", "shown"),
    [
        ("checkpoint", "TINY", "tiny"),
        ("checkpoint", "tiny.safetensors", "tiny"),
        ("checkpoint", "face", "people/face"),
        ("checkpoint", "people/face.ckpt", "people/face"),
        ("checkpoint", "elsewhere/face", "people/face"),
        ("vae", "soft.pt", "soft"),
        ("vae", "None", "Automatic"),
        ("text_encoder", "automatic", "Automatic"),
        ("refiner_checkpoint", "tiny [fedcba9876]", "tiny"),
        ("sampler", "k_euler", "Euler"),
        ("sampler", "dpm++ 2m", "DPM++ 2M"),
        ("schedule", "karras", "Karras"),
        ("hires.sampler", "Use the same", "Use the same"),
        ("hires.upscaler", "lanczos", "Lanczos"),
    ],
)
def test_a_name_is_found_whatever_its_case_folder_or_suffix(field, value, shown):
    assert named(field, value) == (shown, [])


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("checkpoint", "nowhere", "Stable Diffusion checkpoint: nowhere (not here)"),
        ("vae", "hard", "SD VAE: hard (not here)"),
        ("sampler", "UniPC", "Sampling method: UniPC (not here)"),
        ("hires.upscaler", "R-ESRGAN 4x+", "Upscaler: R-ESRGAN 4x+ (not here)"),
    ],
)
def test_a_name_that_is_not_here_is_taken_out_and_told(field, value, told):
    assert named(field, value) == (None, [told])


def test_values_that_are_no_names_stay():
    values = {"steps": 12, "checkpoint": None, "prompt": "x", "wobble": "3"}
    assert KNOWN.match(values) == (values, [])


def test_an_old_samplers_schedule_goes_to_its_own_field_unless_one_is_said():
    assert KNOWN.match({"sampler": "DPM++ 2M Karras"})[0] == {"sampler": "DPM++ 2M", "schedule": "Karras"}
    assert KNOWN.match({"sampler": "DPM++ 2M Karras", "schedule": "Automatic"})[0]["schedule"] == "Automatic"


def test_a_renamed_checkpoint_is_found_by_its_hash():
    assert named("checkpoint", "old name", "old name [0123456789]") == ("people/face", [])
    assert named("checkpoint", "tiny", "tiny [0123456789]") == ("people/face", []), "the hash says more than the name"


def test_the_same_name_with_a_hash_that_nobody_has_is_told():
    told = "Stable Diffusion checkpoint: tiny [aaaaaaaaaa] (tiny is here with another hash)"
    assert named("checkpoint", "tiny", "tiny [aaaaaaaaaa]") == ("tiny", [told])


def test_a_hash_without_a_name_is_told_as_it_was_said():
    assert named("checkpoint", "", "[aaaaaaaaaa]") == (None, ["Stable Diffusion checkpoint: [aaaaaaaaaa] (not here)"])


def test_loras_that_are_not_here_leave_the_prompts_and_are_told_once():
    values = {"prompt": "a <lora:Style:1> b <lora:gone:0.5>", "hires.prompt": "<lora:gone:1> c <lora:other:1> <lora:gone:2>"}
    found, told = KNOWN.match(values)
    assert told == ["LoRA: gone (not here)", "LoRA: other (not here)"]
    assert "<lora:Style:1>" in found["prompt"] and "gone" not in found["prompt"] + found["hires.prompt"]


def test_a_requests_nested_fields_are_matched_as_the_forms():
    fields = {"checkpoint": "old [0123456789]", "vae": "automatic", "refiner_checkpoint": "none", "hires": {"upscaler": "gone", "scale": 2}}
    found, told = KNOWN.match_fields(fields)
    assert found == {"checkpoint": "people/face", "vae": None, "refiner_checkpoint": None, "hires": {"scale": 2}}
    assert told == ["Upscaler: gone (not here)"]


def test_a_request_without_a_second_pass_gets_none():
    assert KNOWN.match_fields({"prompt": "x", "hires": None}) == ({"prompt": "x", "hires": None}, [])


def test_another_servers_names_are_believed():
    models = {"checkpoint": [{"name": "theirs"}], "vae": [{"name": "soft"}], "lora": [{"name": "sub/style", "alias": "trained"}]}
    answer = {"models": models, "samplers": [{"name": "Euler"}], "schedules": [], "upscalers": ["Lanczos"]}
    known = NameMatcher.told(answer)
    assert known.match({"checkpoint": "theirs", "prompt": "<lora:style:1><lora:trained:1>"}, "theirs [0123456789]")[1] == []
    assert known.match({"sampler": "DDIM"})[1] == ["Sampling method: DDIM (not here)"]
    assert NameMatcher.told({}).match({"vae": "None", "hires.sampler": "Use the same"})[1] == []


def test_an_empty_folder_knows_what_the_engine_can_do(tmp_path):
    known = NameMatcher.here(Library([tmp_path]), Capabilities(samplers=(OptionInfo(name="Euler"),)))
    told = ["Stable Diffusion checkpoint: tiny (not here)"]
    assert known.match({"sampler": "Euler", "checkpoint": "tiny"}) == ({"sampler": "Euler"}, told)


def test_embeddings_hypernetworks_and_networks_for_faces_that_are_not_here_are_told():
    files = {"embedding": ("sub/EasyNeg",), "hypernetwork": ("net",), "face_restorer": ("GFPGANv1.4",)}
    known = NameMatcher(NAMES, frozenset(), by_hash, has_hash, files)
    finish = [{"kind": "restore", "model": "CodeFormer"}, {"kind": "upscale"}, {"kind": "restore", "model": "GFPGAN"}, {"kind": "restore"}]
    values = {"prompt": "a <hypernet:gone:1> <hypernet:net:0.5> b <hypernet:gone:1>", "finish": finish}
    placed, told = known.match(values, embeddings=("easyneg", "badhand"))
    assert placed["prompt"] == "a  <hypernet:net:0.5> b "
    assert placed["finish"] == [{"kind": "upscale"}, {"kind": "restore", "model": "GFPGANv1.4"}, {"kind": "restore"}]
    assert told == ["Hypernetwork: gone (not here)", "Face restoration: CodeFormer (not here)", "Embedding: badhand (not here)"]
    assert KNOWN.match(values, embeddings=("badhand",)) == (values, [])
