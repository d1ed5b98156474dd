"""Noise schedules: from a number of steps to falling noise levels. Labels, sources and aliases are in the catalog."""

import inspect
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from numbers import Integral
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from webui.errors import RequestError
from webui.samplers.catalog import get_schedule

Floats = npt.NDArray[np.float64]

MAX_STEPS = 100_000
"""More than any picture takes; "do exactly the steps" makes long schedules of which only the end is run."""
FAMILIES_XL = ("sdxl", "sdxl-refiner")


@dataclass(frozen=True)
class DiscreteSchedule:
    """A model's own noise levels, rising, one per training timestep (float64), and its family's name."""

    sigmas: Floats
    family: str = "sd1"

    @property
    def low(self) -> float:
        return float(self.sigmas[0])

    @property
    def high(self) -> float:
        return float(self.sigmas[-1])

    @cached_property
    def logs(self) -> Tensor:
        """Log sigma per training timestep, rounded to float32."""
        return torch.tensor(np.log(self.sigmas), dtype=torch.float32)

    def sigma(self, time: float | Floats) -> Floats:
        """Noise level at a fractional timestep, straight in log sigma between two.

        In float32 from float32 logs, as in k-diffusion and Forge: which timestep is nearest to a level half-way between two
        is decided by the last digit.
        """
        times = torch.as_tensor(time, dtype=torch.float32).clamp(0, len(self.logs) - 1)
        share = times.frac()
        logs = (1 - share) * self.logs[times.floor().long()] + share * self.logs[times.ceil().long()]
        return np.asarray(logs.exp().double().numpy())

    def time(self, sigma: float | Floats) -> Floats:
        """Fractional timestep of a noise level, straight in log sigma between two."""
        return np.asarray(np.interp(np.log(np.maximum(sigma, 1e-10)), np.log(self.sigmas), np.arange(len(self.sigmas))))


def discrete_schedule(alphas_cumprod: Tensor | Floats, family: str = "sd1") -> DiscreteSchedule:
    """A model's noise levels from its alpha-bars: sqrt((1 - a) / a)."""
    alphas = np.asarray(alphas_cumprod, np.float64)
    return DiscreteSchedule(np.sqrt((1 - alphas) / alphas), family)


DIFFUSION_FAMILIES = ("sd1", "sd2", *FAMILIES_XL)
FLOW_SHIFTS = {"sd3": 3.0, "flux": math.exp(1.15), "flux-schnell": 1.0}
"""Rectified-flow families and how far their published schedules are shifted towards noise (Esser et al. 2024, section 5.3.2)."""


def model_levels(family: str = "sd1") -> DiscreteSchedule:
    """A family's own levels. SD 1, SD 2 and SDXL: 1000 steps, sqrt(beta) even from sqrt(0.00085) to sqrt(0.012) (Rombach et al. 2022)."""
    if not isinstance(family, str) or family not in (*DIFFUSION_FAMILIES, *FLOW_SHIFTS):
        known = ", ".join((*DIFFUSION_FAMILIES, *FLOW_SHIFTS))
        raise RequestError("family", f"There is no model family {_short(family)} with noise levels of its own. There are: {known}.")
    return _model_levels(family)


@lru_cache
def _model_levels(family: str) -> DiscreteSchedule:
    if family in FLOW_SHIFTS:
        shift, time = FLOW_SHIFTS[family], np.arange(1, 1001) / 1000
        return DiscreteSchedule(shift * time / (1 + (shift - 1) * time), family)
    betas = np.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2
    return discrete_schedule(np.cumprod(1 - betas), family)


def get_sigmas(
    schedule: str,
    steps: int,
    family: str = "sd1",
    levels: DiscreteSchedule | None = None,
    sigmas: Sequence[float] | None = None,
    timesteps: Sequence[float] | None = None,
    **options: Any,
) -> Tensor:
    """Noise levels by a schedule's label: float32, falling. Raises `RequestError` for an unknown label, impossible steps and rising levels.

    `levels`: a model's own levels instead of its family's. `sigmas` or `timesteps`: the user's own list, which replaces the schedule.
    `options`: sigma_min, sigma_max, rho … where the schedule takes them; others are ignored, as A1111 does.
    """
    model = levels or model_levels(family)
    own = custom_levels(model, sigmas, timesteps)
    return compute(get_schedule(schedule).function, steps, model, **options) if own is None else own


def custom_levels(model: DiscreteSchedule, sigmas: Sequence[float] | None, timesteps: Sequence[float] | None) -> Tensor | None:
    """The user's own levels, ending in 0; None when there are none. Raises `RequestError` for a list that does not fall."""
    if sigmas is not None:
        values = _falling("sigmas", sigmas)
        return torch.tensor(values if values[-1] == 0 else [*values, 0.0], dtype=torch.float32)
    if timesteps is None:
        return None
    times = _falling("timesteps", timesteps)
    if times[0] > len(model.sigmas) - 1:
        raise RequestError(
            "sampler_options.timesteps", f"Custom timesteps go from {len(model.sigmas) - 1} down to 0; {times[0]:g} is above."
        )
    return torch.tensor([*model.sigma(np.array(times)), 0.0], dtype=torch.float32)


def _falling(kind: str, values: Sequence[float]) -> list[float]:
    """The list as floats, when it falls and does not go below zero."""
    field = f"sampler_options.{kind}"
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise RequestError(field, f"Custom {kind} are a list of numbers; this is {_short(values)}.")
    numbers = [_number(value) for value in values]
    rises = any(not a > b for a, b in zip(numbers, numbers[1:], strict=False))
    if not numbers or rises or not all(map(math.isfinite, numbers)) or numbers[-1] < 0 or numbers == [0.0]:
        said = f"Custom {kind} must fall from the noisiest to the last and not go below 0. These do not: {_short(values)}."
        raise RequestError(field, said)
    return numbers


def _number(value: Any) -> float:
    """A number; NaN for anything else."""
    try:
        return math.nan if isinstance(value, str | bytes | bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        return math.nan


def _short(value: Any) -> str:
    said = repr(value)
    return said if len(said) <= 80 else f"{said[:79]}…"


def compute(function: Callable[..., Any], steps: int, levels: DiscreteSchedule, **options: Any) -> Tensor:
    """Run one schedule's function with the options it takes and check what comes out."""
    if isinstance(steps, bool) or not isinstance(steps, Integral) or not 1 <= steps <= MAX_STEPS:
        raise RequestError("steps", f"Sampling steps must be at least 1, a whole number and at most {MAX_STEPS}; this is {_short(steps)}.")
    taken = inspect.signature(function).parameters
    given = {name: value for name, value in options.items() if name in taken and value is not None}
    chosen = {name: _option(name, value) for name, value in given.items()}
    try:
        with np.errstate(all="ignore"):
            listed = np.asarray(function(levels, int(steps), **chosen)).astype(np.float32).tolist()
    except (ArithmeticError, ValueError):
        listed = []
    if len(listed) < 2 or any(not a > b for a, b in zip(listed, listed[1:], strict=False)) or listed[-1] < 0 or math.isinf(listed[0]):
        raise RequestError(
            "schedule", "This schedule does not fall from noise to picture with these options. Take another, or leave its options empty."
        )
    return torch.tensor(listed, dtype=torch.float32)


def _option(name: str, value: Any) -> float:
    """A schedule's option: only Laplace's centre may be below zero."""
    number, low = _number(value), -math.inf if name == "mu" else 0
    if not math.isfinite(number) or number < low:
        rule = "a number" if name == "mu" else "a number, not below 0"
        raise RequestError(f"sampler_options.{name}", f"{name} must be {rule}; this is {_short(value)}.")
    return number


def _ended(values: Floats | list[float]) -> Floats:
    return np.append(np.asarray(values, np.float64), 0.0)


def uniform(levels: DiscreteSchedule, steps: int) -> Floats:
    """The training timesteps, evenly from the last to the first."""
    return _ended(levels.sigma(_even(len(levels.sigmas) - 1, 0, steps)))


def _even(first: float, last: float, count: int) -> Floats:
    """Even times in float32, as torch divides the way."""
    return np.asarray(torch.linspace(first, last, count).double().numpy())


def karras(
    levels: DiscreteSchedule, steps: int, sigma_min: float | None = None, sigma_max: float | None = None, rho: float = 7.0
) -> Floats:
    """Karras et al. 2022, equation 5. This one and the next two in float32, as in k-diffusion: a Brownian path knows the last digit."""
    low, high = sigma_min or levels.low, sigma_max or levels.high
    top, bottom = high ** (1 / rho), low ** (1 / rho)
    return _ended(((top + torch.linspace(0, 1, steps) * (bottom - top)) ** rho).double().numpy())


def exponential(levels: DiscreteSchedule, steps: int, sigma_min: float | None = None, sigma_max: float | None = None) -> Floats:
    """Evenly in log sigma."""
    ramp = torch.linspace(math.log(sigma_max or levels.high), math.log(sigma_min or levels.low), steps)
    return _ended(ramp.exp().double().numpy())


def polyexponential(
    levels: DiscreteSchedule, steps: int, sigma_min: float | None = None, sigma_max: float | None = None, rho: float = 1.0
) -> Floats:
    """A power `rho` of even steps in log sigma."""
    low, high = math.log(sigma_min or levels.low), math.log(sigma_max or levels.high)
    return _ended((torch.linspace(1, 0, steps) ** rho * (high - low) + low).exp().double().numpy())


def _times(levels: DiscreteSchedule, count: int, sigma_min: float | None, sigma_max: float | None) -> Floats:
    """Timesteps, evenly from that of the highest level to that of the lowest: the training timesteps nearest to them, as in Forge."""
    first, last = (float(np.round(levels.time(level))) for level in (sigma_max or levels.high, sigma_min or levels.low))
    return _even(first, last, count)


def normal(levels: DiscreteSchedule, steps: int, sigma_min: float | None = None, sigma_max: float | None = None) -> Floats:
    """Evenly in time from the highest to the lowest level."""
    return _ended(levels.sigma(_times(levels, steps, sigma_min, sigma_max)))


def sgm_uniform(levels: DiscreteSchedule, steps: int, sigma_min: float | None = None, sigma_max: float | None = None) -> Floats:
    """Evenly in time with one step more, the lowest level left out."""
    return _ended(levels.sigma(_times(levels, steps + 1, sigma_min, sigma_max))[:-1])


def simple(levels: DiscreteSchedule, steps: int) -> Floats:
    """Every (1000 / steps)-th training timestep from the top."""
    count = len(levels.sigmas)
    return _ended([levels.sigmas[count - 1 - int(i * count / steps)] for i in range(steps)])


def ddim(levels: DiscreteSchedule, steps: int) -> Floats:
    """DDIM's timesteps 1, 1 + stride, …; there may be one more than asked for."""
    stride = max(len(levels.sigmas) // steps, 1)
    return _ended(levels.sigmas[1::stride][::-1])


def turbo(levels: DiscreteSchedule, steps: int) -> Floats:
    """SDXL Turbo: timesteps i · 1000 / steps - 1."""
    times = np.round(np.arange(1, steps + 1)[::-1] * (len(levels.sigmas) / steps) - 1).astype(int)
    return _ended(levels.sigmas[np.clip(times, 0, len(levels.sigmas) - 1)])


def beta(
    levels: DiscreteSchedule,
    steps: int,
    sigma_min: float | None = None,
    sigma_max: float | None = None,
    alpha: float = 0.6,
    beta: float = 0.6,
) -> Floats:
    """Quantiles of a Beta distribution, which crowd at both ends, stretched over the levels (Lee et al. 2024)."""
    low, high = sigma_min or levels.low, sigma_max or levels.high
    return _ended(low + beta_quantiles(1 - np.linspace(0, 1, steps), alpha, beta) * (high - low))


def beta_quantiles(share: Floats, a: float, b: float) -> Floats:
    """Where a Beta(a, b) distribution has that share below it: halving, to the last bit of a float64."""
    low, high = np.zeros_like(share), np.ones_like(share)
    for _ in range(60):
        middle = (low + high) / 2
        below = _beta_share(middle, a, b) < share
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return np.where(share <= 0, 0.0, np.where(share >= 1, 1.0, (low + high) / 2))


def _beta_share(x: Floats, a: float, b: float) -> Floats:
    """The regularised incomplete beta function, by its continued fraction (DLMF 8.17.22) on the side where that converges fast."""
    swap = x > (a + 1) / (a + b + 2)
    x, first, second = np.where(swap, 1 - x, x), np.where(swap, b, a), np.where(swap, a, b)
    total = np.ones_like(x)
    for m in range(40, -1, -1):
        even = (m + 1) * (second - m - 1) * x / ((first + 2 * m + 1) * (first + 2 * m + 2))
        odd = -(first + m) * (first + second + m) * x / ((first + 2 * m) * (first + 2 * m + 1))
        total = 1 + odd / (1 + even / total)
    factor = np.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + first * np.log(np.maximum(x, 1e-300)) + second * np.log1p(-x))
    share = factor / (first * total)
    return np.asarray(np.where(swap, 1 - share, share))


def kl_optimal(levels: DiscreteSchedule, steps: int, sigma_min: float | None = None, sigma_max: float | None = None) -> Floats:
    """Even in the arctangent of sigma (Sabour et al. 2024, theorem 3.1); ends at the lowest level, not at 0."""
    ramp = np.linspace(0, 1, steps + 1)
    return np.tan(ramp * math.atan(sigma_min or levels.low) + (1 - ramp) * math.atan(sigma_max or levels.high))


def linear_quadratic(levels: DiscreteSchedule, steps: int, threshold: float = 0.025) -> Floats:
    """Half of the steps even and tiny up to `threshold` of the way, the others quadratic to the end (Movie Gen, section 3.4.2)."""
    if steps == 1:
        return np.array([levels.high, 0.0])
    even = steps // 2
    rest = steps - even
    gap = even - threshold * steps
    curve, slope = gap / (even * rest**2), threshold / even - 2 * gap / rest**2
    part = [i * threshold / even for i in range(even)] + [curve * i**2 + slope * i + curve * even**2 for i in range(even, steps)]
    return (1 - np.array([*part, 1.0])) * levels.high


def laplace(
    levels: DiscreteSchedule, steps: int, sigma_min: float | None = None, sigma_max: float | None = None, mu: float = 0.0, beta: float = 0.5
) -> Floats:
    """Log sigma at the quantiles of a Laplace distribution (Hang & Gu 2024, table 1), cut to the model's levels without repeating any."""
    x = np.linspace(0, 1, steps)
    quantiles = mu - beta * np.sign(0.5 - x) * np.log(1 - 2 * np.abs(0.5 - x) + 1e-5)
    clipped = np.clip(np.exp(quantiles), sigma_min or levels.low, sigma_max or levels.high)
    return _ended(np.unique(np.float32(clipped))[::-1].astype(np.float64))


_AYS = {
    False: (14.615, 6.475, 3.861, 2.697, 1.886, 1.396, 0.963, 0.652, 0.399, 0.152, 0.029),
    True: (14.615, 6.315, 3.771, 2.181, 1.342, 0.862, 0.555, 0.380, 0.234, 0.113, 0.029),
}
_GITS = {
    False: (14.615, 4.617, 2.507, 1.236, 0.702, 0.402, 0.240, 0.156, 0.104, 0.094, 0.029),
    True: (14.615, 4.734, 2.567, 1.529, 0.987, 0.652, 0.418, 0.268, 0.179, 0.127, 0.029),
}
_AYS_32 = {
    False: (
        14.615, 11.23951352, 8.64363081, 6.64729424, 5.57250862, 4.71648546, 3.99196065, 3.5195609, 3.13490466, 2.79228788,
        2.48773628, 2.21663865, 1.97508351, 1.7793172, 1.61475335, 1.46540953, 1.314849, 1.16642497, 1.03475547, 0.91573744,
        0.80748169, 0.71202361, 0.621739, 0.53065202, 0.4529096, 0.37491455, 0.27461819, 0.2011529, 0.14105873, 0.06682881,
        0.03166121, 0.015,
    ),
    True: (
        14.615, 11.1491618, 8.50522127, 6.48827151, 5.43707402, 4.60398619, 3.89854704, 3.27407457, 2.74396527, 2.29968659,
        1.95448514, 1.67108715, 1.42878152, 1.23181009, 1.06789649, 0.92579443, 0.80290886, 0.69660121, 0.60436903, 0.52852552,
        0.46773344, 0.41393379, 0.36258186, 0.31008517, 0.26518925, 0.22326461, 0.17653877, 0.13959192, 0.10587381, 0.05519369,
        0.02877334, 0.015,
    ),
}  # fmt: skip


def _published(table: Mapping[bool, tuple[float, ...]], levels: DiscreteSchedule, steps: int) -> Floats:
    """Published levels, log-linearly resampled when another number is asked for; a single step is the lowest."""
    known = np.array(table[levels.family in FAMILIES_XL])
    if steps == len(known):
        return _ended(known)
    logs = np.interp(np.linspace(0, 1, steps), np.linspace(0, 1, len(known)), np.log(known[::-1]))
    return _ended(np.exp(logs)[::-1])


def align_your_steps(levels: DiscreteSchedule, steps: int) -> Floats:
    """Published for 10 steps by NVIDIA (Sabour et al. 2024)."""
    return _published(_AYS, levels, steps)


def align_your_steps_gits(levels: DiscreteSchedule, steps: int) -> Floats:
    """GITS's levels in the same form (Chen et al. 2024)."""
    return _published(_GITS, levels, steps)


def align_your_steps_32(levels: DiscreteSchedule, steps: int) -> Floats:
    """The 32-step table."""
    return _published(_AYS_32, levels, steps)
