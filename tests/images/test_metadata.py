"""Pictures say how they were made: ours exactly, in A1111's words for others, and other programs' pictures fill the form."""

import hashlib
import io
import json
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from webui.core.request import GenerationRequest, GuidanceOptions, HiresOptions, OutpaintOptions, SamplerOptions, SoftInpaint
from webui.errors import RequestError
from webui.images.dialects.infotext import read_infotext
from webui.images.metadata import (
    GenerationInfo,
    encoder,
    image_seeds,
    read_generation_info,
    read_metadata,
    read_parameters,
    write_parameters,
)
from webui.images.replay import replay_request

RECORDED = Path(__file__).parent.parent / "data/reference/forge_texts.json"
TEXTS = json.loads(RECORDED.read_text())
HASH = hashlib.sha256(b"picture").hexdigest()
A_PICTURE = Image.new("RGB", (8, 8), "red")


def picture(request, index=0, format="png", facts=None):
    stream = io.BytesIO()
    encoder(request, index, facts)(A_PICTURE, stream, format, 90)
    return stream.getvalue()


def png(**chunks):
    info, stream = PngInfo(), io.BytesIO()
    for key, text in chunks.items():
        info.add_text(key, text)
    A_PICTURE.save(stream, "PNG", pnginfo=info)
    return stream.getvalue()


def expected(case):
    """A1111's API fields as ours: only what its text carries."""
    sent = case["request"]
    options = sent.get("override_settings", {})
    fields = {
        "prompt": sent["prompt"],
        "negative_prompt": sent["negative_prompt"],
        "width": sent["width"],
        "height": sent["height"],
        "steps": sent["steps"],
        "guidance": sent["cfg_scale"],
        "seed": sent["seed"] + case["index"],
        "sampler": sent["sampler_name"],
        "checkpoint": "sd15-ref [e86703d54c]",
        "noise_source": options.get("randn_source", "CPU").lower(),
        "emphasis": options.get("emphasis", "Original"),
        "clip_skip": options.get("CLIP_stop_at_last_layers", 1),
    }
    if sent["scheduler"] != "Automatic":
        fields["schedule"] = sent["scheduler"]
    if "denoising_strength" in sent and not sent.get("enable_hr"):
        fields["strength"] = sent["denoising_strength"]
    if "mask" in sent:
        fields |= {"mask_blur": sent["mask_blur"], "invert_mask": bool(sent["inpainting_mask_invert"])}
        fields |= {
            "only_masked": sent["inpaint_full_res"],
            "fill": ("fill", "original", "latent noise", "latent nothing")[sent["inpainting_fill"]],
        }
    return fields


OPTIONS = {
    "eta_ddim": "eta",
    "eta_ancestral": "eta",
    "s_churn": "churn",
    "s_noise": "noise_scale",
    "always_discard_next_to_last_sigma": "discard_penultimate",
    "sgm_noise_multiplier": "sgm_noise_multiplier",
}
GUIDANCE = {"skip_early_cond": "skip_early", "s_min_uncond": "min_sigma", "s_min_uncond_all": "min_sigma_all"}


@pytest.mark.parametrize("case", TEXTS, ids=lambda case: case["name"])
def test_forge_pictures_fill_the_request(case):
    reading = read_metadata(png(parameters=case["text"]))
    given_pictures = {name: HASH for name, key in (("init", "init_images"), ("mask", "mask")) if key in case["request"]}
    request = reading.request(given_pictures)
    assert {name: getattr(request, name) for name in expected(case)} == expected(case)
    sent = case["request"].get("override_settings", {})
    assert {sent[key]: getattr(request.sampler_options, name) for key, name in OPTIONS.items() if key in sent} == {
        sent[key]: sent[key] for key in OPTIONS if key in sent
    }
    assert all(getattr(request.guidance_options, name) == sent[key] for key, name in GUIDANCE.items() if key in sent)
    if case["request"].get("enable_hr"):
        assert request.hires.strength == 0.6 and request.hires.guidance == case["request"].get("hr_cfg", 1)
        assert (request.hires.width, request.hires.height) == (case["request"].get("hr_resize_x", 0), case["request"].get("hr_resize_y", 0))
    if "alwayson_scripts" in case["request"]:
        assert request.soft_inpaint == SoftInpaint()
    assert reading.unmapped == ()
    assert request.mode == ("inpaint" if "mask" in given_pictures else "img2img" if given_pictures else "txt2img")


@pytest.mark.parametrize("case", TEXTS, ids=lambda case: case["name"])
def test_our_text_is_forges_text(case):
    """Read and written again, Forge's text is the same but for the program's name and the marks that are Forge's alone."""
    given_pictures = {name: HASH for name, key in (("init", "init_images"), ("mask", "mask")) if key in case["request"]}
    request = read_metadata(png(parameters=case["text"])).request(given_pictures)
    loras = {"labstyle": "5caf1e0987a5"} if "Lora hashes" in case["text"] else {}
    ours = write_parameters(
        request, 0, GenerationInfo(version="1", loras=loras, embeddings={"labfox": ""} if "TI: " in case["text"] else {})
    )
    theirs = case["text"].replace("Version: f2.0.1v1.10.1-1.10.1", "Version: Darkroom 1")
    assert ours == theirs.replace("Hires Module 1: Use same choices, ", "")


WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
REQUESTS = st.builds(
    GenerationRequest,
    mode=st.just("inpaint"),
    init=st.just(HASH),
    mask=st.just(HASH),
    prompt=WORDS,
    negative_prompt=WORDS,
    seed=st.integers(0, 2**32),
    variation_strength=st.sampled_from([0.0, 0.3]),
    variation_seed=st.integers(0, 2**32),
    steps=st.integers(1, 150),
    guidance=st.floats(0, 30),
    hires=st.none() | st.builds(HiresOptions, prompt=WORDS, scale=st.floats(1, 4)),
    sampler_options=st.builds(SamplerOptions, eta=st.none() | st.floats(0, 1), sigmas=st.none() | st.just((14.6, 1.0, 0.0))),
    guidance_options=st.builds(GuidanceOptions, rescale=st.floats(0, 1)),
    soft_inpaint=st.none() | st.builds(SoftInpaint),
    outpaint=st.none() | st.builds(OutpaintOptions, left=st.integers(1, 4096)),
    extras=st.dictionaries(st.text("abc", min_size=1), st.dictionaries(st.text("xyz"), st.integers() | WORDS), max_size=2),
)


@pytest.mark.parametrize("text", ["\u00c2\u0080", "caf\u00c3\u00a9", "café"])
def test_words_that_look_like_another_encoding_come_back(text):
    assert read_metadata(picture(GenerationRequest(prompt=text, negative_prompt=text), 0)).fields["negative_prompt"] == text
    assert read_metadata(picture(GenerationRequest(prompt=text), 0)).text.startswith(text)


@pytest.mark.parametrize("format", ["png", "jpeg", "webp"])
@given(request=REQUESTS, index=st.integers(0, 3))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_ours_come_back_exactly(format, request, index):
    reading = read_metadata(picture(request, index, format, GenerationInfo(job_id="j1", notes=("a note",))))
    seed, variation_seed = image_seeds(request, index)
    single = request.model_copy(update={"seed": seed, "variation_seed": variation_seed, "batch_size": 1, "batch_count": 1})
    assert reading.request() == single
    assert (reading.source, reading.job_id, reading.index, reading.facts["notes"]) == ("Darkroom", "j1", index, ["a note"])


@pytest.mark.parametrize("format", ["png", "jpeg", "webp"])
def test_prompts_of_any_length_fit_every_format(format):
    request = GenerationRequest(prompt="é" * 100_000, negative_prompt="b" * 100_000)
    assert read_metadata(picture(request, 0, format)).request() == request


@pytest.mark.parametrize("format", ["png", "jpeg", "webp"])
def test_other_programs_find_a1111s_text(format):
    """JPEG and WebP: EXIF's user comment, "UNICODE" and big-endian UTF-16, where A1111 puts it."""
    request = GenerationRequest(prompt="ein Füchslein", steps=8, seed=1)
    with Image.open(io.BytesIO(picture(request, 0, format))) as image:
        if format == "png":
            text = image.text["parameters"]
        else:
            comment = image.getexif().get_ifd(0x8769)[0x9286]
            assert comment[:8] == b"UNICODE\0"
            text = comment[8:].decode("utf-16-be")
    assert text == write_parameters(request) and text.startswith("ein Füchslein\nSteps: 8")


@given(
    prompt=st.text("ab(:1.) ,\n", max_size=40).filter(lambda text: text == text.strip()),
    strength=st.sampled_from([0.25, 1.0]),
    vae=st.sampled_from([None, "a, b: c", 'say "x"']),
    steps=st.integers(1, 99),
)
@settings(max_examples=60, deadline=None)
def test_the_text_alone_round_trips(prompt, strength, vae, steps):
    request = GenerationRequest(
        prompt=prompt,
        steps=steps,
        seed=5,
        width=64,
        height=128,
        vae=vae,
        guidance=7.5,
        hires=HiresOptions(strength=strength, upscaler="Latent"),
    )
    back = read_metadata(png(parameters=write_parameters(request))).request()
    assert back.model_copy(update={"checkpoint": None}) == request


def test_a_negative_prompt_of_several_lines():
    reading = read_metadata(png(parameters="a\nb\nNegative prompt: c\nd\nSteps: 1, Sampler: Euler, Seed: 2, Refining: x"))
    assert (reading.fields["prompt"], reading.fields["negative_prompt"], reading.unmapped) == ("a\nb", "c\nd", ("Refining: x",))


def test_a_pasted_text_is_read():
    assert read_parameters("a\nSteps: 1, Sampler: Euler, Seed: 2").fields["prompt"] == "a"
    assert read_parameters("just a prompt") is None


def test_a1111_without_rng_means_cudas_noise():
    assert read_metadata(png(parameters="a\nSteps: 1, Sampler: Euler, Seed: 2")).request().noise_source == "nv"


def test_values_that_no_request_takes_are_named():
    reading = read_metadata(png(parameters="a\nSteps: 9000, Sampler: Euler, Seed: x, Size: 500x512, Clip skip: 2"))
    assert reading.request().clip_skip == 2 and reading.request().steps is None
    assert sorted(line.split(":")[0] for line in reading.unmapped) == ["Seed", "steps", "width"]


def test_a_start_picture_must_be_given():
    reading = read_metadata(png(parameters="a\nSteps: 1, Sampler: Euler, Seed: 2, Denoising strength: 0.5, Mask blur: 4"))
    with pytest.raises(RequestError, match="made from another picture") as caught:
        reading.request()
    assert caught.value.field == "init"
    with pytest.raises(RequestError, match="with a mask"):
        reading.request({"init": HASH})
    assert reading.request({"init": HASH, "mask": HASH}).mode == "inpaint"


def test_replay_takes_overrides(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(picture(GenerationRequest(prompt="a", seed=7, batch_size=4, sampler_options=SamplerOptions(eta=0.5)), 2))
    request = replay_request(path, {"steps": 3, "sampler_options": {"churn": 1.0}})
    assert (request.seed, request.steps, request.count) == (9, 3, 1)
    assert (request.sampler_options.eta, request.sampler_options.churn) == (0.5, 1.0)


def test_replay_of_a_picture_that_says_nothing(tmp_path):
    A_PICTURE.save(tmp_path / "plain.png")
    with pytest.raises(RequestError, match="does not say how it was made"):
        replay_request(tmp_path / "plain.png", {})
    with pytest.raises(RequestError, match="cannot be read"):
        replay_request(tmp_path / "missing.png", {})


def test_facts_for_compare(tmp_path):
    (tmp_path / "a.png").write_bytes(
        picture(GenerationRequest(prompt="a", seed=1), 0, facts=GenerationInfo(device="cpu", versions={"torch": "2.13"}))
    )
    facts = read_generation_info(tmp_path / "a.png")
    assert (facts["prompt"], facts["device"], facts["versions.torch"], facts["profile"]) == ("a", "cpu", "2.13", "a1111")


@given(
    st.dictionaries(
        st.sampled_from(["parameters", "prompt", "workflow", "Comment", "Dream", "darkroom", "sd-metadata"]), st.text(max_size=200)
    )
)
@settings(max_examples=80, deadline=None)
def test_strange_texts_break_nothing(chunks):
    cleaned = {key: text.replace("\0", "") for key, text in chunks.items()}
    reading = read_metadata(png(**cleaned))
    assert reading is None or isinstance(reading.request({"init": HASH, "mask": HASH}), GenerationRequest)


@pytest.mark.parametrize(
    "own", ["[" * 100_000, "{}", '{"request": 1}', '{"request": {"prompt": "a", "steps": 0, "new_field": 1}}', "\ud83d"]
)
def test_broken_own_metadata_gives_what_is_whole(own):
    reading = read_metadata(png(darkroom=own.encode(errors="replace").decode()))
    assert reading is None or (reading.fields["prompt"] == "a" and len(reading.unmapped) == 2)


@pytest.mark.parametrize("cut", [10, 60, 200])
def test_broken_files_have_no_metadata(cut):
    assert read_metadata(picture(GenerationRequest(prompt="a"))[:cut]) is None
    assert read_metadata(os.urandom(cut)) is None


def test_a_line_made_to_be_slow_is_read():
    assert read_infotext("a " * 100_000).pairs == ()
    assert read_infotext(" " * 100_000 + ":" * 100_000).pairs == ()


def test_ddim_discretize_goes_into_the_text_and_back():
    request = GenerationRequest(prompt="a cat", sampler="DDIM", steps=8, seed=1, sampler_options={"ddim_discretize": "quad"})
    assert "DDIM discretize: quad" in write_parameters(request)
    assert read_parameters(write_parameters(request)).request().sampler_options.ddim_discretize == "quad"
