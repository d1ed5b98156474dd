"""A Brownian path over sigma for each picture, so that SDE samplers draw the same noise whatever the steps and the batch.

A virtual Brownian tree (Li et al. 2020, arXiv:2001.01328): only the seed is kept, the path is found by halving the range again and again.
Numbers equal those of torchsde's BrownianTree with entropy = the picture's seed, which k-diffusion uses, so that pictures are the same.
"""

import math
from collections import OrderedDict
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

DIGITS = 6
"""Places after the point of sigma to which the path is known."""
POOL = 24
KEPT = 64
"""Increments remembered per picture; a path down the tree is about 25 long."""

Draw = Callable[[int], Tensor]
Place = tuple[int, int]
"""An interval of the tree: its depth, and its number from the left."""


class BrownianPath:
    """One picture's path from `low` to `high`. `draw(seed)` gives its unit noise. Call for the increment between two levels."""

    def __init__(self, low: float, high: float, seed: int, draw: Draw) -> None:
        self._low, self._high, self._seed, self._draw = round(low, DIGITS), round(high, DIGITS), seed, draw
        whole = int(np.random.SeedSequence(seed, pool_size=POOL).generate_state(1)[0])
        self._whole = draw(whole) * math.sqrt(high - low)
        self._known: OrderedDict[Place, Tensor] = OrderedDict()

    def __call__(self, start: float, end: float) -> Tensor:
        """The path's increment from `start` up to `end`."""
        start, end = (round(min(max(level, self._low), self._high), DIGITS) for level in (start, end))
        if start >= end:
            return torch.zeros_like(self._whole)
        return self._between(start, end, self._low, self._high, (0, 0), self._whole)

    def _between(self, start: float, end: float, low: float, high: float, place: Place, increment: Tensor) -> Tensor:
        """The part of an interval's `increment` that falls between `start` and `end`, both inside it."""
        while (start, end) != (low, high):
            middle = round(0.5 * (low + high), DIGITS)
            depth, number = place
            if not low < middle < high:
                return increment * ((end - start) / (high - low))
            left = self._left(low, middle, high, place, increment)
            if start < middle < end:
                first = self._between(start, middle, low, middle, (depth + 1, 2 * number), left)
                return first + self._between(middle, end, middle, high, (depth + 1, 2 * number + 1), increment - left)
            if end <= middle:
                high, increment, place = middle, left, (depth + 1, 2 * number)
            else:
                low, increment, place = middle, increment - left, (depth + 1, 2 * number + 1)
        return increment

    def _left(self, low: float, middle: float, high: float, place: Place, increment: Tensor) -> Tensor:
        """The increment over the lower half: a Brownian bridge's middle, from noise that belongs to the place in the tree."""
        if place in self._known:
            self._known.move_to_end(place)
            return self._known[place]
        depth, number = place
        state = np.random.SeedSequence(self._seed, spawn_key=(number, depth), pool_size=POOL).generate_state(1)
        below, above = middle - low, high - middle
        left = increment * (below / (high - low)) + self._draw(int(state[0])) * math.sqrt(below * above / (high - low))
        self._known[place] = left
        if len(self._known) > KEPT:
            self._known.popitem(last=False)
        return left
