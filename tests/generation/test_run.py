"""The story: what is told, what is saved, what a stop leaves behind, and that the same request gives the same pixels."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch

from webui.cli.compare import compare
from webui.core.job import Plan
from webui.errors import JobCancelled, NumericalError, OutOfMemory, RequestError
from webui.generation.preview import PreviewSettings, SkipBatch
from webui.generation.run import run_job
from webui.images.metadata import read_generation_info


def weights(engine):
    model = engine.context.models.get("tiny", None, engine.plan)
    return {name: tensor.clone() for part in (model.unet, model.vae, model.text_encoder) for name, tensor in part.state_dict().items()}


def paddings(engine):
    model = engine.context.models.get("tiny", None, engine.plan)
    return {layer.padding_mode for part in (model.unet, model.vae) for layer in part.modules() if isinstance(layer, torch.nn.Conv2d)}


def test_tells_of_every_model_call_and_ends_with_done(engine):
    engine.context.models.unload()
    engine.make(prompt="a red apple", sampler="Heun", steps=3)
    kinds = [event.type for event in engine.events]
    assert kinds[-2:] == ["image", "done"]
    sampling = [(step, steps) for phase, step, steps in engine.steps if phase == "sampling"]
    assert len(sampling) == 1 + 5  # the start, and Heun's calls: two a step, one in the last
    assert sampling[0] == (0, 3) and sampling[-1] == (3, 3)
    assert {phase for phase, *_ in engine.steps} == {"loading", "encoding", "sampling", "decoding"}
    assert {event.job_id for event in engine.events} == {"job"}


def test_same_request_same_pixels_across_runs_and_batch_count(engine):
    first, again = engine.make(prompt="fox", batch_count=2, sampler="Euler a"), engine.make(prompt="fox", batch_count=2, sampler="Euler a")
    alone = engine.make(prompt="fox", sampler="Euler a", seed=2)
    assert np.array_equal(first, again)
    assert np.array_equal(first[1], alone[0])
    assert not np.array_equal(first[0], first[1])


@pytest.mark.parametrize("sampler", ["Euler a", "DPM++ SDE", "DDIM", "DDPM"])
def test_a_picture_is_the_same_at_any_place_in_a_batch(engine, sampler):
    make = partial(engine.make, prompt="fox", sampler=sampler)
    batch, alone = make(batch_size=3), make(seed=3)[0]
    assert compare(batch[2], alone).psnr >= 60
    assert compare(batch[1], alone).psnr < 30


def test_inpainting_a_batch_gives_each_picture_its_own_noise(engine, start, mask):
    make = partial(engine.make, mode="inpaint", init=engine.keep(start), mask=engine.keep(mask), fill="latent noise", sampler="Euler a")
    batch, alone = make(batch_size=2), make(seed=2)[0]
    assert compare(batch[1], alone).psnr >= 60


def test_a_retry_makes_only_what_is_missing_with_the_same_pixels(engine):
    whole = engine.make(batch_size=2, batch_count=2)
    rest = engine.make(batch_size=2, batch_count=2, saved=(0, 1, 2))
    records = [event.record for event in engine.events if event.type == "image"]
    assert [record.index for record in records] == [3]
    assert [record.seed for record in records] == [4]
    assert np.array_equal(rest[0], whole[3])


def test_variations_keep_the_seed_and_count_the_variation_seed(engine):
    pictures = engine.make(variation_strength=0.5, variation_seed=7, batch_size=2)
    assert [event.record.seed for event in engine.events if event.type == "image"] == [1, 1]
    again = engine.make(variation_strength=0.5, variation_seed=8)
    assert compare(pictures[1], again[0]).psnr >= 60
    assert np.array_equal(engine.make(variation_strength=0)[0], engine.make()[0])


@pytest.mark.parametrize("at", [0, 2, 4, 6, 8])
def test_a_stop_anywhere_leaves_the_model_clean(engine, at):
    before, picture = weights(engine), engine.make(prompt="fox")[0]
    heard = []

    def stop(event):
        heard.append(event)
        if len(heard) > at:
            raise JobCancelled("stopped")

    with pytest.raises(JobCancelled):
        run_job(engine.task(prompt="fox", tiling=True, steps=8), engine.context, stop)
    assert len(heard) == at + 1
    assert all(torch.equal(before[name], tensor) for name, tensor in weights(engine).items())
    assert paddings(engine) == {"zeros"}
    assert np.array_equal(engine.make(prompt="fox")[0], picture)


@pytest.mark.parametrize("phase", ["encoding", "sampling", "upscaling", "hires", "decoding"])
@pytest.mark.parametrize("upscaler", ["Latent", "Lanczos"])
def test_a_stop_acts_at_the_next_call_in_every_phase(engine, phase, upscaler):
    fields = {"prompt": "fox", "steps": 3, "batch_size": 2, "hires": {"scale": 1.5, "steps": 2, "upscaler": upscaler}}
    before, pictures = weights(engine), engine.make(**fields)
    heard = []

    def stop(event):
        heard.append(event)
        if event.type == "step" and event.phase == phase:
            raise JobCancelled("stopped")

    with pytest.raises(JobCancelled):
        run_job(engine.task(**fields), engine.context, stop)
    assert heard[-1].phase == phase and not any(event.type == "image" for event in heard)
    assert all(torch.equal(before[name], tensor) for name, tensor in weights(engine).items())
    assert all(np.array_equal(first, second) for first, second in zip(pictures, engine.make(**fields), strict=True))


def test_skipping_leaves_out_one_batch(engine):
    seen = []

    def skip_first(event):
        seen.append(event)
        if event.type == "step" and event.phase == "sampling" and event.batch == 0 and event.step == 1:
            raise SkipBatch("skip")

    run_job(engine.task(batch_count=2), engine.context, skip_first)
    assert [event.record.index for event in seen if event.type == "image"] == [1]
    assert seen[-1].type == "done"


def test_previews_come_while_it_forms_and_stay_cheap(engine):
    watched = engine.with_previews(PreviewSettings(period=0.000001))
    watched.make(steps=6, batch_size=2)
    frames = [event for event in watched.events if event.type == "preview"]
    assert frames and frames[0].frame == 1
    assert frames[0].data[:2] == b"\xff\xd8" and (frames[0].width, frames[0].height) == (128, 64)
    engine.make(steps=6)
    assert [event for event in engine.events if event.type == "preview"] == []


def test_frames_wait_until_the_run_has_earned_them(engine):
    watched = engine.with_previews(PreviewSettings(period=0.000001, method="full"))
    watched.make(steps=2)
    model = engine.context.models.get("tiny", None, engine.plan)
    costs = model.state.preview_seconds
    costs["full"] = 1000.0
    watched.make(steps=6)
    assert [event for event in watched.events if event.type == "preview"] == []
    costs.clear()
    watched.make(steps=6)
    assert [event for event in watched.events if event.type == "preview"]


def poison(engine, dtype=None):
    """A model whose UNet gives NaN (only in one type)."""
    model = engine.context.models.get("tiny", None, engine.plan)
    return model.unet.conv_out.register_forward_hook(
        lambda layer, inputs, output: output * float("nan") if dtype in (None, output.dtype) else None
    )


def test_bad_numbers_name_the_step(engine):
    hook = poison(engine)
    with pytest.raises(NumericalError, match="step 1 of 3") as caught:
        engine.make()
    hook.remove()
    assert caught.value.step == 1
    assert [event for event in engine.events if event.type == "image"] == []


def test_bad_numbers_in_half_precision_are_made_again_in_float32(engine):
    engine.plan = Plan(threads=1, channels_last=False, dtype="bfloat16")
    hook = poison(engine, torch.bfloat16)
    picture = engine.make(steps=2)[0]
    hook.remove()
    assert engine.notes == ("bfloat16 gave NaN or Inf, so this was made in float32.",)
    record = next(event.record for event in engine.events if event.type == "image")
    assert record.notes == engine.notes
    engine.plan = Plan(threads=1, channels_last=False)
    assert np.array_equal(picture, engine.make(steps=2)[0])


def test_out_of_memory_carries_advice(engine):
    model = engine.context.models.get("tiny", None, engine.plan)

    def fail(*_):
        raise torch.OutOfMemoryError("CUDA out of memory.")

    hook = model.unet.register_forward_pre_hook(fail)
    with pytest.raises(OutOfMemory) as caught:
        engine.make(batch_size=2)
    hook.remove()
    assert "batch size of 1" in caught.value.advice


def test_full_memory_is_tried_once_more_in_small_parts(engine):
    whole = engine.make(batch_size=2)
    model, rows = engine.context.models.get("tiny", None, engine.plan), []

    def fail_when_wide(_, inputs):
        rows.append(len(inputs[0]))
        if rows[-1] > 1:
            raise torch.OutOfMemoryError("CUDA out of memory.")

    hook = model.unet.register_forward_pre_hook(fail_when_wide)
    parts = engine.make(batch_size=2)
    hook.remove()
    assert rows[0] == 4 and set(rows[1:]) == {1}
    assert engine.notes == ("Memory ran out, so this was made again in smaller parts, which takes longer.",)
    for one, other in zip(whole, parts, strict=True):
        assert np.abs(one.astype(int) - other).max() <= 1


def test_a_large_image_is_coded_in_tiles_without_seams(engine):
    latents = torch.randn(1, 4, 96, 80, generator=torch.Generator().manual_seed(1))
    whole = engine.context.models.get("tiny", None, engine.plan)
    tiled = engine.context.models.get("tiny", None, engine.plan.model_copy(update={"vae_tiles": True}))
    assert tiled.vae is whole.vae and tiled.state is whole.state
    one, other = whole.decode(latents), tiled.decode(latents)
    assert one.shape == other.shape == (1, 3, 768, 640) and not torch.equal(one, other)
    assert torch.equal(whole.decode(latents), one), "the next image is decoded in one piece again"
    steps = (other[..., 1:] - other[..., :-1]).abs().mean(dim=(0, 1, 2))
    assert steps.max() < 1.5 * (one[..., 1:] - one[..., :-1]).abs().mean(dim=(0, 1, 2)).max(), "no edge is sharper than the image's own"
    assert tiled.encode_image(one * 2 - 1).shape == whole.encode_image(one * 2 - 1).shape == latents.shape


def test_pictures_say_how_they_were_made(engine):
    engine.make(prompt="a red apple", sampler="Euler a")
    path = engine.context.images.path(next(event.record for event in engine.events if event.type == "image"))
    facts = read_generation_info(path)
    text = " ".join(f"{name}={value}" for name, value in facts.items())
    for part in ("a red apple", "Euler a", "float32", "sdpa", "cpu", torch.__version__, "a1111"):
        assert part in text


def test_a_failing_extension_leaves_the_picture_as_it_is_and_says_so(engine, tmp_path):
    plain = engine.make()[0]
    folder = tmp_path / "extensions"
    folder.mkdir()
    (folder / "breaks.py").write_text(
        'from webui import hookimpl\nTITLE = "Breaks"\n\n@hookimpl\ndef process_image(image, request, index):\n    raise ValueError("oh")\n'
    )
    (folder / "flips.py").write_text(
        "from webui import hookimpl\n\n@hookimpl\ndef process_image(image, request, index):\n    return image.transpose(0)  # mirrored\n"
    )
    (folder / "zooms.py").write_text(
        "from webui import hookimpl\n\n@hookimpl\ndef process_image(image, request, index):\n    return image.resize((128, 128), 0)\n"
    )
    engine.context.extensions.load([folder])
    first, second = engine.make(batch_count=2)
    assert np.array_equal(first[::2, ::2], plain[:, ::-1])
    assert second.shape == (128, 128, 3)
    assert engine.notes == ("Made without Breaks: it failed. See Extensions.",)
    assert all(event.record.notes == engine.notes for event in engine.events if event.type == "image")


def test_a_denoiser_wrapper_changes_the_prediction_and_may_refuse(engine, tmp_path):
    plain = engine.make()[0]
    folder = tmp_path / "extensions"
    folder.mkdir()
    (folder / "half.py").write_text(
        "from webui import RequestError, hookimpl\n\n@hookimpl\ndef denoiser_wrapper(request):\n"
        '    if request.steps == 7:\n        raise RequestError("steps", "not seven")\n'
        "    return lambda denoiser: lambda x, sigma, **extra: denoiser(x, sigma, **extra) * 0.5\n"
    )
    engine.context.extensions.load([folder])
    assert compare(engine.make()[0], plain).psnr < 40
    with pytest.raises(RequestError, match="not seven"):
        engine.make(steps=7)


def test_unknown_names_are_refused_with_their_field(engine):
    for field, fields in (("sampler", {"sampler": "Eule"}), ("schedule", {"schedule": "Karas"}), ("checkpoint", {"checkpoint": "nix"})):
        with pytest.raises(RequestError) as caught:
            engine.make(**fields)
        assert caught.value.field == field


def test_a_request_with_a_picture_that_is_gone_is_refused(engine):
    with pytest.raises(RequestError, match="not here any more"):
        engine.make(mode="img2img", init="0" * 64)


def test_tiling_wraps_around(engine):
    tiled, plain = engine.make(tiling=True)[0], engine.make()[0]
    assert not np.array_equal(tiled, plain)
    assert np.array_equal(engine.make()[0], plain)


def test_one_step_and_guidance_of_one_and_zero_are_pictures(engine):
    one, none, unguided = (engine.make(prompt="fox", negative_prompt="owl", guidance=scale)[0] for scale in (1, 0, 4))
    assert np.array_equal(one, engine.make(prompt="fox", guidance=1)[0])  # the negative prompt is not used
    assert compare(none, engine.make(prompt="owl", guidance=1)[0]).psnr >= 60  # scale 0 is the negative prompt alone
    assert not np.array_equal(unguided, one)
    assert engine.make(steps=1)[0].shape == (64, 64, 3)


def test_tools_can_be_shared_by_jobs_with_other_wishes(engine):
    quiet = replace(engine.context, preview_settings=lambda: PreviewSettings(period=0))
    run_job(engine.task(), quiet, engine.events.append)
    assert [event.type for event in engine.events][-1] == "done"
