"""ADetailer's keys in a picture's text: read as steps, and written."""

import pytest

from webui.core.detail import DetailStep
from webui.core.finish import GrainStep
from webui.core.request import parse_resolved
from webui.images.dialects.adetailer import step_of, steps_of
from webui.images.metadata import read_parameters
from webui.images.parameters import write_parameters

HEAD = "a fox\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1, Size: 512x512"
WRITTEN = (
    f"{HEAD}, ADetailer model: face_yolov8n.pt, ADetailer prompt: a face, ADetailer confidence: 0.3, ADetailer dilate erode: 4, "
    "ADetailer mask blur: 4, ADetailer denoising strength: 0.4, ADetailer inpaint only masked: True, ADetailer inpaint padding: 32, "
    "ADetailer use separate steps: True, ADetailer steps: 28, ADetailer model 2nd: hand_yolov8n.pt, ADetailer confidence 2nd: 0.5, "
    "ADetailer dilate/erode 2nd: 8, ADetailer mask merge invert 2nd: Merge and Invert, ADetailer version: 24.11.1"
)


def test_what_adetailer_wrote_becomes_steps():
    read = read_parameters(WRITTEN)
    first, second = (DetailStep(**step) for step in read.fields["finish"])
    assert (first.detector, first.prompt, first.strength, first.steps, first.confidence) == ("face_yolov8n.pt", "a face", 0.4, 28, 0.3)
    assert (second.detector, second.confidence, second.grow, second.merge) == ("hand_yolov8n.pt", 0.5, 8, "merge and invert")
    assert read.unmapped == ()


def test_a_number_that_is_none_is_said():
    read = read_parameters(f"{HEAD}, ADetailer model: Face, ADetailer confidence: much")
    assert "finish" not in read.fields and "ADetailer confidence: much" in read.unmapped


def test_steps_are_written_as_adetailer_does_and_read_back():
    steps = (
        DetailStep(prompt="a face, smiling", steps=9, sampler="Euler", limit=2, merge="merge"),
        GrainStep(),
        DetailStep(detector="hands", strength=0.6, guidance=5, offset_y=-3, width=768, height=640, limit_by="confidence"),
    )
    fields = {"checkpoint": "x", "width": 64, "height": 64, "steps": 5, "sampler": "Euler", "schedule": "Karras", "guidance": 7}
    request = parse_resolved({**fields, "seed": 1, "variation_seed": 1, "finish": [step.model_dump() for step in steps]})
    text = write_parameters(request)
    assert 'ADetailer model: Face, ADetailer prompt: "a face, smiling", ADetailer confidence: 0.3' in text
    assert "ADetailer model 2nd: hands" in text and "ADetailer use separate steps: True" in text
    assert tuple(read_parameters(text).fields["finish"]) == tuple(step.model_dump(mode="json") for step in steps)
    pairs = dict(part.split(": ", 1) for part in text.replace('"a face, smiling"', "a face").split("\n")[-1].split(", ") if ": " in part)
    again = [DetailStep(**step) for step in steps_of(pairs)]
    assert again == [steps[0].model_copy(update={"prompt": "a face"}), steps[2]]


@pytest.mark.parametrize("arguments", [{}, {"ad_model": "None"}, {"ad_model": "Face", "ad_tab_enable": False}])
def test_a_unit_that_is_off(arguments):
    assert step_of(arguments) == (None, [])


def test_arguments_count_where_their_switch_is_on():
    said = {"ad_model": "Face", "ad_use_sampler": True, "ad_sampler": "Use same sampler", "ad_scheduler": "Karras", "ad_mask_k": 900}
    step, unused = step_of(said | {"ad_cfg_scale": 3, "ad_restore_face": True, "ad_vae": "Use same VAE"})
    assert step == {"kind": "detail", "detector": "Face", "limit": 50, "sampler": "", "schedule": "Karras"} and unused == [
        "ad_restore_face"
    ]
