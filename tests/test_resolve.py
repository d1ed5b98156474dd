"""What a request leaves to choose is chosen, and names that say more than a name are taken apart."""

from dataclasses import replace

import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from tests import tiny
from webui.core.protocol import Capabilities
from webui.core.request import parse_request
from webui.core.sizes import start_size
from webui.errors import RequestError
from webui.library import Library
from webui.models.families.sd1 import SD1
from webui.models.weights import open_source
from webui.prompts import clip_l_tokenizer
from webui.prompts.chunks import make_chunks
from webui.prompts.editing import Schedule
from webui.prompts.limits import MOST_CHUNKS
from webui.resolve import ResolveContext, resolve


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    models = tmp_path_factory.mktemp("models")
    tiny.write(models / "Stable-diffusion" / "tiny.safetensors")
    return ResolveContext(Library((models,), models / "cache"), lambda name: models / name, Capabilities, dict)


def resolved(world, **fields):
    return resolve(parse_request(fields), world)


def test_nothing_is_left_to_choose(world):
    request = resolved(world)
    left = {
        name for name in ("checkpoint", "width", "height", "steps", "sampler", "schedule", "guidance") if getattr(request, name) is None
    }
    assert left == set() and request.seed >= 0 and request.variation_seed >= 0


def test_an_unknown_upscaler_is_refused_before_the_first_pass(world):
    known = replace(world, capabilities=lambda: Capabilities(upscalers=("Latent", "Lanczos")))
    with pytest.raises(RequestError, match="no upscaler named 'ESRGAN'. There are: Latent, Lanczos.") as caught:
        resolved(known, hires={"upscaler": "ESRGAN"})
    assert caught.value.field == "hires.upscaler"
    assert resolved(known, hires={"upscaler": "lanczos"}).hires.upscaler == "Lanczos"
    assert resolved(world, hires={"upscaler": "ESRGAN"}).hires.upscaler == "ESRGAN"


def test_a_family_that_is_not_loaded_yet_is_refused_by_name(world, tmp_path):
    save_file({"conditioner.embedders.1.model.ln_final.weight": torch.zeros(1)}, tmp_path / "big.safetensors")
    other = replace(world, library=Library((tmp_path,), tmp_path / "cache"), capabilities=lambda: Capabilities(families=("sd1",)))
    for checkpoint in ("big", None):
        with pytest.raises(RequestError, match="big.safetensors is SDXL: coming; this version loads SD 1.x.") as caught:
            resolved(other, checkpoint=checkpoint)
        assert caught.value.field == "checkpoint"
    unknown = replace(other, capabilities=Capabilities)
    assert resolved(unknown, checkpoint="big").checkpoint.startswith("big [")


@pytest.mark.parametrize(
    ("tensor", "said"),
    [
        ({"toy.transformer.query": (6,)}, "odd.safetensors is not a checkpoint that this version knows; it loads SD 1.x"),
        ({"double_blocks.0.x": (1,)}, "odd.safetensors is Flux: coming; this version loads SD 1.x"),
        (
            {"model.diffusion_model.input_blocks.0.0.weight": (4, 7, 3, 3), "cond_stage_model.transformer.x": (1,)},
            r"is Stable Diffusion 1.x of another sort \(upscaling\), which this version does not load",
        ),
    ],
)
def test_what_no_engine_loads_is_refused_before_it_waits_for_one(world, tmp_path, tensor, said):
    (tmp_path / "Stable-diffusion").mkdir()
    save_file({name: torch.zeros(shape) for name, shape in tensor.items()}, tmp_path / "Stable-diffusion" / "odd.safetensors")
    other = replace(world, library=Library((tmp_path,), tmp_path / "cache"))
    for fields in ({"checkpoint": "odd"}, {}):
        with pytest.raises(RequestError, match=said) as caught:
            resolved(other, **fields)
        assert caught.value.field == "checkpoint"
    tiny.write(tmp_path / "whole.safetensors")
    assert resolved(replace(world, library=Library((tmp_path,), tmp_path / "cache"))).checkpoint.startswith("whole [")


def test_a_depth_checkpoint_wants_a_picture_and_is_not_the_first_choice_of_who_has_none(world, tmp_path):
    shapes = {"model.diffusion_model.input_blocks.0.0.weight": (4, 5, 3, 3), "cond_stage_model.model.x": (1,), "first_stage_model.x": (1,)}
    (tmp_path / "Stable-diffusion").mkdir()
    save_file({name: torch.zeros(shape) for name, shape in shapes.items()}, tmp_path / "Stable-diffusion" / "512-depth-ema.safetensors")
    alone = replace(world, library=Library((tmp_path,), tmp_path / "cache"))
    for fields in ({}, {"checkpoint": "512-depth-ema"}):
        with pytest.raises(RequestError, match="512-depth-ema.safetensors makes a picture with the depth of another one.") as caught:
            resolved(alone, **fields)
        assert caught.value.field == "checkpoint"
    part = resolved(alone, finish=[{"kind": "detail", "detector": "x", "sampler": "euler"}])
    assert part.checkpoint.startswith("512-depth-ema [")
    tiny.write(tmp_path / "whole.safetensors")
    assert resolved(replace(world, library=Library((tmp_path,), tmp_path / "cache"))).checkpoint.startswith("whole [")


def test_a_schedule_in_the_samplers_name(world):
    request = resolved(world, sampler="dpm++ 2m karras")
    assert (request.sampler, request.schedule) == ("DPM++ 2M", "Karras")


def test_an_option_in_the_samplers_name_gives_way_to_one_that_is_said(world):
    request = resolved(world, sampler="uni_pc_bh2", sampler_options={"unipc_order": 2})
    assert (request.sampler, request.sampler_options.unipc_variant, request.sampler_options.unipc_order) == ("UniPC", "bh2", 2)
    assert resolved(world, sampler="uni_pc_bh2", sampler_options={"unipc_variant": "bh1"}).sampler_options.unipc_variant == "bh1"
    assert resolved(world, sampler="res_multistep_ancestral").sampler_options.eta == 1.0


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"prompt": "BREAK " * 16_000}, "prompt"),
        ({"negative_prompt": "BREAK " * 16_000}, "negative_prompt"),
        ({"prompt": "a AND " * 10_000}, "prompt"),
        ({"hires": {"prompt": "BREAK " * 1000}}, "hires.prompt"),
        ({"hires": {"negative_prompt": "BREAK " * 1000}}, "hires.negative_prompt"),
    ],
)
def test_a_prompt_that_would_take_hours_is_refused_beside_its_field(world, fields, field):
    with pytest.raises(RequestError, match="This prompt is too large") as caught:
        resolved(world, **fields)
    assert caught.value.field == field


def test_long_prompts_and_many_alternations_go_through(world):
    assert resolved(world, prompt="a red cat, " * 2000, steps=1000).prompt
    assert resolved(world, prompt="[a|b]" * 20_000, steps=1000).prompt


@pytest.mark.parametrize(
    ("picture", "fields", "wanted"),
    [
        ((4000, 3000), {}, (592, 440)),
        ((3000, 4000), {}, (440, 592)),
        ((700, 700), {}, (704, 704)),
        ((128, 192), {}, (128, 192)),
        ((4000, 10), {}, (4000, 64)),
        ((4000, 3000), {"width": 800}, (800, 600)),
        ((4000, 3000), {"height": 512}, (680, 512)),
        ((4000, 3000), {"width": 64, "height": 4096}, (64, 4096)),
    ],
)
def test_a_picture_to_start_from_gives_its_shape_and_no_more_than_the_checkpoints_area(world, tmp_path, picture, fields, wanted):
    Image.new("L", picture).save(tmp_path / "a.png")
    here = replace(world, image=lambda name: tmp_path / "a.png")
    with_native = start_size(picture, (512, 512)) if not fields else None
    request = resolved(here, mode="img2img", init="0" * 64, **fields)
    if with_native is not None:
        assert with_native == wanted
        own = here.library.models("checkpoint")[0].native
        assert (request.width, request.height) == start_size(picture, (own.width, own.height))
    else:
        assert (request.width, request.height) == wanted


def test_sizes_are_compared_upright(world, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (192, 128)).save(tmp_path / "phone.jpg", exif=exif)
    Image.new("L", (128, 192)).save(tmp_path / "mask.png")
    Image.new("L", (192, 128)).save(tmp_path / "lying.png")
    files = {"a" * 64: "phone.jpg", "b" * 64: "mask.png", "c" * 64: "lying.png"}
    here = replace(world, image=lambda name: tmp_path / files[name])
    request = resolved(here, mode="inpaint", init="a" * 64, mask="b" * 64)
    assert request.width < request.height
    with pytest.raises(RequestError, match="The mask has 192×128 pixels, the picture 128×192"):
        resolved(here, mode="inpaint", init="a" * 64, mask="c" * 64)


def test_new_sides_make_the_size_and_fit_the_model(world, tmp_path):
    Image.new("RGB", (100, 60)).save(tmp_path / "start.png")
    here = replace(world, image=lambda name: tmp_path / "start.png")
    fields = {"mode": "inpaint", "init": "0" * 64, "width": 512}
    request = resolved(here, **fields, outpaint={"left": 50})
    assert (request.width, request.height, request.outpaint.left, request.outpaint.bottom) == (152, 64, 52, 4)
    both = resolved(here, **fields, outpaint={"left": 50, "right": 50, "top": 4})
    assert (both.width, both.height, both.outpaint.left, both.outpaint.right, both.outpaint.top) == (200, 64, 50, 50, 4)
    part = resolved(here, **fields | {"height": 512}, only_masked=True, outpaint={"left": 50})
    assert (part.width, part.height, part.outpaint.left) == (512, 512, 52)
    with pytest.raises(RequestError, match="With its new sides") as caught:
        resolved(here, **fields, outpaint={"left": 4096})
    assert caught.value.field == "outpaint"


def test_a_detail_step_is_checked_before_anything_is_made(world):
    step = resolved(world, finish=[{"kind": "detail", "detector": "x", "sampler": "dpm++ 2m", "checkpoint": "tiny"}]).finish[0]
    assert (step.sampler, step.schedule, step.steps) == ("DPM++ 2M", "", 0) and step.checkpoint.startswith("tiny [")
    for field, value in (("sampler", "nobody"), ("checkpoint", "nobody"), ("prompt", " AND ".join("a" * 101))):
        with pytest.raises(RequestError) as caught:
            resolved(world, finish=[{"kind": "detail", field: value}])
        assert caught.value.field == f"finish.0.{field}"


@pytest.mark.parametrize("prompt", ["x" * 40_000, "[a:" + "x" * 40_000 + ":0.5]", "a, " * 20_000])
def test_a_prompts_chunks_are_those_that_the_engine_counts(world, prompt):
    tokenizer = SD1().tokenizer(open_source(world.library.find("checkpoint", "tiny").path))
    longest = max(Schedule.read(prompt, 20).texts(), key=len)
    count = len(make_chunks(longest, tokenizer)[0])
    assert count > MOST_CHUNKS and (len(make_chunks(longest, clip_l_tokenizer())[0]) < MOST_CHUNKS or "x" not in prompt)
    with pytest.raises(RequestError, match=rf"takes {count} chunks of 75 tokens. {MOST_CHUNKS} are possible") as caught:
        resolved(world, prompt=prompt)
    assert caught.value.field == "prompt"


@pytest.mark.parametrize(
    ("tiles", "side", "count"),
    [
        ({"width": 64, "height": 64, "overlap": 56}, 1024, 121**2),
        ({"width": 8, "height": 8, "overlap": 7}, 512, 64**2),
        ({"width": 512, "height": 512, "overlap": 511}, 1024, 65**2),
    ],
)
def test_tiles_without_end_are_refused_before_they_are_waited_for(world, tiles, side, count):
    with pytest.raises(RequestError, match=f"{count:,} tiles of {tiles['width']}×{tiles['height']} at each step") as refused:
        resolved(world, width=side, height=side, tiles=tiles)
    assert refused.value.field == "tiles"


@pytest.mark.parametrize(("seams", "count"), [("none", "1,024"), ("half tile and intersections", "3,969")])
def test_so_are_those_of_sd_upscale_by_its_own_size_or_that_of_the_picture(world, seams, count):
    step = {"kind": "sd_upscale", "upscaler": "Lanczos", "scale": 8, "padding": 16, "seams": seams}
    for fields, size in (({"width": 128, "height": 128}, {"width": 64, "height": 64}), ({"width": 64, "height": 64}, {"scale": 16})):
        with pytest.raises(RequestError, match=f"{count} tiles of 64×64 in this step. 1,000 are possible") as refused:
            resolved(world, finish=[step | size], **fields)
        assert refused.value.field == "finish.0.width"
    assert resolved(world, finish=[step | {"seams": "none"}], width=120, height=128).finish[0].scale == 8


def test_the_second_pass_has_more_tiles_than_the_first(world):
    tiles = {"width": 64, "height": 64, "overlap": 32}
    assert resolved(world, width=512, height=512, tiles=tiles).tiles.width == 64
    with pytest.raises(RequestError, match="tiles of 64×64"):
        resolved(world, width=512, height=512, tiles=tiles, hires={"scale": 4})
    assert resolved(world, width=4096, height=4096, tiles={"width": 512, "height": 512}).tiles is not None
