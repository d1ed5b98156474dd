"""Pictures with the depth of another one, by SD 2's depth checkpoint: whole pictures through a running engine."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn.modules.module import register_module_forward_pre_hook

from tests.models import tiny_depth
from webui.core.job import Plan
from webui.errors import RequestError
from webui.generation.img2img import fit
from webui.generation.inpaint import depth_channel
from webui.generation.tensors import to_tensor
from webui.library import Library
from webui.models.cache import ModelCache


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    tiny_depth.write(folder / "Stable-diffusion" / "depth.safetensors", tiny_depth.state())
    tiny_depth.write(folder / "Stable-diffusion" / "blind.safetensors", {})
    return Library([folder])


@pytest.fixture(scope="module")
def models(library):
    return ModelCache(library)


@pytest.fixture
def seeing(engine, models, library):
    """The engine with depth checkpoints in the place of the others."""
    return replace(engine, context=replace(engine.context, models=models, library=library))


def made(engine, start, **fields):
    return engine.make(checkpoint="depth", mode="img2img", init=engine.keep(start), prompt="a chair", **fields)


def channel(models, request, start):
    model = models.get("depth", None, Plan(threads=1, channels_last=False))
    like = torch.empty(1, 4, request.height // 8, request.width // 8)
    return depth_channel(fit(start, None, request), model, like)


def test_the_fifth_channel_is_the_pictures_depth_from_farthest_to_nearest(seeing, models, start):
    request = seeing.task(checkpoint="depth", mode="img2img", init=seeing.keep(start)).request
    found = channel(models, request, start)
    seen = torch.nn.functional.interpolate(to_tensor([start]), size=(384, 384), mode="bicubic")
    near = torch.nn.functional.interpolate(tiny_depth.midas(tiny_depth.state(), seen), size=(8, 8), mode="bicubic")
    wanted = (near - near.min()) / (near.max() - near.min()) * 2 - 1
    assert (float(found.min()), float(found.max())) == (-1, 1)
    assert torch.allclose(found, wanted, atol=1e-3)


def test_the_depth_is_seen_even_where_nothing_else_of_the_picture_is_left(seeing, start):
    """At full strength the picture itself is all noise; what stays of it is its depth."""
    one = made(seeing, start, strength=1.0)[0]
    same = made(seeing, start, strength=1.0)[0]
    other = made(seeing, start.transpose(Image.Transpose.FLIP_TOP_BOTTOM), strength=1.0)[0]
    assert np.array_equal(one, same) and not np.array_equal(one, other)


def test_a_batch_is_the_pictures_alone(seeing, start):
    first, second = made(seeing, start, strength=0.8, batch_size=2)
    assert np.array_equal(first, made(seeing, start, strength=0.8)[0])
    assert not np.array_equal(first, second)


def test_only_a_part_changes_where_a_mask_says_so(seeing, start, mask):
    fields = {"checkpoint": "depth", "mode": "inpaint", "init": seeing.keep(start), "mask": seeing.keep(mask), "mask_blur": 0}
    (found,) = seeing.make(prompt="a chair", strength=0.9, **fields)
    assert np.array_equal(found[:8], np.asarray(start)[:8]) and not np.array_equal(found, np.asarray(start))


def test_the_depth_is_looked_for_once_a_job(seeing, start):
    alone = [made(seeing, start, strength=1.0, seed=seed)[0] for seed in (1, 2, 3)]
    called: list[str] = []
    hook = register_module_forward_pre_hook(lambda module, _: called.append(type(module).__name__))
    try:
        pictures = made(seeing, start, strength=1.0, batch_count=3)
    finally:
        hook.remove()
    assert called.count("DPTNeck") == 1 and called.count("UNet2DConditionModel") == 9
    assert all(np.array_equal(one, other) for one, other in zip(pictures, alone, strict=True))


@pytest.mark.parametrize("width", [64, 128])
def test_other_shapes_and_the_latents_resize(seeing, start, width):
    (found,) = made(seeing, start, strength=0.8, width=width, resize_mode="Just resize (latent upscale)")
    assert found.shape == (64, width, 3)


def test_where_all_is_equally_far_nothing_is_nearer(seeing, models, tmp_path):
    flat = tiny_depth.state() | {"scratch.output_conv.4.weight": torch.zeros(1, 32, 1, 1)}
    tiny_depth.write(tmp_path / "Stable-diffusion" / "flat.safetensors", flat)
    model = ModelCache(Library([tmp_path])).get("flat", None, Plan(threads=1, channels_last=False))
    request = seeing.task(checkpoint="depth").request
    source = fit(Image.new("RGB", (64, 64), "grey"), None, request)
    assert not depth_channel(source, model, torch.empty(1, 4, 8, 8)).any()


def test_without_a_picture_or_without_midas_is_a_sentence(seeing, start):
    with pytest.raises(RequestError, match="makes a picture with the depth of another one. Choose img2img"):
        seeing.make(checkpoint="depth", prompt="a chair")
    with pytest.raises(RequestError, match="has nothing inside that sees depth. Choose the whole file"):
        seeing.make(checkpoint="blind", mode="img2img", init=seeing.keep(start), prompt="a chair")
