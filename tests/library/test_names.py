"""Names as they are on disks: bytes that are no text, accents in two ways, capitals, marks that mean something elsewhere."""

import json
import os

import pytest

from tests.library.test_scan import LORA, SD1, write
from tests.whole_requests import resolved
from webui.core.names import fold, in_tag, printable
from webui.core.protocol import Capabilities
from webui.core.request import parse_request
from webui.errors import RequestError
from webui.library import Library
from webui.prompts import strip_comments, strip_tags
from webui.resolve import ResolveContext, resolve
from webui.ui.known import NameMatcher
from webui.words.fill import fill_templates
from webui.words.service import NO_WORDS

VAE = {"decoder.mid.x": (1,)}


def lora(folder, name, **metadata):
    return write(folder / "Lora" / f"{name}.safetensors", LORA, metadata)


@pytest.mark.parametrize(
    ("on_disk", "shown"),
    [
        (b"caf\xe9", "caf%E9"),
        ("cafe\u0301".encode(), "café"),
        ("花火(夏)".encode(), "花火(夏)"),
        (b"two\nlines", "two%0Alines"),
        (b"a:b", "a%3Ab"),
        (b"a#b <c>", "a%23b %3Cc%3E"),
        (b"epoch=10-step=500", "epoch=10-step=500"),
        (b"style [cafe1234]", "style [cafe1234]"),
        (b"name.with.dots-v1.5", "name.with.dots-v1.5"),
        (b" spaces ", " spaces "),
        (b"100%", "100%"),
        ("\u202egpj".encode(), "%E2%80%AEgpj"),
    ],
)
def test_a_name_prints_and_finds_its_file_out_of_a_prompt(tmp_path, on_disk, shown):
    path = lora(tmp_path, os.fsdecode(on_disk))
    lora(tmp_path, "other")
    library = Library([tmp_path])
    assert sorted(model.name for model in library.models("lora")) == sorted([shown, "other"])
    for model in library.models("lora"):
        assert model.model_dump_json(exclude={"path"}).encode()
    clean, tags = strip_tags(strip_comments(f"a fox <lora:{shown}:0.5> # not this <lora:x:1>"))
    assert clean.strip() == "a fox" and tags[0].unet_weight == 0.5
    assert library.find("lora", tags[0].name).path == path
    assert NameMatcher.here(library, Capabilities()).match({"prompt": f"<lora:{shown}:0.5>"})[1] == []


@pytest.mark.parametrize(
    "typed", ["caf\u00e9", "cafe\u0301", "CAFE\u0301", "Cafe\u0301.safetensors", "sub/caf\u00e9", "SUB\\cafe\u0301.SafeTensors"]
)
@pytest.mark.parametrize("on_disk", ["caf\u00e9", "cafe\u0301"])
def test_accents_and_case_are_left_out_of_account(tmp_path, typed, on_disk):
    path = lora(tmp_path, f"sub/{on_disk}")
    assert Library([tmp_path]).find("lora", typed).path == path


def test_what_is_written_to_the_letter_comes_first(tmp_path):
    upper, lower = lora(tmp_path, "Fox"), lora(tmp_path, "fox")
    library = Library([tmp_path])
    assert (library.find("lora", "Fox").path, library.find("lora", "fox").path) == (upper, lower)
    with pytest.raises(RequestError, match="means several files: Fox, fox"):
        library.find("lora", "FOX")


@pytest.mark.parametrize("suffix", [".SAFETENSORS", ".SafeTensors"])
def test_a_suffix_in_capitals(tmp_path, suffix):
    folder = tmp_path / "Stable-diffusion"
    write(folder / "Upper.safetensors").rename(folder / f"Upper{suffix}")
    write(tmp_path / "plain.safetensors").rename(tmp_path / f"plain{suffix}")
    library = Library([tmp_path])
    assert [(model.name, model.family) for model in library.models("checkpoint")] == [("plain", "sd1"), ("Upper", "sd1")]
    assert library.find("checkpoint", "upper.safetensors").file_name == f"Upper{suffix}"


def test_a_name_that_ends_like_a_hash(tmp_path):
    one = write(tmp_path / "Stable-diffusion" / "model [7460a6fa].safetensors")
    other = write(tmp_path / "Stable-diffusion" / "model.safetensors", {**SD1, "more": (1,)})
    library = Library([tmp_path])
    found = library.find("checkpoint", "model [7460a6fa]")
    assert found.path == one and library.find("checkpoint", "model").path == other
    assert library.find("checkpoint", library.title(found)).path == one
    assert library.find("checkpoint", f"model [{library.sha256(library.find('checkpoint', 'model'))[:10]}]").path == other
    known = NameMatcher.here(library, Capabilities())
    for said in ("model [7460a6fa]", library.title(found)):
        assert known.match_fields({"checkpoint": said}) == ({"checkpoint": "model [7460a6fa]"}, [])


def test_two_files_that_differ_in_the_suffix_can_both_be_chosen(tmp_path):
    folder = tmp_path / "VAE"
    write(folder / "x.safetensors", VAE)
    (folder / "x.pt").write_bytes(b"another")
    library = Library([tmp_path])
    assert [model.name for model in library.models("vae")] == ["x", "x.safetensors"]
    assert library.find("vae", "x.safetensors").path == folder / "x.safetensors"
    assert library.find("vae", "x.pt").path == library.find("vae", "x").path == folder / "x.pt"


# What its trainer called a LoRA ------------------------------------------------------------------------------------------------------


def test_a_lora_by_its_trainers_name(tmp_path):
    path = lora(tmp_path, "renamed-by-me", ss_output_name="trained_name")
    library = Library([tmp_path])
    assert library.find("lora", "Trained_Name").path == path
    assert library.models("lora")[0].alias == "trained_name"
    assert NameMatcher.here(library, Capabilities()).match({"prompt": "<lora:trained_name:1><lora:nobody:1>"})[1] == [
        "LoRA: nobody (not here)"
    ]


def test_the_files_name_wins_over_a_trainers(tmp_path):
    lora(tmp_path, "a", ss_output_name="b")
    path = lora(tmp_path, "sub/b", ss_output_name="a")
    assert Library([tmp_path]).find("lora", "b").path == path


def test_a_trainers_name_of_two_files_means_neither(tmp_path):
    for name in ("one", "two"):
        lora(tmp_path, name, ss_output_name="same")
    with pytest.raises(RequestError, match="'same' means several files: one, two"):
        Library([tmp_path]).find("lora", "same")


@pytest.mark.parametrize("name", ["", " ", "a\nb", "x" * 1000, "\ud800"])
def test_odd_names_of_trainers_are_shown_and_harm_nothing(tmp_path, name):
    lora(tmp_path, "file", ss_output_name=name)
    model = Library([tmp_path]).models("lora")[0]
    assert model.model_dump_json().encode() and len(model.alias) <= 200 and printable(model.alias) == model.alias


# Tags ---------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "name", "weights"),
    [
        ("<lora:epoch=10-step=500:0.8>", "epoch=10-step=500", (0.8, 0.8)),
        ("<lora:epoch=10:te=0.5:unet=0.7>", "epoch=10", (0.5, 0.7)),
        ("<lora:a: b:0.8>", "a: b", (0.8, 0.8)),
        ("<lora:a:b>", "a", (1.0, 1.0)),
        ("<lora:a#b:0.8>", "a#b", (0.8, 0.8)),
        ("<lora:x:0.8:0.2:lbw=ALL>", "x", (0.8, 0.2)),
        ("<lora:x::0.2>", "x", (1.0, 0.2)),
    ],
)
def test_a_tags_first_part_is_the_name(text, name, weights):
    tag = strip_tags(strip_comments(text))[1][0]
    assert (tag.name, (tag.te_weight, tag.unet_weight)) == (name, weights)


def test_a_name_with_marks_of_a_tag_is_found_as_it_is_and_as_it_is_shown(tmp_path):
    path = lora(tmp_path, "a:b")
    library = Library([tmp_path])
    assert library.find("lora", "a:b").path == library.find("lora", in_tag("a:b")).path == path


@pytest.mark.parametrize("name", ["{cu|rl}", "__wild__", "a {2$$b|c}", "my__lora", "a_{b}_c"])
def test_a_name_that_is_a_template_stands_in_a_tag_as_a_name(tmp_path, name):
    path = lora(tmp_path, name)
    library = Library([tmp_path])
    (model,) = library.models("lora")
    prompt = f"a fox <lora:{model.name}:1>"
    assert fill_templates(resolved(prompt=prompt, dynamic_prompts=True), NO_WORDS.wildcards).prompt == prompt
    assert library.find("lora", strip_tags(prompt)[1][0].name).path == library.find("lora", name).path == path
    assert model.name == name or name in ("{cu|rl}", "__wild__", "a {2$$b|c}")


def test_folding_is_the_same_for_what_is_the_same():
    assert fold(" CAFE\u0301\\x ") == fold("caf\u00e9/X")


# A VAE beside its checkpoint ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def beside(tmp_path):
    write(tmp_path / "Stable-diffusion" / "sub" / "a.b.safetensors")
    write(tmp_path / "Stable-diffusion" / "plain.safetensors")
    return write(tmp_path / "Stable-diffusion" / "sub" / "a.b.vae.safetensors", VAE)


def world(library):
    return ResolveContext(library, lambda name: None, Capabilities, dict)


@pytest.mark.parametrize("ending", [".vae.safetensors", ".vae.pt", ".vae.ckpt", ".VAE.PT", ".vae.SAFETENSORS"])
def test_a_vae_beside_its_checkpoint_is_its_own(tmp_path, beside, ending):
    path = beside.rename(beside.with_name(f"a.b{ending}"))
    library = Library([tmp_path])
    assert [model.name for model in library.models("checkpoint")] == ["plain", "sub/a.b"]
    assert library.find("checkpoint", "a.b").vae.path == path and library.find("checkpoint", "plain").vae is None
    assert [model.path for model in library.models("vae")] == [path]
    if not library.models("vae")[0].error:
        for said in (None, "Automatic"):
            assert resolve(parse_request({"checkpoint": "a.b", "vae": said}), world(library)).vae == library.models("vae")[0].name
    assert resolve(parse_request({"checkpoint": "a.b", "vae": "None"}), world(library)).vae == "None"
    assert resolve(parse_request({"checkpoint": "plain"}), world(library)).vae is None


def test_a_vae_beside_counts_in_the_checkpoints_identity(tmp_path, beside):
    library = Library([tmp_path])
    before, version = library.find("checkpoint", "a.b"), library.version
    write(beside, {**VAE, "decoder.mid.y": (1,)})
    after = library.find("checkpoint", "a.b")
    assert after.vae.identity != before.vae.identity and library.version != version
    beside.unlink()
    assert library.find("checkpoint", "a.b").vae is None


def test_a_broken_vae_beside_is_refused_by_its_name(tmp_path, beside):
    beside.write_bytes(b"nothing")
    with pytest.raises(RequestError, match=r"a.b.vae.safetensors .* It lies beside sub/a.b.safetensors") as caught:
        resolve(parse_request({"checkpoint": "a.b"}), world(Library([tmp_path])))
    assert caught.value.field == "vae"


def test_what_the_api_tells_has_no_paths(tmp_path, beside):
    told = Library([tmp_path]).find("checkpoint", "a.b").model_dump(mode="json", exclude={"path", "identity"})
    assert "vae" not in told and str(tmp_path) not in json.dumps(told)
