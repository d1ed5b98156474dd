"""How A1111 and Forge run a sampler: which levels, which start noise, which part of them for img2img, which knobs."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from webui.core.request import SamplerOptions
from webui.errors import RequestError
from webui.samplers.catalog import AUTOMATIC, Sampler, Schedule
from webui.samplers.schedules import ModelLevels, compute

KNOBS = {
    "eta": "eta",
    "churn": "s_churn",
    "churn_min": "s_tmin",
    "churn_max": "s_tmax",
    "noise_scale": "s_noise",
    "solver_type": "solver_type",
    "unipc_variant": "variant",
    "unipc_order": "order",
    "unipc_lower_order_final": "lower_order_final",
}


@dataclass(frozen=True)
class Levels:
    """The noise levels of a run. `start` is the level of the start noise; `end_scale` is what the final x is multiplied with."""

    sigmas: Tensor
    start: float
    timestep_space: bool

    @property
    def noise_scale(self) -> float:
        """What unit noise is multiplied with when there is no start picture."""
        return float((1 + self.start**2) ** 0.5) if self.timestep_space else self.start

    @property
    def input_scale(self) -> float:
        """What start picture plus noise is multiplied with: DDPM's x at `start` is handed over as if it were at the first level."""
        return float(((1 + float(self.sigmas[0]) ** 2) / (1 + self.start**2)) ** 0.5) if self.timestep_space else 1.0

    @property
    def end_scale(self) -> float:
        """What the last x is multiplied with: DDPM's samplers end at the first training timestep, not at zero noise."""
        return float((1 + float(self.sigmas[-1]) ** 2) ** -0.5) if self.timestep_space else 1.0


def img2img_steps(steps: int, strength: float, exact: bool) -> tuple[int, int]:
    """(steps the schedule is made for, index of the first one run) for a denoising strength: A1111's rule.

    Of `steps`, int(min(strength, 0.999) · steps) + 1 are run; `exact` makes the schedule longer so that `steps` are run.
    """
    if exact:
        return (int(steps / min(strength, 0.999)) if strength > 0 else 0), steps - 1
    return steps, int(min(strength, 0.999) * steps)


def plan_levels(
    sampler: Sampler,
    schedule: Schedule,
    steps: int,
    model: ModelLevels,
    options: SamplerOptions,
    strength: float | None = None,
    exact: bool = False,
) -> Levels:
    """The noise levels of a run; with `strength`, those of img2img. Raises `RequestError` for what cannot run."""
    total, encode = (steps, None) if strength is None else img2img_steps(steps, strength, exact)
    if total < 1:
        raise RequestError(
            "strength", "With denoising strength 0 there is nothing to do exactly. Raise it, or turn off “Do exactly the steps”."
        )
    if sampler.space == "timestep":
        return _timestep_levels(sampler, total, encode, model, options)
    sigmas = _sigmas(sampler, schedule, total, model, options)
    if encode is not None:
        sigmas = sigmas[max(len(sigmas) - 2 - encode, 0) :]
    return Levels(sigmas, float(sigmas[0]), timestep_space=False)


def _sigmas(sampler: Sampler, schedule: Schedule, steps: int, model: ModelLevels, options: SamplerOptions) -> Tensor:
    if options.sigmas is not None:
        return torch.tensor([*options.sigmas, *([0.0] if options.sigmas[-1] > 0 else [])], dtype=torch.float32)
    if options.timesteps is not None:
        return torch.tensor([*model.sigma(np.array(options.timesteps)), 0.0], dtype=torch.float32)
    discard = options.discard_penultimate or sampler.discard_penultimate
    if schedule.name == AUTOMATIC and sampler.default_schedule != AUTOMATIC:
        from webui.samplers.catalog import get_schedule

        schedule = get_schedule(sampler.default_schedule)
    values = {"sigma_min": options.sigma_min, "sigma_max": options.sigma_max, "rho": options.rho}
    sigmas = compute(schedule.function, steps + 1 if discard else steps, model, **values)
    return torch.cat([sigmas[:-2], sigmas[-1:]]) if discard else sigmas


def _timestep_levels(sampler: Sampler, steps: int, encode: int | None, model: ModelLevels, options: SamplerOptions) -> Levels:
    """DDIM's and PLMS's timesteps 1 + k · (1000 // steps), ending at timestep 0; UniPC's are even from the last to the first."""
    count = len(model.sigmas)
    times = np.clip(np.arange(0, count, max(count // min(steps, count), 1)) + 1, 0, count - 1)
    start = len(times) - 1 if encode is None else min(encode, len(times) - 1)
    run = times[: start + 1] if encode is None else times[: max(start, 1)]
    if sampler.name == "UniPC":
        return _unipc_levels(
            len(run), float(run[-1]) if encode is not None else float(count - 1), model, options, float(model.sigmas[times[start]])
        )
    sigmas = np.append(model.sigmas[run[::-1]], model.sigmas[0])
    return Levels(torch.tensor(sigmas, dtype=torch.float32), float(model.sigmas[times[start]]), timestep_space=True)


def _unipc_levels(steps: int, top: float, model: ModelLevels, options: SamplerOptions, start: float) -> Levels:
    ramp = np.linspace(0, 1, steps + 1)
    if options.unipc_skip == "time_quadratic":
        times = (np.sqrt(top + 1) + ramp * (1 - np.sqrt(top + 1))) ** 2 - 1
    elif options.unipc_skip == "logSNR":
        times = model.time(np.exp(np.log(model.sigma(top)) + ramp * (np.log(model.low) - np.log(model.sigma(top)))))
    else:
        times = top * (1 - ramp)
    sigmas = torch.tensor(model.sigma(times), dtype=torch.float32)
    return Levels(sigmas, start if top < len(model.sigmas) - 1 else float(sigmas[0]), timestep_space=True)


def sampler_options(sampler: Sampler, options: SamplerOptions) -> dict[str, Any]:
    """The knobs that reach this sampler, by its function's names; what it does not read is left out, as A1111 does."""
    chosen: dict[str, Any] = {}
    for knob in sampler.knobs:
        value = getattr(options, knob)
        if value is not None:
            chosen[KNOBS[knob]] = value
    if "eta" in sampler.knobs and "eta" not in chosen and sampler.default_eta is not None:
        chosen["eta"] = sampler.default_eta
    return chosen
