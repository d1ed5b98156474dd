"""Changing a part: what lies outside stays, to the last bit where the mask says so."""

from functools import partial

import numpy as np
import pytest
import torch
from PIL import Image

from tests.whole_requests import resolved
from webui.cli.compare import compare
from webui.generation.img2img import Source, fit
from webui.generation.inpaint import MaskedDenoiser, fill_latents, hard_blend, mask_latents


@pytest.fixture
def make(engine, start, mask):
    return partial(engine.make, mode="inpaint", init=engine.keep(start), mask=engine.keep(mask), mask_blur=0, strength=0.8)


def outside(picture):
    kept = np.ones((64, 64), bool)
    kept[16:48, 16:48] = False
    return picture[kept]


def inside(picture):
    return picture[16:48, 16:48]


def test_what_is_not_masked_stays_to_the_last_bit(make, start):
    made = make()[0]
    assert np.array_equal(outside(made), outside(np.asarray(start)))
    assert compare(inside(made), inside(np.asarray(start))).psnr < 25


def test_an_inverted_mask_keeps_the_middle(make, start):
    made = make(invert_mask=True)[0]
    assert np.array_equal(inside(made), inside(np.asarray(start)))
    assert not np.array_equal(outside(made), outside(np.asarray(start)))


def test_every_fill_gives_another_picture(make):
    pictures = [make(fill=fill)[0] for fill in ("fill", "original", "latent noise", "latent nothing")]
    for number, one in enumerate(pictures):
        for other in pictures[number + 1 :]:
            assert not np.array_equal(one, other)


@pytest.mark.parametrize("sampler", ["DDIM", "UniPC", "DPM++ 2M", "DPM++ SDE"])
def test_samplers_of_every_kind_keep_the_rest(make, start, sampler):
    assert np.array_equal(outside(make(sampler=sampler)[0]), outside(np.asarray(start)))


def test_only_masked_paints_the_part_at_full_size(engine, start):
    small = np.zeros((128, 128), np.uint8)
    small[8:24, 8:24] = 255
    large = start.resize((128, 128))
    fields = {"init": engine.keep(large), "mask": engine.keep(Image.fromarray(small)), "mask_blur": 0, "only_masked": True, "padding": 8}
    made = engine.make(mode="inpaint", **fields)[0]
    assert made.shape == (128, 128, 3)  # the start picture's size, not the request's
    assert np.array_equal(made[40:], np.asarray(large)[40:])
    assert not np.array_equal(made[8:24, 8:24], np.asarray(large)[8:24, 8:24])


def test_a_blank_mask_changes_everything_and_says_so(engine, start):
    blank = engine.keep(Image.new("L", (64, 64), "black"))
    engine.make(mode="inpaint", init=engine.keep(start), mask=blank, only_masked=True)
    assert engine.notes == ("The mask is blank, so the whole picture was changed.",)


def test_soft_inpainting_keeps_the_original_where_little_changed(make, start):
    """A high threshold takes every change for little, a low one none."""
    all_kept, none_kept = (make(soft_inpaint={"difference_threshold": threshold})[0] for threshold in (8, 0))
    assert compare(all_kept[:8, :8], np.asarray(start)[:8, :8]).psnr > 30
    assert compare(none_kept[:8, :8], np.asarray(start)[:8, :8]).psnr < 20
    assert not np.array_equal(inside(none_kept), inside(np.asarray(start)))


def test_soft_inpainting_works_on_the_masked_part_alone(make):
    assert make(mask_blur=8, soft_inpaint={"mask_influence": 0.5}, only_masked=True, padding=4)[0].shape == (64, 64, 3)


def test_an_inpainting_model_sees_the_mask_and_what_shines_through(make):
    hidden, shown = (make(checkpoint="inpainting", mask_weight=weight)[0] for weight in (1.0, 0.0))
    assert not np.array_equal(inside(hidden), inside(shown))


def test_masks_are_rounded_on_the_latents_grid():
    soft = Image.fromarray(np.tile(np.linspace(0, 255, 64).astype(np.uint8), (64, 1)))
    source = Source(Image.new("RGB", (64, 64)), Image.new("RGB", (64, 64)), mask=soft)
    like = torch.zeros(1, 4, 8, 8)
    fields = {"mode": "inpaint", "init": "0" * 64, "mask": "0" * 64, "width": 64, "height": 64}
    rounded = mask_latents(source, resolved(**fields), like)
    smooth = mask_latents(source, resolved(**fields | {"mask_round": False}), like)
    softly = mask_latents(source, resolved(**fields | {"soft_inpaint": {}}), like)
    assert set(rounded.flatten().tolist()) == {0.0, 1.0}
    assert len(set(smooth.flatten().tolist())) == 8
    assert torch.equal(smooth, softly)


def test_the_overlay_reaches_to_where_the_blurred_mask_is_half(start):
    """A1111 doubles the mask for the composite, so that its soft edge belongs to the result."""
    grey = Image.new("L", (64, 64), 128)
    fields = {"mode": "inpaint", "init": "0" * 64, "mask": "0" * 64, "width": 64, "height": 64}
    source = fit(start, grey, resolved(**fields))
    assert source.over is not None and source.over.getextrema()[3] == (0, 0)


def test_the_denoiser_sees_the_start_picture_at_the_noise_level_around_the_mask():
    seen = []

    def network(x, sigma, **extra):
        seen.append(x)
        return torch.full_like(x, 5.0)

    start, mask = torch.full((1, 4, 2, 2), 2.0), torch.tensor([[1.0, 0.0], [0.0, 0.0]])[None, None]
    masked = MaskedDenoiser(network, start, mask, lambda: torch.ones(1, 4, 2, 2), hard_blend)
    result = masked(torch.full((1, 4, 2, 2), 7.0), torch.tensor([3.0]))
    assert seen[0][0, 0].tolist() == [[7.0, 5.0], [5.0, 5.0]]  # 2 + 1 · 3 around
    assert result[0, 0].tolist() == [[5.0, 2.0], [2.0, 2.0]]


def test_samplers_of_timesteps_take_the_noise_found_from_their_own_x():
    """As Forge's do: where the mask is black their x is that much off the start picture; under a white mask nothing differs."""
    start, mask = torch.full((1, 4, 2, 2), 2.0), torch.tensor([[1.0, 0.5], [0.0, 0.0]])[None, None]
    masked = MaskedDenoiser(
        lambda x, sigma: torch.full_like(x, 5.0), start, mask, lambda: torch.ones(1, 4, 2, 2), hard_blend, by_noise=True
    )
    x = torch.full((1, 4, 2, 2), 7.0)
    result = masked(x, torch.tensor([3.0]))
    assert result[0, 0].tolist() == [[5.0, 3.5 + (7 - 6)], [2.0 + (7 - 5), 2.0 + (7 - 5)]]


def test_latent_noise_is_each_pictures_own():
    fields = {"mode": "inpaint", "init": "0" * 64, "mask": "0" * 64, "fill": "latent noise"}
    start, mask = torch.zeros(1, 4, 2, 2), torch.tensor([[1.0, 0.0], [0.0, 0.0]])[None, None]
    filled = fill_latents(start + 3, mask, resolved(**fields), [torch.full((4, 2, 2), 1.0), torch.full((4, 2, 2), 2.0)])
    assert filled[:, 0].tolist() == [[[1.0, 3.0], [3.0, 3.0]], [[2.0, 3.0], [3.0, 3.0]]]
    nothing = fill_latents(start + 3, mask, resolved(**fields | {"fill": "latent nothing"}), [start[0]])
    assert nothing[0, 0].tolist() == [[0.0, 3.0], [3.0, 3.0]]
