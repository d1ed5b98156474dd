"""A1111's text as other hands write it: lines behind it, JSON in it, pictures of 2022, savers of ComfyUI, Fooocus."""

import json

import pytest

from webui.images.dialects.infotext import read_infotext, read_pairs
from webui.images.dialects.names import SAMPLERS, SCHEDULES
from webui.images.metadata import read_parameters
from webui.samplers.catalog import find_sampler, find_schedule

HEAD = "a red apple\nNegative prompt: blurry\n"
LINE = "Steps: 7, Sampler: Euler a, CFG scale: 5, Seed: 123, Size: 128x192, Model hash: 0123456789, Model: somebodys"


def fields(text):
    reading = read_parameters(text)
    return {key: reading.fields.get(key) for key in ("prompt", "negative_prompt", "steps", "seed", "width", "height")}


PLAIN = {"prompt": "a red apple", "negative_prompt": "blurry", "steps": 7, "seed": 123, "width": 128, "height": 192}


@pytest.mark.parametrize(
    ("behind", "said"),
    [
        ("Template: a {red|green} apple", ("Template: a {red|green} apple",)),
        ("Template: a {red|green} apple\nNegative Template: blurry", ("Template: a {red|green} apple", "Negative Template: blurry")),
        ("Template: a\nSteps: 1, Sampler: DDIM, Seed: 5\nand more", ("Template: a", "Steps: 1, Sampler: DDIM, Seed: 5 and more")),
        (
            "\n\nSome extension: its own line, with: pairs, and: more, of: them",
            ("Some extension: its own line, with: pairs, and: more, of: them",),
        ),
    ],
)
def test_lines_behind_the_pairs_are_said(behind, said):
    text = f"{HEAD}{LINE}, Version: v1.6.0\n{behind}"
    assert fields(text) == PLAIN and read_parameters(text).unmapped == said


def test_a_prompt_whose_lines_look_like_pairs():
    text = f"a red apple\nSteps: 3, Seed: 1, Sampler: DDIM\nNegative prompt: blurry\n{LINE}"
    assert fields(text) == PLAIN | {"prompt": "a red apple\nSteps: 3, Seed: 1, Sampler: DDIM"}


def test_a_prompt_on_the_line_of_the_pairs_is_kept():
    assert fields("a red apple, on a table, Steps: 3, Seed: 1, Sampler: Euler")["prompt"] == "a red apple, on a table"


CIVITAI = [{"type": "checkpoint", "Steps: 99": 1, "modelVersionId": 1, "name": "a, Steps: 50, Seed: 2, Model: other"}]


@pytest.mark.parametrize(
    "value",
    [
        f"Civitai resources: {json.dumps(CIVITAI)}, Civitai metadata: {{}}",
        'Hashes: {"model": "0123456789", "lora:foo": "abc", "Steps": 50}',
        'ADetailer prompt: "a face, Steps: 50, \\"x\\"", Wildcard negative prompt: "a, Seed: 9"',
        "ControlNet 0: Module: canny, Steps: 50, Model: control",
        'Odd: [unclosed, Steps: 50, "Seed: 9',
    ],
)
def test_values_in_brackets_and_quotes_overwrite_nothing(value):
    reading = read_parameters(f"{HEAD}{LINE}, {value}")
    assert fields(f"{HEAD}{LINE}, {value}") == PLAIN and reading.fields["checkpoint"] == "somebodys [0123456789]"


def test_a_second_value_for_a_key_is_said():
    assert read_parameters(f"{HEAD}{LINE}, Steps: 50").unmapped == ("Steps: 50 (a second one)",)


def test_pairs():
    line = 'A: 1, B: "x, y: \\"z\\"", C: [1, {"a": 2}], D: {"x": "a, b"} , E: [word] and, F: , G: last'
    assert list(read_pairs(line)) == [
        ("A", "1"), ("B", 'x, y: "z"'), ("C", '[1, {"a": 2}]'), ("D", '{"x": "a, b"}'), ("E", "[word] and"), ("F", ""), ("G", "last"),
    ]  # fmt: skip


OLD = "Steps: 7, Sampler: Euler a, CFG scale: 5, Seed: 123, Size: {}, Model hash: 7460a6fa, {}"


@pytest.mark.parametrize(
    ("size", "more", "mode", "width", "hires"),
    [
        ("512x768", "Denoising strength: 0", "txt2img", 512, None),
        ("512x512", "Denoising strength: 0.7, First pass size: 0x0", "txt2img", 512, None),
        ("512x512", "Denoising strength: 0, First pass size: 0x0", "txt2img", 512, None),
        ("1024x1024", "Denoising strength: 0.7, First pass size: 0x0", "txt2img", 512, {"width": 1024, "height": 1024, "strength": 0.7}),
        ("256x256", "Denoising strength: 0.4, First pass size: 128x128", "txt2img", 128, {"width": 256, "height": 256, "strength": 0.4}),
        ("512x512", "Batch size: 4, Batch pos: 2", "txt2img", 512, None),
        ("512x512", "Denoising strength: 0.6", "img2img", 512, None),
        ("512x512", "Denoising strength: 0, Init image hash: abc", "img2img", 512, None),
    ],
)
def test_pictures_of_2022(size, more, mode, width, hires):
    reading = read_parameters(f"x\n{OLD.format(size, more)}")
    assert (reading.mode, reading.fields["width"], reading.fields.get("hires"), reading.unmapped) == (mode, width, hires, ())


@pytest.mark.parametrize(
    ("sampler", "schedule", "expected"),
    [
        ("dpmpp_2m_sde_gpu", "Scheduler: karras", ("DPM++ 2M SDE", "Karras")),
        ("sample_dpmpp_2m", "Schedule type: Karras", ("DPM++ 2M", "Karras")),
        ("euler_ancestral_karras", "Version: ComfyUI", ("Euler a", "Karras")),
        ("k_euler_a", "Version: x", ("Euler a", None)),
        ("Some New Sampler", "Schedule type: Automatic", ("Some New Sampler", "Automatic")),
    ],
)
def test_samplers_however_they_are_spelled(sampler, schedule, expected):
    found = read_parameters(f"x\nSteps: 7, Sampler: {sampler}, Seed: 1, {schedule}").fields
    assert (found.get("sampler"), found.get("schedule")) == expected


def test_every_name_that_others_have_is_one_of_ours():
    assert [name for name in SAMPLERS.values() if find_sampler(name) is None] == []
    assert [name for name in SCHEDULES.values() if find_schedule(name) is None] == []


FOOOCUS = (
    "a red apple, cinematic\nNegative prompt: blurry, ugly\n"
    "Steps: 30, Sampler: DPM++ 2M SDE Karras, Seed: 5, Size: 1152x896, CFG scale: 4, "
    'Sharpness: 2, ADM Guidance: "(1.5, 0.8, 0.3)", Model: juggernaut, Model hash: aeb7e9e689, Performance: Speed, Scheduler: karras, '
    'VAE: Default (model), Raw prompt: a red apple, Raw negative prompt: , Lora hashes: "base: 4852, other: 11", '
    'Lora weights: "base: 0.05, other: -0.5", Version: Fooocus v2.5.5'
)


def test_fooocuss_scheme_a1111():
    reading = read_parameters(FOOOCUS)
    found = reading.fields
    assert (found["prompt"], found["negative_prompt"]) == ("a red apple, cinematic <lora:base:0.05> <lora:other:-0.5>", "blurry, ugly")
    assert (found["schedule"], found.get("vae"), found["noise_source"]) == ("Karras", None, "cpu")
    assert reading.unmapped == ("Sharpness: 2", "ADM Guidance: (1.5, 0.8, 0.3)")


@pytest.mark.parametrize(
    "text", ["a: [" * 50_000, 'a: "' * 50_000, "Steps: 1\n" * 50_000, "Template: x\n" * 50_000, "a: {" + "[" * 100_000]
)
def test_texts_made_to_be_slow_end(text):
    assert len(read_infotext(text).pairs) <= 1000


@pytest.mark.parametrize(
    ("more", "version", "said"),
    [
        ('Lora hashes: "base: 1a2b3c, half: 444"', "Fooocus v2.5.0", ("base", "half")),
        ('Lora hashes: "base: 1a2b3c, half: 444", Lora weights: "half: 0.5"', "Fooocus v2.5.0", ("base",)),
        ('Lora hashes: "ink: 1a2b3c, base: 444"', "v1.10.1", ("base",)),
    ],
)
def test_loras_of_which_only_the_hash_is_told_are_said(more, version, said):
    reading = read_parameters(f"an apple <lora:Ink:0.5>\nSteps: 7, Sampler: Euler, Seed: 3, Size: 64x64, {more}, Version: {version}")
    assert reading.unmapped == tuple(f"LoRA: {name} (its weight is not told)" for name in said)


@pytest.mark.parametrize(
    ("pair", "field", "value", "said"),
    [
        ("CFG scale: 5,5", "guidance", 5.5, ()),
        ("Denoising strength: 0,725", "strength", 0.725, ()),
        ("Eta:0,5", "sampler_options", {"eta": 0.5}, ()),
        ("Hires upscale: 1,75", "hires", {"scale": 1.75, "strength": 0.7}, ()),
        ("CFG scale: 1,000", "guidance", None, ("CFG scale: 1,000",)),
        ("CFG scale: 5,5,5", "guidance", None, ("CFG scale: 5,5,5",)),
        ("CFG scale: 5, 5", "guidance", 5.0, ("5 (behind 'CFG scale: 5')",)),
        ("CFG scale: 5_5", "guidance", None, ("CFG scale: 5_5",)),
        ("Clip skip: 1,000", "clip_skip", None, ("Clip skip: 1,000",)),
        ("ENSD: 31,337", "sampler_options", None, ("ENSD: 31,337",)),
        ("Mask blur: 4,5", "mask_blur", None, ("Mask blur: 4,5",)),
        ("Mask blur: 1_0", "mask_blur", None, ("Mask blur: 1_0",)),
        ("Variation seed: 1,234,567", "variation_seed", None, ("Variation seed: 1,234,567",)),
        ("Seed resize from: 512,5x768", "seed_resize_width", None, ("Seed resize from: 512", "5x768 (behind 'Seed resize from: 512')")),
    ],
)
def test_a_number_with_commas_is_read_whole_or_said(pair, field, value, said):
    reading = read_parameters(f"a\nSteps: 9, Sampler: Euler a, {pair}, Seed: 1, Size: 128x128")
    assert (reading.fields.get(field), reading.unmapped) == (value, said)
    assert (reading.fields["steps"], reading.fields["seed"], reading.fields["width"]) == (9, 1, 128)


def test_a_line_that_is_too_long_is_said():
    reading = read_parameters(f"a\nSteps: 9, Sampler: Euler a, Model: {' ' * 200_000}x, Seed: 1")
    assert any("behind the first 200000 letters" in line for line in reading.unmapped)


def test_restored_faces_are_a_step_and_embeddings_are_told():
    line = 'Steps: 4, Sampler: Euler, Seed: 1, Face restoration: CodeFormer, TI hashes: "easyneg: c74b4e810b03, bad hand: 123"'
    found = read_parameters(f"a fox easyneg\n{line}, Postprocess upscale by: 2, Postprocess upscaler: Lanczos")
    assert [(step["kind"], step.get("model")) for step in found.fields["finish"]] == [("restore", "CodeFormer"), ("upscale", None)]
    assert found.embeddings == ("easyneg", "bad hand") and found.unmapped == ()
