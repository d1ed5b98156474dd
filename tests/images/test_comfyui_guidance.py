"""ComfyUI's nodes that change guidance, or the inside of the network, are parts of the request."""

import pytest

from tests.images.test_comfyui import BASE, node, png, read
from webui.core.fields import nested, specs
from webui.core.request import parse_request
from webui.images.dialects.comfyui_guidance import NOT_TOLD, PARTS, inputs_of
from webui.images.dialects.comfyui_nodes import WIDGETS
from webui.images.dialects.guidance import model_of

MODEL = ["1", 0]
FREEU = {"b1": 1.3, "b2": 1.4, "s1": 0.9, "s2": 0.2}
SHRINK = {
    "block_number": 4, "downscale_factor": 1.5, "start_percent": 0.1, "end_percent": 0.4, "downscale_after_skip": False,
    "downscale_method": "area", "upscale_method": "bilinear",
}  # fmt: skip
THRESHOLD = {
    "mimic_scale": 5.0, "threshold_percentile": 0.99, "mimic_mode": "Cosine Up", "mimic_scale_min": 1.0, "cfg_mode": "Constant",
    "cfg_scale_min": 2.0, "sched_val": 3.0, "separate_feature_channels": "disable", "scaling_startpoint": "ZERO",
    "variability_measure": "STD", "interpolate_phi": 0.8,
}  # fmt: skip
NODES = [
    ("FreeU_V2", "freeu", FREEU),
    ("SelfAttentionGuidance", "sag", {"scale": 0.7, "blur_sigma": 1.5}),
    ("PerturbedAttentionGuidance", "pag", {"scale": 2.5}),
    ("PatchModelAddDownscale", "hrfix", SHRINK),
    ("DynamicThresholdingFull", "dynamic_thresholding", THRESHOLD),
]


def parts(reading):
    """The request's parts of what was read."""
    return {key: value for key, value in nested(reading.fields).items() if key in PARTS.values()}


@pytest.mark.parametrize(("kind", "part", "values"), NODES, ids=[kind for kind, _, _ in NODES])
def test_a_node_is_its_part_with_what_it_cannot_say_as_the_node_does_it(kind, part, values):
    reading = read({"10": node(kind, model=MODEL, **values)}, model=["10", 0])
    assert parts(reading) == {part: values} and reading.unmapped == ()
    request = parse_request({"prompt": "a red apple", **parts(reading)})
    made = getattr(request, part).model_dump()
    assert made == {**model_of(part)().model_dump(), **values} and made.keys() - values.keys() == set(NOT_TOLD.get(part, ()))


def test_several_in_a_row_and_a_number_that_a_node_of_its_own_gives():
    row = {
        "10": node("FreeU_V2", model=MODEL, **FREEU),
        "11": node("PerturbedAttentionGuidance", model=["10", 0], scale=["13", 0]),
        "12": node("RescaleCFG", model=["11", 0], multiplier=0.7),
        "13": node("PrimitiveFloat", value=2.5),
    }
    reading = read(row, model=["12", 0])
    assert parts(reading) == {"freeu": FREEU, "pag": {"scale": 2.5}} and reading.unmapped == ()
    assert nested(reading.fields)["guidance_options"] == {"rescale": 0.7}


def test_what_cannot_be_told_is_left_out_and_said():
    twice = {"10": node("FreeU_V2", model=MODEL, **FREEU), "11": node("FreeU_V2", model=["10", 0], **FREEU | {"b1": 1.1})}
    reading = read(twice, model=["11", 0])
    assert parts(reading) == {"freeu": FREEU | {"b1": 1.1}} and reading.unmapped == ("node FreeU_V2",)
    first = read({"10": node("FreeU", model=MODEL, **FREEU)}, model=["10", 0])
    assert parts(first) == {} and first.unmapped == ("node FreeU",), "the first version strengthens otherwise"
    unknown = read({"10": node("PerturbedAttentionGuidance", model=MODEL, scale=["1", 0])}, model=["10", 0])
    assert parts(unknown) == {} and "node PerturbedAttentionGuidance: its scale is not known" in unknown.unmapped
    large = read({"10": node("FreeU_V2", model=MODEL, **FREEU | {"b1": 9})}, model=["10", 0])
    assert any(line.startswith("freeu.b1: 9") for line in large.unmapped)


def second_pass(**sampler):
    larger = {"20": node("LatentUpscaleBy", samples=["5", 0], upscale_method="bilinear", scale_by=2)}
    again = {"21": node("KSampler", **(BASE["5"]["inputs"] | {"latent_image": ["20", 0], "denoise": 0.5} | sampler))}
    return larger | again | {"6": node("VAEDecode", samples=["21", 0], vae=["1", 2])}


def test_a_second_pass_has_the_same_parts_or_it_is_said():
    free = {"10": node("FreeU_V2", model=MODEL, **FREEU)}
    same = read(second_pass(model=["10", 0]) | free, model=["10", 0])
    assert parts(same) == {"freeu": FREEU} and same.unmapped == ()
    first = read(second_pass() | free, model=["10", 0])
    assert parts(first) == {"freeu": FREEU} and len(first.unmapped) == 1 and "guidance" in first.unmapped[0]
    second = read(second_pass(model=["10", 0]) | free)
    assert parts(second) == {} and len(second.unmapped) == 1 and "guidance" in second.unmapped[0]


def test_the_editors_workflow_tells_them_by_place():
    assert {kind: tuple(inputs_of(kind)) for kind in PARTS} == {kind: WIDGETS[kind] for kind in PARTS}
    graph = {
        "nodes": [
            {"id": 1, "type": "CheckpointLoaderSimple", "widgets_values": ["tiny.safetensors"]},
            {"id": 2, "type": "CLIPTextEncode", "widgets_values": ["a fox"], "inputs": [{"name": "clip", "link": 1}]},
            {"id": 4, "type": "EmptyLatentImage", "widgets_values": [64, 64, 1]},
            {"id": 9, "type": "FreeU_V2", "widgets_values": [1.3, 1.4, 0.9, 0.2], "inputs": [{"name": "model", "link": 2}]},
            {
                "id": 5, "type": "KSampler", "widgets_values": [3, "fixed", 7, 5, "euler", "normal", 1],
                "inputs": [{"name": name, "link": link} for name, link in
                           (("model", 3), ("positive", 4), ("negative", 4), ("latent_image", 5))],
            },
            {"id": 6, "type": "VAEDecode", "inputs": [{"name": "samples", "link": 6}, {"name": "vae", "link": 7}]},
            {"id": 7, "type": "SaveImage", "widgets_values": ["x"], "inputs": [{"name": "images", "link": 8}]},
        ],
        "links": [[1, 1, 1, 2, 0], [2, 1, 0, 9, 0], [3, 9, 0, 5, 0], [4, 2, 0, 5, 1], [5, 4, 0, 5, 3], [6, 5, 0, 6, 0],
                  [7, 1, 2, 6, 1], [8, 6, 0, 7, 0]],
    }  # fmt: skip
    assert parts(png(workflow=graph)) == {"freeu": FREEU}


def test_each_input_has_a_field():
    for kind, part in PARTS.items():
        assert inputs_of(kind).keys() | set(NOT_TOLD.get(part, ())) == specs(model_of(part)).keys()
