"""A model whose answers are known: data is N(0, s²), so the exact denoiser and the exact end of the ODE can be written down."""

import math

import torch

from webui.core.request import SamplerOptions
from webui.samplers.catalog import Sampler

HIGH, LOW = 14.6, 0.03


class Gaussian:
    """`model(x, sigma)` for data N(0, s²); remembers what it was asked."""

    def __init__(self, s: float = 0.35) -> None:
        self.variance = s * s
        self.asked: list[torch.Tensor] = []

    def __call__(self, x, sigma):
        self.asked.append(sigma)
        level = sigma.view(-1, *[1] * (x.ndim - 1))
        return x * (self.variance / (self.variance + level**2))

    def end(self, x, low: float, high: float):
        """Where the ODE leads from x at `high` to `low`."""
        return x * math.sqrt((self.variance + low**2) / (self.variance + high**2))


def falling(steps: int, low: float = LOW, high: float = HIGH, dtype=torch.float64) -> torch.Tensor:
    """Levels even in log sigma, not ending in zero."""
    return torch.logspace(math.log10(high), math.log10(low), steps + 1, dtype=dtype)


def quiet(sampler: Sampler) -> dict:
    """The options that make a sampler deterministic."""
    knobs = {"eta": 0.0} if "eta" in sampler.options else {}
    return knobs | ({"tau_func": lambda sigma: 0.0} if "tau_func" in sampler.options else {})


OPTIONS = SamplerOptions()
