"""The finish chain in the engine: each step, in order, in the file and in the metadata; what cannot be done is said, and stops in time."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageFilter
from pydantic import BaseModel, ConfigDict

from webui.core.events import StepDone
from webui.core.finish import FormatStep
from webui.engine.bootstrap import build_context
from webui.errors import JobCancelled, RequestError
from webui.generation.run import run_job
from webui.images import bands
from webui.images.colors import match_colors
from webui.images.finishing import fits_format, on_colors
from webui.images.metadata import encoder, read_metadata
from webui.images.store import Origin
from webui.plugins.types import Finisher
from webui.settings import load_settings


def image(pixels):
    return Image.fromarray(pixels)


def test_without_a_chain_no_pixel_changes_and_nothing_is_said(engine):
    plain = engine.make(prompt="fox")[0]
    again = engine.make(prompt="fox", finish=[])[0]
    assert np.array_equal(plain, again)
    assert not [step for step in engine.steps if step[0] == "finishing"]


def test_steps_are_carried_out_in_their_order(engine):
    plain = image(engine.make(prompt="fox")[0])
    sharp = {"kind": "sharpen", "radius": 3, "amount": 1, "threshold": 2}
    large = {"kind": "upscale", "upscaler": "Nearest", "scale": 2}
    mask = ImageFilter.UnsharpMask(3, 100, 2)
    first = engine.make(prompt="fox", finish=[sharp, large])[0]
    assert np.array_equal(first, np.asarray(plain.filter(mask).resize((128, 128), Image.Resampling.NEAREST)))
    second = engine.make(prompt="fox", finish=[large, sharp])[0]
    assert np.array_equal(second, np.asarray(plain.resize((128, 128), Image.Resampling.NEAREST).filter(mask)))
    assert [step for step in engine.steps if step[0] == "finishing"] == [("finishing", 0, 2), ("finishing", 1, 2)]


def test_two_upscalers_are_mixed_and_the_middle_is_kept(engine):
    plain = image(engine.make(prompt="fox")[0])
    step = {"kind": "upscale", "upscaler": "Nearest", "second": "Lanczos", "second_visibility": 0.25, "width": 128, "height": 96}
    made = engine.make(prompt="fox", finish=[step])[0]
    ways = (Image.Resampling.NEAREST, Image.Resampling.LANCZOS)
    both = Image.blend(*(plain.resize((128, 128), way) for way in ways), 0.25)
    assert np.array_equal(made, np.asarray(both.crop((0, 16, 128, 112))))


def test_grain_comes_from_the_seed(engine):
    grain = {"kind": "grain", "amount": 0.5, "size": 2}
    plain = [pixels.astype(int) for pixels in engine.make(prompt="fox", batch_size=2)]
    made = [pixels.astype(int) for pixels in engine.make(prompt="fox", batch_size=2, finish=[grain])]
    again = engine.make(prompt="fox", batch_size=2, finish=[grain])
    assert all(np.array_equal(one, other) for one, other in zip(made, again, strict=True))
    noise = [one - other for one, other in zip(made, plain, strict=True)]
    assert 5 < noise[0].std() < 30 and not np.array_equal(noise[0], noise[1])


def test_colours_of_another_picture(engine, start):
    plain = image(engine.make(prompt="fox")[0])
    step = {"kind": "match_colors", "image": engine.keep(start)}
    assert np.array_equal(engine.make(prompt="fox", finish=[step])[0], np.asarray(match_colors(plain, start)))
    half = engine.make(prompt="fox", finish=[{**step, "visibility": 0.5}])[0]
    assert np.array_equal(half, np.asarray(Image.blend(plain, match_colors(plain, start), 0.5)))


@pytest.mark.parametrize(("format", "suffix"), [("png", ".png"), ("jpeg", ".jpg"), ("webp", ".webp")])
def test_the_chain_stands_in_every_format(engine, format, suffix):
    chain = [{"kind": "upscale", "upscaler": "Lanczos", "scale": 1.5}, {"kind": "grain"}, {"kind": "format", "format": format}]
    engine.make(prompt="fox", finish=chain)
    record = next(event.record for event in engine.events if event.type == "image")
    path = engine.context.images.path(record)
    assert path.suffix == suffix and (record.width, record.height) == (96, 96)
    found = read_metadata(path)
    assert [step["kind"] for step in found.fields["finish"]] == ["upscale", "grain", "format"]
    assert "Postprocess upscale by: 1.5, Postprocess upscaler: Lanczos, Finish: " in found.text
    again = engine.make(**{**found.request().model_dump(), "checkpoint": "tiny"})[0]
    assert np.array_equal(again, engine.open(record))


def test_what_cannot_be_done_names_the_step(engine):
    for chain, field, words in (
        ([{"kind": "grain"}, {"kind": "upscale", "upscaler": "nobody"}], "finish.1", "no upscaler named 'nobody'"),
        ([{"kind": "upscale", "scale": 16}, {"kind": "upscale", "scale": 16}, {"kind": "upscale", "scale": 16}], "finish.2", "smaller"),
        ([{"kind": "match_colors"}], "finish.0", "Choose the picture"),
        ([{"kind": "match_colors", "image": "0" * 64}], "finish.0", "not here any more"),
        ([{"kind": "extension", "name": "gone"}], "finish.0", "no finisher named 'gone'"),
        ([{"kind": "restore", "aligned": True, "model": "none"}], "finish.0", "no network for faces"),
    ):
        with pytest.raises(RequestError, match=words) as caught:
            engine.make(prompt="fox", finish=chain)
        assert caught.value.field == field


def test_a_stop_takes_effect_between_two_steps(engine):
    seen = []

    def emit(event):
        if isinstance(event, StepDone) and event.phase == "finishing":
            seen.append(event.detail)
            if event.step == 1:
                raise JobCancelled("stopped")

    with pytest.raises(JobCancelled):
        run_job(engine.task(prompt="fox", finish=[{"kind": "grain"}] * 3), engine.context, emit)
    assert seen == ["Film grain", "Film grain"]


def test_a_stop_takes_effect_within_a_step(engine, monkeypatch):
    monkeypatch.setattr(bands, "PIXELS", 16)
    seen = []

    def emit(event):
        if isinstance(event, StepDone) and event.phase == "finishing":
            seen.append((event.step, event.steps, event.detail))
            if len(seen) == 2:
                raise JobCancelled("stopped")

    with pytest.raises(JobCancelled):
        run_job(engine.task(prompt="fox", finish=[{"kind": "grain"}]), engine.context, emit)
    assert seen == [(0, 1, "Film grain")] * 2


class Stripe(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    pixels: int = 1


def test_an_extension_s_step(engine):
    def stripe(image, values, run):
        made = image.copy()
        made.paste((255, 0, 0), (0, 0, values.pixels, image.height))
        return made

    engine.context.finishers.register(Finisher("stripe", stripe, Stripe, "Stripe"), owner="test")
    made = engine.make(prompt="fox", finish=[{"kind": "extension", "name": "Stripe", "values": {"pixels": 3}}])[0]
    assert (made[:, :3] == (255, 0, 0)).all() and not (made[:, 3] == (255, 0, 0)).all()


def test_the_bundled_frame(engine):
    made = engine.make(prompt="fox", finish=[{"kind": "extension", "name": "frame", "values": {"width": 3, "color": "black"}}])[0]
    assert made.shape == (70, 70, 3) and not made[:3].any() and not made[:, -3:].any()


def test_an_extension_that_fails_is_named_and_the_picture_is_made(engine, checkpoints, tmp_path):
    folder = tmp_path / "extensions"
    folder.mkdir()
    (folder / "broken_frame.py").write_text(
        "from webui import Finisher, hookimpl\n\n@hookimpl\ndef register_finishers(register):\n"
        "    register(Finisher('crack', lambda image, values, run: 1 / 0, title='Crack'))\n"
    )
    context = build_context(load_settings({"data_dir": tmp_path, "models_dirs": (checkpoints,)}, environment={}))
    engine.context = replace(context, models=engine.context.models)
    plain = engine.make(prompt="fox")[0]
    for _ in range(2):
        made = engine.make(prompt="fox", finish=[{"kind": "extension", "name": "crack"}])[0]
        assert np.array_equal(made, plain)
        assert "Made without the step Crack: its extension failed. See Extensions." in engine.notes
    assert engine.context.extensions.failed() == ("broken_frame",)


def test_transparency_passes_through_the_colours(start):
    clear = start.copy()
    clear.putalpha(128)
    made = on_colors(clear, lambda plain: plain.filter(ImageFilter.BoxBlur(2)))
    assert made.mode == "RGBA" and set(np.asarray(made)[..., 3].ravel()) == {128}


def test_what_webp_cannot_hold(engine, start):
    run = None
    with pytest.raises(RequestError, match="WEBP holds at most 16383"):
        fits_format(Image.new("RGB", (17_000, 8)), FormatStep(format="webp"), run)
    store, request = engine.context.images, engine.task().request
    store.format = "webp"
    for size, suffix in (((17_000, 8), ".png"), ((64, 64), ".webp")):
        record = store.save(Image.new("RGB", size), request, encoder(request, 0), Origin(job_id="j", owner="o", index=0, seed=1))
        assert record.path.endswith(suffix)
