"""Extras: the chain for pictures that exist. They keep what they say, the originals stay, and a job goes on where it was."""

import io
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from webui.errors import JobCancelled, RequestError
from webui.generation.run import run_job
from webui.images.metadata import read_metadata
from webui.library import Library

RECORDED = Path(__file__).resolve().parents[1] / "data" / "reference" / "extras"
DOUBLE = {"kind": "upscale", "upscaler": "Nearest", "scale": 2}
GRAIN = {"kind": "grain", "amount": 0.4}
A1111 = "a red fox\nNegative prompt: blurry\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 42, Size: 512x512, Model: old"


@pytest.fixture
def extras(engine):
    """Do steps to pictures: `extras([id, …], step, …)`."""

    def run(inputs, *steps, saved=(), **more):
        nothing = {"checkpoint": "", "sampler": "None", "schedule": "None", "steps": 1, "guidance": 1.0}
        return engine.make(saved, **nothing, mode="extras", inputs=inputs, finish=list(steps), **more)

    return run


@pytest.fixture(scope="module")
def networks(tmp_path_factory):
    """A models folder with the networks that Forge's pictures were made by."""
    folder = tmp_path_factory.mktemp("models")
    subprocess.run([sys.executable, RECORDED / "make_esrgan.py", folder / "ESRGAN"], check=True)
    return folder


@pytest.mark.parametrize("case", sorted(path.stem for path in RECORDED.glob("*.json")))
def test_pixels_are_those_of_forge_s_extras(engine, extras, networks, checkpoints, tmp_path, case):
    record = json.loads((RECORDED / f"{case}.json").read_text())
    request, options = record["request"], record["options"]
    engine.context = replace(engine.context, library=Library((checkpoints, networks), tmp_path / "cache"))
    step = {"kind": "upscale", "upscaler": request["upscaler_1"], "second": request.get("upscaler_2", "None")}
    step["second_visibility"] = request.get("extras_upscaler_2_visibility", 0)
    if request.get("resize_mode") == 1:
        step |= {
            "width": request["upscaling_resize_w"],
            "height": request["upscaling_resize_h"],
            "crop": request.get("upscaling_crop", True),
        }
    else:
        step["scale"] = request["upscaling_resize"]
    tiles = {"upscale_tile": int(options.get("ESRGAN_tile", 192)), "upscale_overlap": int(options.get("ESRGAN_tile_overlap", 8))}
    made = extras([kept(engine, (RECORDED / request["image"]).read_bytes())], step, **tiles)[0]
    with Image.open(RECORDED / f"{case}.png") as wanted:
        assert np.array_equal(made, np.asarray(wanted))


def records(engine):
    return [event.record for event in engine.events if event.type == "image"]


def png(image, **texts):
    info, data = PngInfo(), io.BytesIO()
    for name, text in texts.items():
        info.add_text(name, text)
    image.save(data, "PNG", pnginfo=info)
    return data.getvalue()


def kept(engine, data, size=(64, 64), suffix=".png"):
    return engine.context.images.add_upload(data, size, suffix, "local").id


def test_each_picture_becomes_a_new_one_and_stays(engine, extras, start):
    ids = [engine.keep(start), engine.keep(start.rotate(90))]
    before = [engine.context.images.upload_path(each).read_bytes() for each in ids]
    made = extras(ids, DOUBLE)
    assert [
        np.array_equal(one, np.asarray(start.rotate(angle).resize((128, 128), Image.Resampling.NEAREST)))
        for one, angle in zip(made, (0, 90), strict=True)
    ] == [True, True]
    assert [record.index for record in records(engine)] == [0, 1]
    assert [engine.context.images.upload_path(each).read_bytes() for each in ids] == before
    assert ("finishing", 0, 1) in engine.steps


def test_a_job_goes_on_after_its_last_picture(engine, extras, start):
    ids = [engine.keep(start.rotate(angle)) for angle in (0, 90, 180)]
    whole = extras(ids, GRAIN)
    rest = extras(ids, GRAIN, saved=(0, 2))
    assert len(rest) == 1 and np.array_equal(rest[0], whole[1])
    assert [record.index for record in records(engine)] == [1]


def test_a_generated_picture_is_made_again_with_its_chain(engine, extras):
    engine.make(prompt="a fox", batch_count=2, finish=[{"kind": "sharpen"}])
    source = kept(engine, engine.context.images.path(records(engine)[1]).read_bytes())
    made = extras([source], DOUBLE, GRAIN, seed=77)[0]
    record = records(engine)[0]
    found = read_metadata(engine.context.images.path(record))
    assert (found.fields["prompt"], found.fields["seed"], record.seed) == ("a fox", 2, 2)
    assert [step["kind"] for step in found.fields["finish"]] == ["sharpen", "upscale", "grain"]
    assert (found.job_id, found.index) == ("job", 0)
    assert found.text.count("Finish:") == 1 and "Postprocess upscale by: 2.0, Postprocess upscaler: Nearest" in found.text
    again = engine.make(**{**found.request().model_dump(), "checkpoint": "tiny"})[0]
    assert np.array_equal(again, made)


def test_a_picture_of_a1111_keeps_its_text(engine, extras, start):
    source = kept(engine, png(start, parameters=A1111, workflow='{"nodes": []}'))
    extras([source], DOUBLE)
    path = engine.context.images.path(records(engine)[0])
    with Image.open(path) as made:
        texts = made.text
    assert texts["parameters"].startswith(A1111 + ", Postprocess upscale by: 2.0, Postprocess upscaler: Nearest, Finish: ")
    assert texts["postprocessing"].startswith("Postprocess upscale by: 2.0, Postprocess upscaler: Nearest")
    assert texts["workflow"] == '{"nodes": []}'
    assert json.loads(texts["darkroom"])["source"] == source
    found = read_metadata(path)
    assert (found.fields["prompt"], found.fields["seed"], found.fields["noise_source"]) == ("a red fox", 42, "nv")
    assert found.fields["finish"][0]["upscaler"] == "Nearest"


def test_one_that_was_started_from_another_is_still_known_after_a_death(engine, extras, start):
    text = A1111.replace("Size", "Denoising strength: 0.5, Size")
    extras([kept(engine, png(start, parameters=text))], DOUBLE)
    found = read_metadata(engine.context.images.path(records(engine)[0]))
    assert (found.mode, found.job_id, found.index) == ("img2img", "job", 0)


def test_a_picture_that_says_nothing(engine, extras, start):
    source = engine.keep(start)
    made = extras([source], GRAIN, seed=9)[0]
    found = read_metadata(engine.context.images.path(records(engine)[0]))
    assert (found.mode, found.fields["inputs"], found.fields["seed"]) == ("extras", [source], 9)
    assert np.array_equal(extras(found.fields["inputs"], *found.fields["finish"], seed=9)[0], made)


def test_a_turned_picture_is_not_turned_twice(engine, extras, start):
    exif, data = Image.Exif(), io.BytesIO()
    exif[0x0112] = 6
    tall = start.crop((0, 0, 64, 32))
    tall.save(data, "JPEG", exif=exif, quality=100)
    made = extras([kept(engine, data.getvalue(), suffix=".jpg")], DOUBLE)[0]
    assert made.shape == (128, 64, 3)
    path = engine.context.images.path(records(engine)[0])
    again = extras([kept(engine, path.read_bytes())], DOUBLE)[0]
    assert again.shape == (256, 128, 3)


def test_transparency_is_kept(engine, extras, start):
    clear = start.copy()
    clear.putalpha(100)
    made = extras([engine.keep(clear)], DOUBLE, {"kind": "sharpen"})[0]
    assert made.shape == (128, 128, 4) and set(made[..., 3].ravel()) == {100}


def test_what_cannot_be_read_is_left_out_and_said(engine, extras, start):
    good, broken = engine.keep(start), kept(engine, b"\x89PNG rubbish")
    made = extras([broken, good, "0" * 64], DOUBLE)
    assert len(made) == 1 and records(engine)[0].index == 1
    assert any("Picture 1 was left out: This file is not a picture" in note for note in engine.notes)
    assert any("Picture 3 was left out: This picture is not here any more" in note for note in engine.notes)
    with pytest.raises(RequestError, match="not a picture"):
        extras([broken], DOUBLE)


def test_a_stop_leaves_what_is_made(engine, start):
    ids = [engine.keep(start.rotate(angle)) for angle in (0, 90, 180)]
    task, events = engine.task(checkpoint="", mode="extras", inputs=ids, finish=[DOUBLE]), []

    def emit(event):
        events.append(event)
        if event.type == "image":
            raise JobCancelled("after")

    with pytest.raises(JobCancelled):
        run_job(task, engine.context, emit)
    assert [event.record.index for event in events if event.type == "image"] == [0]
