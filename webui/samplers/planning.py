"""How A1111 and Forge run a sampler: which levels, which start, which part of them for img2img, which options.

The engine asks here and knows no sampler by name. Rules: `docs/samplers.md`.
"""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from webui.core.request import SamplerOptions
from webui.errors import RequestError
from webui.samplers.catalog import AUTOMATIC, Sampler, Schedule, get_schedule
from webui.samplers.process import VARIANCE_EXPLODING, NoiseProcess
from webui.samplers.schedules import MAX_STEPS, DiscreteSchedule, compute, custom_levels

OPTION_ARGUMENTS = {
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
"""The request's sampler options by the names that sampler functions give them."""


@dataclass(frozen=True)
class SigmaPlan:
    """The noise levels of a run, and what is done to x before and after.

    `sigmas` are what the sampler gets. `noise_range` is the lowest (above zero) and highest level of the whole schedule, also when
    img2img runs its tail only: the range of a Brownian path. `start` is the level of the start noise. `options` go to the function
    besides `sampler_options`. `counted` is how many model calls A1111 takes the run for ("Ignore negative prompt during early
    sampling").
    """

    sigmas: Tensor
    start: float
    timestep_space: bool = False
    noise_range: tuple[float, float] = (0.0, 0.0)
    sgm_noise: bool = False
    options: dict[str, Any] = field(default_factory=dict)
    counted: int = 1
    process: NoiseProcess = VARIANCE_EXPLODING

    @property
    def noise_scale(self) -> float:
        """What unit noise is multiplied with when there is no start picture."""
        whole = self.process.kind == "ve" and (self.timestep_space or self.sgm_noise)
        return float((1 + self.start**2) ** 0.5) if whole else self.start

    @property
    def input_scale(self) -> float:
        """What start picture plus noise is multiplied with: DDPM's x at `start` is handed over as if it were at the first level."""
        return float(((1 + float(self.sigmas[0]) ** 2) / (1 + self.start**2)) ** 0.5) if self.timestep_space else 1.0

    @property
    def end_scale(self) -> float:
        """What the last x is multiplied with: DDPM's samplers end at a low training timestep, not at zero noise."""
        return float((1 + float(self.sigmas[-1]) ** 2) ** -0.5) if self.timestep_space else 1.0

    def begin(self, noise: Tensor, latent: Tensor | None = None) -> Tensor:
        """The x that the sampler starts from: unit noise alone, or with the start picture's latent."""
        if latent is None:
            return noise * self.noise_scale
        return self.process.add_noise(latent, noise, self.start) * self.input_scale

    def finish(self, x: Tensor) -> Tensor:
        """The latent to decode, from the sampler's last x."""
        return x * self.end_scale


def img2img_steps(steps: int, strength: float, exact: bool) -> tuple[int, int]:
    """(steps the schedule is made for, A1111's `t_enc`: how many more than one are run) for a denoising strength.

    Of `steps`, int(min(strength, 0.999) · steps) + 1 are run; `exact` makes the schedule longer so that `steps` are run.
    """
    if exact:
        return (int(steps / min(strength, 0.999)) if strength > 0 else 0), steps - 1
    return steps, int(min(strength, 0.999) * steps)


def plan_levels(
    sampler: Sampler,
    schedule: Schedule,
    steps: int,
    model: DiscreteSchedule,
    options: SamplerOptions,
    strength: float | None = None,
    exact: bool = False,
) -> SigmaPlan:
    """The noise levels of a run; with `strength`, those of img2img. Raises `RequestError` for what cannot run.

    The user's own levels (`options.sigmas`, `options.timesteps`) take the place of schedule and steps; img2img runs its share of them.
    """
    own = custom_levels(model, options.sigmas, options.timesteps)
    if own is not None:
        steps, exact = len(own) - 1, False
    total, encode = (steps, None) if strength is None else img2img_steps(steps, strength, exact)
    if total < 1:
        raise RequestError(
            "strength", "With denoising strength 0 there is nothing to do exactly. Raise it, or turn off “Do exactly the steps”."
        )
    if total > MAX_STEPS:
        raise RequestError(
            "strength", f"To do exactly {steps} steps at this denoising strength takes a schedule of {total}, which is too long. Raise it."
        )
    if own is None and sampler.space == "timestep":
        plan = _timestep_levels(sampler, total + options.discard_penultimate, encode, model, options)
    else:
        sigmas = _scheduled(sampler, schedule, total, model, options) if own is None else own
        part = sigmas if encode is None else sigmas[max(total - encode - 1, 0) :]
        above = [level for level in sigmas.tolist() if level > 0]
        span = min(above), max(above)
        plan = SigmaPlan(part, float(part[0]), sampler.space == "timestep", span, options.sgm_noise_multiplier)
        if own is None and encode is None and sampler.whole_range:
            plan = replace(plan, sigmas=_whole_range(20 if sampler.adaptive else total, model))
    return replace(plan, counted=(total if encode is None else encode + 1) * sampler.calls)


def _whole_range(steps: int, model: DiscreteSchedule) -> Tensor:
    """DPM fast and DPM adaptive go by themselves from the model's highest level to its lowest; the start noise alone is the schedule's."""
    if steps < 2:
        return torch.tensor([model.high, 0.0])
    return torch.tensor([*np.geomspace(model.high, model.low, steps), 0.0], dtype=torch.float32)


def _scheduled(sampler: Sampler, schedule: Schedule, steps: int, model: DiscreteSchedule, options: SamplerOptions) -> Tensor:
    discard = options.discard_penultimate or sampler.discard_penultimate
    if schedule.name == AUTOMATIC and sampler.default_schedule != AUTOMATIC:
        schedule = get_schedule(sampler.default_schedule)
    if sampler.stride > 1:
        model = replace(model, sigmas=model.sigmas[sampler.stride - 1 :: sampler.stride])
    values = {"sigma_min": options.sigma_min, "sigma_max": options.sigma_max, "rho": options.rho}
    if schedule.name == "Beta":
        values |= {"alpha": options.beta_alpha, "beta": options.beta_beta}
    sigmas = compute(schedule.function, steps + 1 if discard else steps, model, **values)
    return torch.cat([sigmas[:-2], sigmas[-1:]]) if discard else sigmas


def ddim_timesteps(steps: int, count: int = 1000, discretize: str = "uniform") -> np.ndarray:
    """A1111's timesteps for DDIM, PLMS and UniPC, rising: 1 + k · (1000 // steps). Often one more than asked for.

    "quad" is CompVis's other rule, which A1111 offered up to 1.5: even in the square root up to 0.8 of the way, each timestep once.
    """
    if discretize == "quad":
        roots = np.linspace(0, (count * 0.8) ** 0.5, max(steps, 2))[-steps:]
        return np.unique((roots**2).astype(int)) + 1
    return np.clip(np.arange(0, count, max(count // steps, 1)) + 1, 0, count - 1)


def _timestep_levels(sampler: Sampler, steps: int, encode: int | None, model: DiscreteSchedule, options: SamplerOptions) -> SigmaPlan:
    """A1111's rule: the steps lead from one timestep to the one before; the start noise of img2img is one timestep above the first level.

    Where that rule leaves no step (one step, a very low strength), one step is run down from the level of the start noise.
    """
    count = len(model.sigmas)
    times = ddim_timesteps(min(steps, count), count, "uniform" if sampler.own_times else options.ddim_discretize)
    start = len(times) - 1 if encode is None else min(encode, len(times) - 1)
    run = times if encode is None else times[:start]
    if sampler.own_times:
        top = count - 1.0 if encode is None else float(run[-1] if len(run) else times[0])
        return _unipc_levels(max(len(run), 1), top, model, options, None if encode is None else float(model.sigmas[times[start]]))
    if len(run) < 2:
        run = np.array([times[start - 1] if start else 0, times[start]])
    sigmas = model.sigmas[run[::-1]]
    return SigmaPlan(
        torch.tensor(sigmas, dtype=torch.float32), float(model.sigmas[times[start]]), True, (float(sigmas[-1]), float(sigmas[0]))
    )


def _unipc_levels(steps: int, top: float, model: DiscreteSchedule, options: SamplerOptions, start: float | None) -> SigmaPlan:
    """UniPC's own times, from `top` to 0; it asks the model at the nearest training timesteps, as Forge does."""
    ramp = np.linspace(0, 1, steps + 1)
    if options.unipc_skip == "time_quadratic":
        times = (np.sqrt(top + 1) + ramp * (1 - np.sqrt(top + 1))) ** 2 - 1
    elif options.unipc_skip == "logSNR":
        times = model.time(np.exp(np.log(model.sigma(top)) + ramp * (np.log(model.low) - np.log(model.sigma(top)))))
    else:
        times = top * (1 - ramp)
    sigmas = torch.tensor(_vp_sigma(model, times), dtype=torch.float32)
    asked = torch.tensor(model.sigmas[np.clip(np.round(times), 0, len(model.sigmas) - 1).astype(int)], dtype=torch.float32)
    return SigmaPlan(
        sigmas, float(sigmas[0]) if start is None else start, True, (float(sigmas[-1]), float(sigmas[0])), options={"model_sigmas": asked}
    )


def _vp_sigma(model: DiscreteSchedule, times: np.ndarray) -> np.ndarray:
    """Noise levels at fractional timesteps, straight in log alpha between two, as DPM-Solver's discrete noise schedule has it."""
    log_alpha_bar = np.interp(times, np.arange(len(model.sigmas)), -np.log1p(model.sigmas**2))
    return np.asarray(np.sqrt(np.expm1(-log_alpha_bar)))


def sampler_options(sampler: Sampler, options: SamplerOptions) -> dict[str, Any]:
    """The options that reach this sampler, by its function's names; what it does not read is left out, as A1111 does.

    Raises `RequestError` for a solver type that it does not have.
    """
    chosen: dict[str, Any] = dict(sampler.fixed) | ({} if sampler.default_eta is None else {"eta": sampler.default_eta})
    for option in sampler.option_names:
        value = getattr(options, option)
        if value is not None:
            chosen[OPTION_ARGUMENTS[option]] = value
    solver = chosen.get("solver_type")
    if solver and sampler.solvers and solver not in sampler.solvers:
        known = " and ".join(sampler.solvers)
        raise RequestError("sampler_options.solver_type", f"{sampler.name} has no solver type {solver!r}. There are {known}.")
    if chosen.get("s_tmax") == 0:
        del chosen["s_tmax"]
    return chosen
