"""The "diffusers" profile: noise levels as diffusers' schedulers choose them for Stable Diffusion, restated in sigma terms.

The published configuration of Stable Diffusion 1.5 says only an offset of 1; the rest is each scheduler's own default, as for
everybody who makes one by `from_config`. Measured against diffusers 0.42 in `tests/generation/test_diffusers.py`: Euler, Euler a, DPM++ 2M,
DDIM; the others by kinship. What diffusers draws from a picture's generator, in order: the start picture's latents, the start noise,
with a mask the masked picture's latents, then what samplers add.
"""

import numpy as np
import torch

from webui.core.request import FILLS, GenerationRequest, SamplerOptions
from webui.samplers.catalog import Sampler, Schedule
from webui.samplers.planning import SigmaPlan, plan_levels
from webui.samplers.schedules import DiscreteSchedule

FRACTIONAL = ("Euler", "Euler a", "Heun", "LMS", "DPM2", "DPM2 a")
"""Samplers whose diffusers counterparts accept fractional timesteps and start from noise of the first level's size."""


def is_diffusers(request: GenerationRequest) -> bool:
    """Whether the request asks for the image that diffusers makes."""
    return request.profile == "diffusers"


def by_profile(request: GenerationRequest) -> GenerationRequest:
    """The request without what the profile's program does not have: diffusers softens no masks and fills nothing in."""
    if not is_diffusers(request):
        return request
    return request.model_copy(
        update={
            "mask_blur": 0,
            "mask_round": True,
            "fill": FILLS[1],
            "soft_inpaint": None,
            "color_correction": False,
            "noise_multiplier": 1.0,
            "extra_noise": 0.0,
            "variation_strength": 0.0,
            "seed_resize_width": 0,
            "seed_resize_height": 0,
        }
    )


def sigmas_for_profile(
    profile: str,
    sampler: Sampler,
    schedule: Schedule,
    steps: int,
    model: DiscreteSchedule,
    options: SamplerOptions,
    strength: float | None,
    exact: bool,
) -> SigmaPlan:
    """The noise levels of a run by the request's profile."""
    if profile != "diffusers" or options.sigmas is not None or options.timesteps is not None:
        return plan_levels(sampler, schedule, steps, model, options, strength, exact)
    sigmas = _spaced(sampler, schedule, steps, model)
    if strength is not None and not exact:
        sigmas = sigmas[min(steps - int(steps * strength), steps - 1) :]
    calls = len(sigmas) * sampler.calls
    if sampler.space == "timestep":
        return SigmaPlan(_tensor(sigmas, model.low), float(sigmas[0]), timestep_space=True, counted=calls)
    ends = float(sigmas[-1]), float(sigmas[0])
    return SigmaPlan(_tensor(sigmas, 0.0), ends[1], noise_range=ends, sgm_noise=sampler.name not in FRACTIONAL, counted=calls)


def _spaced(sampler: Sampler, schedule: Schedule, steps: int, model: DiscreteSchedule) -> np.ndarray:
    """Falling levels, without the last: "leading" timesteps for DDIM and its kin, evenly spread ones for the others."""
    count = len(model.sigmas)
    if sampler.space == "timestep":
        times = np.minimum(np.arange(steps)[::-1] * (count // steps) + 1, count - 1).astype(np.float64)
    elif schedule.name == "Karras":
        return karras(model.high, model.low, steps)
    elif sampler.name in FRACTIONAL:
        times = np.linspace(0, count - 1, steps)[::-1]
    else:
        times = np.linspace(0, count - 1, steps + 1).round()[:0:-1]
    return np.interp(times, np.arange(count), model.sigmas)


def _tensor(sigmas: np.ndarray, last: float) -> torch.Tensor:
    return torch.tensor(np.append(sigmas, last), dtype=torch.float32)


def karras(high: float, low: float, steps: int, rho: float = 7.0) -> np.ndarray:
    """Karras et al. 2022, equation 5."""
    ramp = np.linspace(0, 1, steps)
    return np.asarray((high ** (1 / rho) + ramp * (low ** (1 / rho) - high ** (1 / rho))) ** rho)
