"""FreeU, SAG, PAG and kin in the parameters text: Forge's recorded texts give the request's parts, and ours are the same texts."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webui.core.guidance import (
    DynamicThresholding,
    FreeUOptions,
    KohyaHrFix,
    LatentModifier,
    PerturbedAttentionGuidance,
    SelfAttentionGuidance,
    TokenMerging,
)
from webui.core.request import GenerationRequest, HiresOptions
from webui.images.metadata import read_parameters, write_parameters
from webui.images.parameters import GenerationInfo

CASES = json.loads((Path(__file__).parent.parent / "data/reference/guidance_texts.json").read_text())
OURS = [case for case in CASES if case["name"] not in ("refiner-0.5", "hires-checkpoint")]
PARTS = {
    "FreeU": "freeu",
    "SelfAttentionGuidance": "sag",
    "PerturbedAttentionGuidance": "pag",
    "DynamicThresholding": "dynamic_thresholding",
    "LatentModifier": "latent_modifier",
    "Kohya HRFix": "hrfix",
}
SOME_OF_MODIFIER = [0, 1, 2, 3, 4, 8]
REST = "Steps: 20, Sampler: Euler, Seed: 1"


def named(text):
    return read_parameters(f"fox\n{REST}, {text}")


@pytest.mark.parametrize("case", OURS, ids=lambda case: case["name"])
def test_forges_text_gives_the_parts_with_what_was_sent(case):
    reading = read_parameters(case["text"])
    request = reading.request()
    assert reading.unmapped == ()
    for title, said in case["request"].get("alwayson_scripts", {}).items():
        part = next(ours for theirs, ours in PARTS.items() if title.startswith(theirs))
        sent = said["args"][1:]
        wanted = [sent[place] for place in SOME_OF_MODIFIER] + [sent[8]] if part == "latent_modifier" else sent
        found = list(getattr(request, part).model_dump().values())
        assert found == (wanted[:5] + wanted[6:] if part == "latent_modifier" else wanted)
    assert (request.token_merging is None) == ("override_settings" not in case["request"])


@pytest.mark.parametrize("case", OURS, ids=lambda case: case["name"])
def test_our_text_is_forges_text(case):
    ours = write_parameters(read_parameters(case["text"]).request(), 0, GenerationInfo(version="1"))
    assert ours == case["text"].rpartition("Version")[0] + "Version: Darkroom 1"


REQUESTS = st.builds(
    GenerationRequest,
    seed=st.integers(0, 2**32),
    freeu=st.none() | st.builds(FreeUOptions, b1=st.floats(0, 2), end=st.floats(0, 1)),
    sag=st.none() | st.builds(SelfAttentionGuidance, scale=st.floats(-2, 5)),
    pag=st.none() | st.builds(PerturbedAttentionGuidance, scale=st.floats(0, 100)),
    dynamic_thresholding=st.none() | st.builds(DynamicThresholding, mimic_mode=st.sampled_from(["Sawtooth", "Power Up"])),
    latent_modifier=st.none() | st.builds(LatentModifier, rescale_cfg_phi=st.floats(-10, 10), sharpness_multiplier=st.floats(-100, 100)),
    hrfix=st.none() | st.builds(KohyaHrFix, block_number=st.integers(1, 32), downscale_after_skip=st.booleans()),
    token_merging=st.none() | st.builds(TokenMerging, ratio=st.floats(0.01, 0.9)),
    hires=st.none() | st.just(HiresOptions()),
)


@given(REQUESTS)
def test_what_is_written_is_read_back(request):
    again = read_parameters(write_parameters(request.model_copy(update={"steps": 20, "sampler": "Euler"}))).request()
    for part in (*PARTS.values(), "token_merging"):
        assert getattr(again, part) == getattr(request, part), part


def test_token_merging_of_the_second_pass_alone():
    request = named("Hires upscaler: Latent, Hires upscale: 2, Token merging ratio hr: 0.4").request()
    assert request.token_merging == TokenMerging(ratio=0.0, hires_ratio=0.4)
    assert ", Token merging ratio hr: 0.4," in write_parameters(request) and "ratio: " not in write_parameters(request)


def test_arguments_of_the_latent_modifier_that_are_not_here_are_told_where_they_count():
    quiet = named("latent_modifier_enabled: True, latent_modifier_contrast_multiplier: 0.0, latent_modifier_combat_method: sharpen")
    assert quiet.unmapped == ()
    loud = named("latent_modifier_enabled: True, latent_modifier_contrast_multiplier: 2.0, latent_modifier_rescale_cfg_phi: 0.5")
    assert loud.unmapped == ("latent_modifier_contrast_multiplier: 2.0",) and loud.fields["latent_modifier"] == {"rescale_cfg_phi": 0.5}
    blurred = named("latent_modifier_sharpness_method: gaussian, latent_modifier_sharpness_multiplier: 0.0, sag_scale: 9")
    assert [line.partition(":")[0] for line in blurred.unmapped] == ["sag.scale"]
    harsh = named("latent_modifier_sharpness_method: cas, latent_modifier_sharpness_multiplier: 3")
    assert "latent_modifier.sharpness_method: cas" in harsh.unmapped[0]
