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
        return Levels(_tensor(sigmas, model.low), float(sigmas[0]), timestep_space=True, counted=len(sigmas) * sampler.calls)
    if schedule.name == "Karras":
        sigmas = karras(float(sigmas[0]), float(sigmas[-1]), len(sigmas))
    ends = (float(sigmas[-1]), float(sigmas[0]))
    return Levels(_tensor(sigmas, 0.0), ends[1], noise_range=ends, sgm_noise=True, counted=len(sigmas) * sampler.calls)


def _tensor(sigmas: np.ndarray, last: float) -> torch.Tensor:
    return torch.tensor(np.append(sigmas, last), dtype=torch.float32)


def leading_timesteps(steps: int, count: int = 1000, offset: int = 1) -> np.ndarray:
    """Falling timesteps: multiples of count // steps, plus the offset."""
    return np.asarray((np.arange(steps) * (count // steps)).round()[::-1].astype(np.int64) + offset)


def karras(high: float, low: float, steps: int, rho: float = 7.0) -> np.ndarray:
    """Karras et al. 2022, equation 5, between the levels that the spacing gave."""
    ramp = np.linspace(0, 1, steps)
    return np.asarray((high ** (1 / rho) + ramp * (low ** (1 / rho) - high ** (1 / rho))) ** rho)
