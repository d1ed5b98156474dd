"""Soft inpainting's numbers: the windowed mean against a slow one, blends that keep their length."""

import numpy as np
import pytest
import torch

from webui.core.request import SoftInpaint
from webui.generation.soft_inpaint import SoftBlend, _kernel, _windowed_mean, blend_keeping_length


def slow_mean(image, low, high):
    """The same by the book: for each pixel a sorted stack of weighted neighbours, and the part of it between two shares."""
    result = np.zeros_like(image)
    for row, column in np.ndindex(image.shape):
        near = [
            (image[row + down, column + right], weight)
            for down, right, weight in _kernel()
            if 0 <= row + down < image.shape[0] and 0 <= column + right < image.shape[1]
        ]
        near.sort()
        total = sum(weight for _, weight in near)
        begin, end = total * low, total * high
        if end - begin < 1:
            middle = (begin + end) / 2
            begin, end = middle - 0.5, middle + 0.5
            if end > total:
                begin, end = total - 1, total
            if begin < 0:
                begin, end = 0, 1
        at = summed = weights = 0.0
        for value, weight in near:
            share = max(min(at + weight, end) - max(at, begin), 0)
            summed, weights, at = summed + value * share, weights + share, at + weight
        result[row, column] = summed / weights
    return result


@pytest.mark.parametrize(("low", "high"), [(0.9, 1.0), (0.25, 0.75)])
def test_the_windowed_mean_is_the_one_by_the_book(low, high):
    image = np.random.default_rng(1).random((9, 7))
    assert np.allclose(_windowed_mean(image, low, high), slow_mean(image, low, high), atol=1e-9)


def test_blends_keep_their_length():
    first, second = (
        torch.randn(1, 4, 3, 3, generator=torch.Generator().manual_seed(1)),
        torch.randn(1, 4, 3, 3, generator=torch.Generator().manual_seed(2)),
    )
    half = blend_keeping_length(first, second, torch.full((1, 1, 3, 3), 0.5), contrast=4.0)
    lengths = [torch.linalg.vector_norm(part, dim=1) for part in (first, half, second)]
    assert (lengths[1] >= torch.minimum(lengths[0], lengths[2]) - 1e-4).all() and (
        lengths[1] <= torch.maximum(lengths[0], lengths[2]) + 1e-4
    ).all()
    for amount, whole in ((0.0, first), (1.0, second)):
        assert torch.allclose(blend_keeping_length(first, second, torch.full((1, 1, 3, 3), amount), 4.0), whole, atol=1e-4)


def test_the_less_noise_the_more_of_the_original_goes():
    blend = SoftBlend(SoftInpaint(schedule_bias=1, preservation=0.5))
    start, denoised, mask = torch.ones(1, 4, 1, 1), torch.full((1, 4, 1, 1), 3.0), torch.full((1, 1, 1, 1), 0.5)
    early, late = (float(blend(denoised, start, mask, torch.tensor([sigma])).mean()) for sigma in (14.0, 0.1))
    assert early == pytest.approx(1.0, abs=0.4) and late == pytest.approx(3.0, abs=0.1)
