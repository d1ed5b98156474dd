"""New sides of a picture: what they begin as, and where they are."""

import numpy as np
import pytest
from PIL import Image

from webui.core.options import OutpaintOptions
from webui.images.outpainting import extend, extended_mask, new_sides

NEEDS = {"telea": "cv2", "patch match": "patchmatch"}
SIDES = {"left": 16, "top": 8, "bottom": 24}


@pytest.fixture
def picture():
    y, x = np.mgrid[0:32, 0:48]
    return Image.fromarray(np.stack([x * 5, y * 7, 255 - x * 2 - y], axis=-1).astype(np.uint8))


@pytest.mark.parametrize("fill", ["edge", "mirror", "noise", "telea", "patch match"])
def test_the_picture_itself_stays_as_it_is(picture, fill):
    if fill in NEEDS:
        pytest.importorskip(NEEDS[fill])
    made = np.asarray(extend(picture, OutpaintOptions(**SIDES, fill=fill), seed=1))
    assert made.shape == (64, 64, 3) and np.array_equal(made[8:40, 16:], np.asarray(picture))
    assert made[:, :16].std() > 0 and np.array_equal(made, np.asarray(extend(picture, OutpaintOptions(**SIDES, fill=fill), seed=1)))


def test_edges_are_drawn_out_and_mirrored(picture):
    before = np.asarray(picture)
    edge = np.asarray(extend(picture, OutpaintOptions(left=16), seed=1))
    assert (edge[:, :16] == before[:, :1]).all()
    mirror = np.asarray(extend(picture, OutpaintOptions(left=16, fill="mirror"), 1))
    assert np.array_equal(mirror[:, :16], before[:, 15::-1])
    far = extend(picture, OutpaintOptions(right=200, fill="mirror"), 1)
    assert far.size == (248, 32)


def test_patch_match_goes_on_with_what_is_there_at_any_size():
    """Stripes stay stripes; a large picture is filled smaller, and nothing of it is lost."""
    pytest.importorskip("patchmatch")
    rows = np.where(np.arange(64)[:, None, None] // 8 % 2 == 0, (240, 30, 30), (20, 40, 230))
    stripes = Image.fromarray(np.broadcast_to(rows, (64, 64, 3)).astype(np.uint8))
    small = np.asarray(extend(stripes, OutpaintOptions(right=32, fill="patch match"), seed=1)).astype(int)
    assert np.abs(small[:, 64:] - small[:, :1]).mean() < 20
    large = stripes.resize((512, 512), Image.Resampling.NEAREST)
    made = np.asarray(extend(large, OutpaintOptions(left=64, right=512, fill="patch match"), seed=1)).astype(int)
    assert made.shape == (512, 1088, 3) and np.array_equal(made[:, 64:576], np.asarray(large))
    assert np.abs(made[:, 600:] - made[:, 64:65]).mean() < 40


def test_a_picture_smaller_than_a_patch_is_filled_too():
    pytest.importorskip("patchmatch")
    made = extend(Image.new("RGB", (4, 4), (9, 90, 200)), OutpaintOptions(left=64, top=64, fill="patch match"), seed=1)
    assert made.size == (68, 68) and np.abs(np.asarray(made).astype(int) - (9, 90, 200)).max() < 3


def test_noise_comes_from_the_seed_and_has_the_picture_s_colours(picture):
    one, other = (np.asarray(extend(picture, OutpaintOptions(bottom=400, fill="noise"), seed)) for seed in (1, 2))
    assert not np.array_equal(one, other)
    assert np.abs(one[32:].mean(axis=(0, 1)) - np.asarray(picture).mean(axis=(0, 1))).max() < 6


def test_the_mask_reaches_into_the_picture_beside_new_sides_alone():
    out = OutpaintOptions(left=16, overlap=4)
    mask = np.asarray(new_sides((48, 32), out, out.overlap))
    assert (mask[:, :20] == 255).all() and not mask[:, 20:].any()
    everything = OutpaintOptions(left=8, right=8, top=8, bottom=8, overlap=100)
    assert (np.asarray(new_sides((48, 32), everything, 100)) == 255).all()


def test_a_painted_mask_moves_with_the_picture():
    painted = Image.new("L", (48, 32))
    painted.paste(255, (40, 20, 48, 32))
    mask = np.asarray(extended_mask(painted, (48, 32), OutpaintOptions(left=16, overlap=0)))
    assert (mask[20:32, 56:] == 255).all() and (mask[:, :16] == 255).all() and mask.sum() == 255 * (12 * 8 + 32 * 16)


def test_what_is_grown_is_a_band_and_its_edge_is_drawn_out(picture):
    """OpenCV took two minutes for these sides, in one call that no Stop reaches, and their colours drifted away."""
    pytest.importorskip("cv2")
    made = np.asarray(extend(picture, OutpaintOptions(left=4000, top=2000, fill="telea"), seed=1))
    assert made.shape == (2032, 4048, 3) and np.array_equal(made[2000:, 4000:], np.asarray(picture))
    near = np.asarray(extend(picture, OutpaintOptions(left=128, top=128, fill="telea"), seed=1))
    assert np.array_equal(made[2000 - 128 :, 4000 - 128 :], near)
    assert (made[:, : 4000 - 128] == made[:, 4000 - 128 : 4000 - 127]).all()
    plain = np.asarray(extend(Image.new("RGB", (48, 32), (200, 40, 90)), OutpaintOptions(left=1000, fill="telea"), seed=1)).astype(int)
    assert np.abs(plain - (200, 40, 90)).max() < 20
