"""The detailer: each region painted again by its own prompt, and outside the masks not a bit changed."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from tests.faces import four_faces
from webui.core.detail import DetailStep
from webui.core.registry import Registry
from webui.detection.service import Detectors
from webui.engine.bootstrap import make_plan
from webui.errors import JobCancelled
from webui.generation.run import run_job
from webui.images.metadata import read_metadata
from webui.images.pixels import prepare_mask
from webui.images.regions import choose
from webui.plugins.types import Detector, Region
from webui.settings import load_settings

WHOLE = {
    "kind": "detail",
    "prompt": "a face",
    "strength": 0.8,
    "checkpoint": "tiny",
    "sampler": "Euler",
    "schedule": "Automatic",
    "steps": 2,
    "guidance": 4.0,
    "width": 64,
    "height": 64,
}
"""A step with nothing left to choose, as Extras has it."""
BOXES = [Region((4, 4, 24, 28), 0.9, "blob"), Region((34, 30, 60, 60), 0.8, "blob")]


def extras(engine, image, *steps):
    return engine.make(mode="extras", checkpoint="", inputs=[engine.keep(image)], finish=list(steps))[0]


@pytest.fixture
def found():
    """What the detector `blobs` of the engine finds."""
    return list(BOXES)


@pytest.fixture
def detecting(engine, found):
    registry = Registry("detector", "detector")
    registry.register(Detector("blobs", lambda image, confidence: found), owner="test")
    context = engine.context
    engine.context = replace(context, detectors=Detectors(registry, context.library, context.extensions))
    return engine


def outside(step, size, regions=BOXES):
    """Where the blurred masks of all regions are black."""
    masks = [np.asarray(prepare_mask(mask, invert=False, blur=step.mask_blur)) for mask in choose(regions, size, step).masks]
    return np.max(masks, axis=0) == 0


def test_four_faces_are_painted_again_and_nothing_else_changes(engine):
    pytest.importorskip("cv2")
    picture = four_faces()
    step = DetailStep(**WHOLE)
    detector = engine.context.detectors
    regions = detector.detect(picture, "Face", step.confidence)
    assert len(regions) == 4
    made = extras(engine, picture, WHOLE)
    before, rest = np.asarray(picture), outside(step, picture.size, regions)
    assert np.array_equal(made[rest], before[rest])
    for left, top, right, bottom in (region.box for region in regions):
        inner = slice(top + 8, bottom - 8), slice(left + 8, right - 8)
        assert (made[inner] != before[inner]).any(axis=-1).mean() > 0.5


def test_a_generated_picture_keeps_all_that_is_outside_the_masks(detecting):
    plain = detecting.make(prompt="fox")[0]
    fields = {"kind": "detail", "detector": "blobs", "strength": 0.6, "padding": 8}
    made = detecting.make(prompt="fox", finish=[fields])[0]
    rest = outside(DetailStep(**fields), (64, 64))
    assert 0.2 < rest.mean() < 0.8
    assert np.array_equal(made[rest], plain[rest]) and not np.array_equal(made, plain)
    again = detecting.make(prompt="fox", finish=[fields])[0]
    assert np.array_equal(again, made)
    other = detecting.make(prompt="fox", finish=[fields | {"prompt": "a red car"}])[0]
    assert np.array_equal(other[rest], plain[rest]) and not np.array_equal(other, made)


def test_each_region_has_its_prompt_and_may_be_left_out(detecting):
    plain = detecting.make(prompt="fox")[0]
    fields = {"kind": "detail", "detector": "blobs", "mask_blur": 0, "grow": 0}
    made = detecting.make(prompt="fox", finish=[fields | {"prompt": "[SKIP] [SEP] [PROMPT], red"}])[0]
    (left, top, right, bottom), second = BOXES[0].box, BOXES[1].box
    assert np.array_equal(made[top:bottom, left:right], plain[top:bottom, left:right])
    assert not np.array_equal(made[second[1] : second[3], second[0] : second[2]], plain[second[1] : second[3], second[0] : second[2]])


def test_the_step_s_regions_take_the_detector_s_place(detecting):
    plain = detecting.make(prompt="fox")[0]
    fields = {"kind": "detail", "detector": "nobody", "regions": [[8, 8, 40, 40]], "mask_blur": 0, "grow": 0}
    made = detecting.make(prompt="fox", finish=[fields])[0]
    changed = (made != plain).any(axis=-1)
    assert changed[8:40, 8:40].any() and not changed[40:].any() and not changed[:, 40:].any()


def test_the_step_is_read_back_from_the_picture(detecting):
    fields = {"kind": "detail", "detector": "blobs", "prompt": "a face", "order": "confidence", "limit": 1}
    made = detecting.make(prompt="fox", finish=[fields])[0]
    record = next(event.record for event in detecting.events if event.type == "image")
    read = read_metadata(detecting.context.images.path(record))
    assert read.fields["finish"][0] == DetailStep(**fields).model_dump(mode="json")
    assert np.array_equal(detecting.make(**{**read.request().model_dump(), "checkpoint": "tiny"})[0], made)


def test_transparency_stays(detecting, start):
    start.putalpha(Image.linear_gradient("L").resize(start.size))
    made = extras(detecting, start, WHOLE | {"detector": "blobs"})
    assert np.array_equal(made[..., 3], np.asarray(start)[..., 3])


def test_nothing_found_and_a_broken_detector_are_notes(detecting, found):
    plain = detecting.make(prompt="fox")[0]
    found.clear()
    made = detecting.make(prompt="fox", finish=[{"kind": "detail", "detector": "blobs"}])[0]
    assert np.array_equal(made, plain) and "blobs found nothing; the step changed nothing." in detecting.notes
    detecting.context.detectors.registry.register(Detector("bad", lambda image, confidence: 1 / 0), owner="test")
    made = detecting.make(prompt="fox", finish=[{"kind": "detail", "detector": "bad"}])[0]
    assert np.array_equal(made, plain) and any("bad failed on this picture" in note for note in detecting.notes)
    made = detecting.make(prompt="fox", finish=[{"kind": "detail", "detector": "gone"}])[0]
    assert np.array_equal(made, plain) and any("no detector named 'gone'" in note for note in detecting.notes)


def test_three_hundred_regions_are_limited(detecting, found):
    found[:] = [Region((n % 60, n // 60, n % 60 + 4, n // 60 + 4), 0.9) for n in range(300)]
    fields = {"kind": "detail", "detector": "blobs", "order": "confidence", "limit": 2, "steps": 1}
    detecting.make(prompt="fox", finish=[fields])
    finishing = [step for step in detecting.steps if step[0] == "finishing"]
    assert finishing == [("finishing", 0, 1), ("finishing", 0, 2), ("finishing", 1, 2)]


def test_a_stop_takes_effect_while_a_region_is_painted(detecting):
    seen = []

    def emit(event):
        if event.type == "step" and seen and event.phase == "sampling":
            raise JobCancelled("stopped")
        if event.type == "step" and event.phase == "finishing":
            seen.append(event.detail)

    with pytest.raises(JobCancelled):
        run_job(detecting.task(prompt="fox", finish=[{"kind": "detail", "detector": "blobs"}]), detecting.context, emit)
    assert seen[0] == "Detail"


def test_a_lora_in_the_step_s_prompt_is_named(detecting):
    fields = {"kind": "detail", "detector": "blobs", "prompt": "a face <lora:nobody:1>"}
    detecting.make(prompt="fox", finish=[fields])
    assert any("nobody" in note for note in detecting.notes)


def test_extras_are_planned_for_the_model_that_paints(engine, tmp_path):
    settings = load_settings({"data_dir": tmp_path}, environment={})
    task = engine.task(mode="extras", checkpoint="", inputs=["0" * 64], finish=[WHOLE]).model_copy(update={"plan": None})
    assert make_plan(task, engine.context, "cpu", settings).peak > 0
