"""The refiner: another checkpoint that makes the last steps of a picture and decodes it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from webui.generation.conditioning import Encoded
from webui.models.model import Model
from webui.plugins.types import Denoiser


@dataclass(frozen=True)
class Refine:
    """When the refiner takes over, as a share of the run's model calls; `load` gives it with the prompts in its own encoding."""

    at: float
    load: Callable[[], tuple[Model, Encoded]]


class RefinedDenoiser:
    """The first model's denoiser, and from a share `at` of the calls on the refiner's, which `make_second(calls done)` gives.

    As in A1111 and Forge: before each call, calls done by calls of the whole run.
    """

    def __init__(self, first: Denoiser, make_second: Callable[[int], Denoiser], at: float, total: int) -> None:
        self._now, self._make_second, self._at, self._total = first, make_second, at, total
        self._calls, self._switched = 0, False

    def __call__(self, x: Tensor, sigma: Tensor, **extra: Any) -> Tensor:
        if not self._switched and self._calls / max(self._total, 1) >= self._at:
            self._now, self._switched = self._make_second(self._calls), True
        self._calls += 1
        return self._now(x, sigma, **extra)
