"""SD upscale's tiles cover the picture once, each sees as much as a tile holds, and seam fixes lie over the seams."""

from typing import get_args

import numpy as np
import pytest

from webui.core.finish import size_after
from webui.core.sd_upscale import SdUpscaleStep, Seams
from webui.images.sd_upscaling import count_of, pieces_of, window_of

SIZES = [(1024, 1024), (1000, 520), (512, 512), (513, 64), (64, 2048), (4096, 8)]


def pieces(size, tile=(512, 512), **fields):
    return list(pieces_of(size, tile, SdUpscaleStep(**fields)))


@pytest.mark.parametrize("size", SIZES)
def test_tiles_cover_each_pixel_once_and_see_no_more_than_a_tile(size):
    counted = np.zeros((size[1], size[0]), int)
    for piece in pieces(size):
        left, top, right, bottom = piece.box
        counted[top:bottom, left:right] += 1
        seen = window_of(piece, size)
        assert seen[0] <= left < right <= seen[2] and seen[1] <= top < bottom <= seen[3]
        assert (seen[2] - seen[0], seen[3] - seen[1]) == (min(512, size[0]), min(512, size[1]))
        assert 0 <= seen[0] and seen[2] <= size[0] and 0 <= seen[1] and seen[3] <= size[1]
        assert set(np.unique(piece.mask())) == {255}
    assert (counted == 1).all()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("mode", get_args(Seams))
def test_they_are_counted_without_being_made(size, mode):
    assert count_of(size, (512, 256), SdUpscaleStep(seams=mode)) == len(pieces(size, (512, 256), seams=mode))


def seams(size, **fields):
    """Where the tiles meet, from left to right and from top to bottom."""
    boxes = [piece.box for piece in pieces(size, seams="none", **fields)]
    return sorted({box[0] for box in boxes} - {0}), sorted({box[1] for box in boxes} - {0})


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("mode", ["bands", "half tile", "half tile and intersections"])
def test_seam_fixes_lie_over_every_seam_and_fade_at_their_edges(size, mode):
    across, down = seams(size)
    strength = np.zeros((size[1], size[0]))
    for piece in pieces(size, seams=mode)[len(pieces(size)) :]:
        assert piece.is_seam
        left, top, right, bottom = piece.box
        mask = np.asarray(piece.mask())
        assert mask.shape == (bottom - top, right - left) and min(mask[0, 0], mask[-1, -1]) < 40 < mask.max()
        area = strength[top:bottom, left:right]
        np.maximum(area, mask, out=area)
    assert all(strength[:, seam].min() > 200 for seam in across) or "half" in mode
    crossing = [strength[y, x] for x in across for y in down]
    assert not crossing or min(crossing) > (200 if mode != "half tile" else -1)
    for seam in across:
        assert strength[:, seam].max() > 200
    for seam in down:
        assert strength[seam].max() > 200


def test_chess_paints_every_other_tile_first():
    plain, chess = pieces((2048, 2048)), pieces((2048, 2048), order="chess")
    assert sorted(piece.box for piece in plain) == sorted(piece.box for piece in chess)
    first = chess[: (len(chess) + 1) // 2]
    assert not any(one.box[2] == other.box[0] and one.box[1] == other.box[1] for one in first for other in first)


def test_a_picture_no_larger_than_a_tile_has_no_seams():
    assert len(pieces((448, 448), seams="half tile and intersections")) == 1


def test_the_size_is_that_of_the_upscaler():
    assert size_after((100, 60), (SdUpscaleStep(scale=2),)) == (200, 120)
    assert size_after((100, 60), (SdUpscaleStep(upscaler="None"),)) == (100, 60)
