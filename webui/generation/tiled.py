"""Tiled diffusion: the network sees overlapping tiles of a canvas, one after another, and their predictions become one.

MultiDiffusion (Bar-Tal et al. 2023, arXiv 2302.08113) takes the mean where tiles overlap; a mixture of diffusers (Jiménez 2023,
arXiv 2302.02412) weighs each tile by a bell around its middle. Memory is bounded by the tile, whatever the canvas's size. All pictures
of a batch go through the network together, tile by tile.
"""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from webui.core.canvas import TileOptions
from webui.images.tiles import TileGrid
from webui.models.conditioning import Conditioning
from webui.plugins.types import Denoiser

_SPREAD = 0.01
"""The bell's variance, of a tile of side 1: as in the paper's code."""


def tiled(network: Denoiser, options: TileOptions | None, downscale: int, between: Callable[[], None]) -> Denoiser:
    """The network over tiles; itself where there are none. `between` is called before each further tile, and may raise."""
    if options is None:
        return network

    def call(x: Tensor, sigma: Tensor, concat: Tensor | None = None, cond: Conditioning | None = None, **conditioning: Any) -> Tensor:
        whole = conditioning if cond is None else {**conditioning, "cond": cond}
        grid = grid_of(options, x.shape[-1], x.shape[-2], downscale)
        if len(grid) == 1:
            return network(x, sigma, concat=concat, **whole)
        weights = weights_of(options, grid).to(x)
        total, counted = torch.zeros_like(x), torch.zeros_like(x[:1, :1])
        for number, (top, left) in enumerate((top, left) for top in grid.rows for left in grid.columns):
            if number:
                between()
            rows, columns = slice(top, top + grid.high), slice(left, left + grid.side)
            part = (..., rows, columns)
            own = whole if cond is None else {**whole, "cond": cond.cut(rows, columns)}
            total[part] += network(x[part], sigma, concat=None if concat is None else concat[part], **own) * weights
            counted[part] += weights
        return total / counted

    return call


def grid_of(options: TileOptions, width: int, height: int, downscale: int) -> TileGrid:
    """The tiles of a canvas of latent pixels: no larger than the canvas, and overlapping by less than a whole tile."""
    side = min((options.width or width * downscale) // downscale, width)
    high = min((options.height or height * downscale) // downscale, height)
    overlap = min(options.overlap // downscale, side - 1, high - 1)
    return TileGrid(width, height, max(side, 1), max(overlap, 0), max(high, 1))


def weights_of(options: TileOptions, grid: TileGrid) -> Tensor:
    """How much each place of a tile counts, [1, 1, h, w]."""
    if options.method == "multidiffusion":
        return torch.ones(1, 1, grid.high, grid.side)
    return (_bell(grid.high)[:, None] * _bell(grid.side)[None])[None, None]


def _bell(length: int) -> Tensor:
    places = (torch.arange(length) + 0.5) / length - 0.5
    return torch.exp(-(places**2) / (2 * _SPREAD)) / math.sqrt(2 * math.pi * _SPREAD) + 1e-6
