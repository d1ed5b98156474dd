"""SD upscale in the engine: tiles and seams painted over, in the metadata, in Extras, and stopped between two tiles."""

import numpy as np
import pytest

from webui.core.sd_upscale import SdUpscaleStep
from webui.errors import JobCancelled
from webui.generation.run import run_job
from webui.images.metadata import read_metadata
from webui.images.sd_upscaling import pieces_of

STEP = {"kind": "sd_upscale", "scale": 2, "padding": 8, "mask_blur": 2, "strength": 0.5, "steps": 2}


def made(engine, **fields):
    return engine.make(prompt="fox", finish=[STEP | fields])[0]


def test_each_tile_is_painted_over_and_the_same_again(engine):
    large = engine.make(prompt="fox", finish=[{"kind": "upscale", "scale": 2}])[0]
    tiles = made(engine)
    steps = [step for step in engine.steps if step[0] == "finishing"]
    assert steps == [("finishing", 0, 1), *(("finishing", number, 9) for number in range(9))]
    changed = (tiles != large).any(axis=-1)
    assert tiles.shape == (128, 128, 3) and changed.mean() > 0.9
    assert np.array_equal(made(engine), tiles)
    assert not np.array_equal(made(engine, prompt="[PROMPT] in snow"), tiles)
    assert made(engine, upscaler="None", scale=4).shape == (64, 64, 3)


@pytest.mark.parametrize("seams", ["bands", "half tile", "half tile and intersections"])
def test_a_seam_fix_changes_what_lies_over_seams_and_nothing_else(engine, seams):
    more = {"seams": seams, "seam_width": 16, "seam_padding": 16}
    plain, fixed = made(engine), made(engine, **more)
    allowed = np.zeros((128, 128), bool)
    for piece in pieces_of((128, 128), (64, 64), SdUpscaleStep(**STEP | more)):
        if piece.is_seam:
            left, top, right, bottom = piece.box
            allowed[top:bottom, left:right] |= np.asarray(piece.mask()) > 0
    changed = (plain != fixed).any(axis=-1)
    assert changed[allowed].mean() > 0.5 and not changed[~allowed].any()


def test_the_step_is_read_back_and_the_picture_is_made_again(engine):
    wanted = made(engine, seams="bands")
    read = read_metadata(engine.context.images.path(next(event.record for event in engine.events if event.type == "image")))
    assert read.fields["finish"][0]["seams"] == "bands" and "sd_upscale" in read.text
    assert np.array_equal(engine.make(**{**read.request().model_dump(), "checkpoint": "tiny"})[0], wanted)


def test_extras_paint_a_picture_that_exists_with_its_transparency(engine, start):
    start.putalpha(128)
    whole = {"checkpoint": "tiny", "sampler": "Euler", "schedule": "Automatic", "guidance": 4.0, "width": 64, "height": 64, "prompt": "fox"}
    (picture,) = engine.make(mode="extras", checkpoint="", inputs=[engine.keep(start)], finish=[STEP | whole])
    assert picture.shape == (128, 128, 4) and set(picture[..., 3].ravel()) == {128}


def test_a_stop_takes_effect_between_two_tiles(engine):
    seen = []

    def emit(event):
        if event.type == "step" and event.phase == "finishing" and event.steps == 9:
            seen.append(event.step)
            if event.step == 3:
                raise JobCancelled("stopped")

    with pytest.raises(JobCancelled):
        run_job(engine.task(prompt="fox", finish=[STEP]), engine.context, emit)
    assert seen == [0, 1, 2, 3]
