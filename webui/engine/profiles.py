"""The "diffusers" profile: noise levels as diffusers' schedulers choose them for Stable Diffusion, restated in sigma terms.

Spacing "leading" with an offset of 1, which Stable Diffusion's published configuration asks for and every scheduler made
`from_config` inherits. Measured against diffusers 0.42 in `tests/engine/test_diffusers.py`.
"""

import numpy as np
import torch

from webui.core.request import SamplerOptions
from webui.samplers.catalog import Sampler, Schedule
from webui.samplers.planning import Levels, plan_levels
from webui.samplers.schedules import ModelLevels

FRACTIONAL = ("Euler", "Euler a", "Heun", "LMS", "DPM2", "DPM2 a")
"""Samplers whose diffusers twins ask the model between two training timesteps; the others round."""


def levels_for(
    request_profile: str,
    sampler: Sampler,
    schedule: Schedule,
    steps: int,
    model: ModelLevels,
    options: SamplerOptions,
    strength: float | None,
    exact: bool,
) -> Levels:
    """The noise levels of a run by the request's profile."""
    if request_profile != "diffusers" or options.sigmas is not None or options.timesteps is not None:
        return plan_levels(sampler, schedule, steps, model, options, strength, exact)
    times = leading_timesteps(steps, len(model.sigmas))
    if strength is not None:
        times = times[steps - min(int(steps * strength), steps) :] if not exact else times
    sigmas = model.sigmas[times.clip(0, len(model.sigmas) - 1)]
    if sampler.space == "timestep":
        ends = np.append(sigmas, model.sigmas[0])
        return Levels(torch.tensor(ends, dtype=torch.float32), float(sigmas[0]), timestep_space=True)
    if schedule.name == "Karras":
        sigmas = karras(float(sigmas[0]), float(sigmas[-1]), len(sigmas))
    levels = torch.tensor(np.append(sigmas, 0.0), dtype=torch.float32)
    return VarianceLevels(levels, float(levels[0]), timestep_space=False)


class VarianceLevels(Levels):
    """Start noise of the variance that DDPM has at the first level (1 + sigma²), not sigma²."""

    @property
    def noise_scale(self) -> float:
        return float((1 + self.start**2) ** 0.5)


def leading_timesteps(steps: int, count: int = 1000, offset: int = 1) -> np.ndarray:
    """Falling timesteps: multiples of count // steps, plus the offset."""
    return np.asarray((np.arange(steps) * (count // steps)).round()[::-1].astype(np.int64) + offset)


def karras(high: float, low: float, steps: int, rho: float = 7.0) -> np.ndarray:
    """Karras et al. 2022, equation 5, between the levels that the spacing gave."""
    ramp = np.linspace(0, 1, steps)
    return np.asarray((high ** (1 / rho) + ramp * (low ** (1 / rho) - high ** (1 / rho))) ** rho)
