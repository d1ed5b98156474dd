"""What another program takes as plain text, or weighs otherwise, and means something here: every reader says it, by one function."""

import pytest

from tests.images.test_dialects import DRAWN, EASY, FOCUSED, GRAPH, INVOKED, NOVEL, SWARM, node, png

TEXT = "rem (re:zero), [[dog]] AND # note BREAK <lora:base:1>"
JOINED = "AND, BREAK, # (a comment here)"


def a1111(version):
    return f"{TEXT}\nNegative prompt: {TEXT}\nSteps: 4, Sampler: Euler, CFG scale: 5, Seed: 3, Version: {version}"


def comfyui(text=TEXT):
    return {"prompt": GRAPH | {key: node("CLIPTextEncode", text=text, clip=["11", 0]) for key in ("6", "7")}}


PROGRAMS = {
    "ComfyUI": (comfyui(), f"square brackets, {JOINED}, tags such as <lora:…>"),
    "Draw Things": ({"parameters": DRAWN | {"c": TEXT, "uc": TEXT}}, f"{JOINED}, tags such as <lora:…>"),
    "Easy Diffusion": (
        {"parameters": EASY | {"prompt": TEXT, "negative_prompt": TEXT}},
        f"square brackets, {JOINED}, tags such as <lora:…>",
    ),
    "Fooocus": (
        {"parameters": FOCUSED | {"metadata_scheme": "fooocus", "full_prompt": [TEXT], "full_negative_prompt": [TEXT]}},
        f"square brackets, {JOINED}",
    ),
    "InvokeAI": (
        {"invokeai_metadata": INVOKED | {"positive_prompt": TEXT, "negative_prompt": TEXT}},
        f"square brackets, {JOINED}, tags such as <lora:…>",
    ),
    "NovelAI": (
        {"Comment": NOVEL | {"uc": TEXT}, "Software": "NovelAI", "Description": TEXT},
        f"round brackets, {JOINED}, tags such as <lora:…>",
    ),
    "SwarmUI": ({"parameters": {"sui_image_params": SWARM | {"prompt": TEXT, "negativeprompt": TEXT}}}, f"square brackets, {JOINED}"),
    "Fooocus, A1111's scheme": ({"parameters": a1111("Fooocus v2.5.5")}, f"square brackets, {JOINED}"),
    "ComfyUI's savers": ({"parameters": a1111("ComfyUI")}, f"square brackets, {JOINED}"),
}


@pytest.mark.parametrize("program", PROGRAMS)
def test_what_is_plain_text_elsewhere_is_said(program):
    chunks, marks = PROGRAMS[program]
    reading = png(**chunks)
    name = program.partition(",")[0].partition("'")[0]
    assert f"Prompt: plain text at {name} that means something here: {marks}" in reading.unmapped
    negative = marks.replace("AND, ", "").replace(", tags such as <lora:…>", "")
    assert f"Negative prompt: plain text at {name} that means something here: {negative}" in reading.unmapped
    assert reading.fields["prompt"].startswith(TEXT) and reading.fields["negative_prompt"] == TEXT


def test_what_weighs_otherwise_is_said():
    for program in ("Easy Diffusion", "InvokeAI"):
        assert any("round brackets weigh nothing by themselves" in line for line in png(**PROGRAMS[program][0]).unmapped)
    assert any("square brackets weigh words 1/1.05" in line for line in png(**PROGRAMS["NovelAI"][0]).unmapped)
    assert any(
        "numbers behind brackets" in line for line in png(invokeai_metadata=INVOKED | {"positive_prompt": "a (red)1.2 fox"}).unmapped
    )
    drawn = png(parameters=DRAWN | {"c": "a [red:blue:0.5] fox"})
    assert any("editing in square brackets" in line for line in drawn.unmapped)


@pytest.mark.parametrize("text", ["a red fox", "a (red:1.2) fox", r"a \(red\) fox", "sand, breakfast, brandy"])
def test_what_means_the_same_is_not_listed(text):
    assert not any("plain text" in line for line in png(**comfyui(text)).unmapped)


def test_embeddings_are_called_as_here_wherever_they_are_written_so():
    text = "a fox, (embedding:easy/neg.pt:1.1)"
    for chunks in (
        comfyui(text),
        {"parameters": FOCUSED | {"metadata_scheme": "fooocus", "full_prompt": [text]}},
        {"parameters": f"{text}\nSteps: 4, Sampler: Euler, CFG scale: 5, Seed: 3, Version: ComfyUI"},
    ):
        reading = png(**chunks)
        assert reading.fields["prompt"].startswith("a fox, (neg:1.1)") and reading.embeddings == ("neg",)
