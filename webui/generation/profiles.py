"""Compatibility profiles: whose program a request's seed gives the image of, and all that differs by it.

The "diffusers" profile restates the noise levels that diffusers' schedulers choose for Stable Diffusion in sigma terms. The published
configuration of Stable Diffusion 1.5 says only an offset of 1; the rest is each scheduler's own default, as for everybody who makes
one by `from_config`. Measured against diffusers 0.42 in `tests/generation/test_diffusers.py`: Euler, Euler a, DPM++ 2M, DDIM; the
others by kinship. What diffusers draws from an image's generator, in order: the start image's latents, the start noise, with a mask
the masked image's latents, then what samplers add.
"""

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from webui.core.request import Fill, ProfileName, ResolvedRequest, SamplerOptions
from webui.generation.tensors import mask_tensor
from webui.images.pixels import latent_mask
from webui.samplers.catalog import Sampler, Schedule
from webui.samplers.noise import ImageNoise
from webui.samplers.planning import SigmaPlan, plan_levels
from webui.samplers.schedules import DiscreteSchedule

FRACTIONAL = ("Euler", "Euler a", "Heun", "LMS", "DPM2", "DPM2 a")
"""Samplers whose diffusers counterparts accept fractional timesteps and start from noise of the first level's size."""

Draw = Callable[[], Tensor]
"""Returns the next noise of the whole batch."""


@dataclass(frozen=True)
class LevelInputs:
    """What a run's noise levels are chosen by; `strength` is img2img's, None without a start image."""

    sampler: Sampler
    schedule: Schedule
    steps: int
    table: DiscreteSchedule
    options: SamplerOptions
    strength: float | None = None
    exact: bool = False


class Profile:
    """AUTOMATIC1111's rules; other profiles override what their program does otherwise."""

    name: ProfileName = "a1111"
    plain_prompts = False
    """Whether brackets are plain text and a prompt is cut off after 77 tokens."""
    lays_over = True
    """Whether the part of the start image that stays is laid over the result."""

    def adapt(self, request: ResolvedRequest) -> ResolvedRequest:
        """Return the request without what the program does not have."""
        return request

    def levels(self, inputs: LevelInputs) -> SigmaPlan:
        """Return the noise levels of a run. Raises `RequestError` for what cannot run."""
        return plan_levels(inputs.sampler, inputs.schedule, inputs.steps, inputs.table, inputs.options, inputs.strength, inputs.exact)

    def start_noise(self, noise: ImageNoise, *, masked: bool, from_image: bool) -> Tensor:
        """Return the batch's start noise [n, c, h, w], drawn in the program's order."""
        return noise.next()

    def source_noise(self, noise: Draw) -> Tensor | None:
        """Return what the start image's latents are drawn with; None where the middle of their distribution is taken."""
        return None

    def ignores_start(self, *, masked: bool, strength: float) -> bool:
        """Whether the run begins with noise alone although there is a start image."""
        return False

    def noise_around(self, second: Draw, first: Tensor, unit: Tensor) -> Draw:
        """Return the noise of the unmasked part. `first` is that which the run starts with, `unit` the start noise."""
        return second

    def quantizes(self, sampler: Sampler) -> bool:
        """Whether the network is called at whole timesteps only."""
        return True

    def blends_by_noise(self, sampler: Sampler) -> bool:
        """Whether a masked run goes on with the noise found in what the model saw."""
        return sampler.space == "timestep"

    def mask_grid(self, mask: Image.Image, like: Tensor, *, rounded: bool) -> Tensor:
        """Return the mask [1, 1, h, w] on the latents' grid."""
        grid = latent_mask(mask, like.shape[-1], like.shape[-2], rounded)
        return torch.from_numpy(np.ascontiguousarray(grid)).to(like)[None, None]

    def quantized(self, values: np.ndarray) -> np.ndarray:
        """Return the values 0…255 of a decoded image as bytes: the fraction is cut off."""
        return values.astype(np.uint8)


class DiffusersProfile(Profile):
    """The image that diffusers makes with the same seed."""

    name = "diffusers"
    plain_prompts = True
    lays_over = False

    def adapt(self, request: ResolvedRequest) -> ResolvedRequest:
        """diffusers softens no masks and fills nothing in."""
        return request.model_copy(
            update={
                "mask_blur": 0,
                "mask_round": True,
                "fill": Fill.ORIGINAL,
                "soft_inpaint": None,
                "color_correction": False,
                "noise_multiplier": 1.0,
                "extra_noise": 0.0,
                "variation_strength": 0.0,
                "seed_resize_width": 0,
                "seed_resize_height": 0,
            }
        )

    def levels(self, inputs: LevelInputs) -> SigmaPlan:
        """Levels as diffusers' schedulers space them; the user's own where there are any."""
        if inputs.options.sigmas is not None or inputs.options.timesteps is not None:
            return super().levels(inputs)
        sampler, table = inputs.sampler, inputs.table
        sigmas = _spaced(sampler, inputs.schedule, inputs.steps, table)
        if inputs.strength is not None and not inputs.exact:
            sigmas = sigmas[min(inputs.steps - int(inputs.steps * inputs.strength), inputs.steps - 1) :]
        calls = len(sigmas) * sampler.calls
        if sampler.space == "timestep":
            return SigmaPlan(_tensor(sigmas, table.low), float(sigmas[0]), timestep_space=True, counted=calls)
        ends = float(sigmas[-1]), float(sigmas[0])
        return SigmaPlan(_tensor(sigmas, 0.0), ends[1], noise_range=ends, sgm_noise=sampler.name not in FRACTIONAL, counted=calls)

    def start_noise(self, noise: ImageNoise, *, masked: bool, from_image: bool) -> Tensor:
        """The start image's latents were drawn before it, a masked image's are after it."""
        if not from_image:
            return noise.next()
        noise.next()
        unit = noise.next()
        if masked:
            noise.next()
        return unit

    def source_noise(self, noise: Draw) -> Tensor | None:
        """The first noise of each image's generator."""
        return noise()

    def ignores_start(self, *, masked: bool, strength: float) -> bool:
        """At full strength under a mask."""
        return masked and strength == 1

    def noise_around(self, second: Draw, first: Tensor, unit: Tensor) -> Draw:
        """The start noise at each call but the first, which sees what the sampler starts from."""
        noises = itertools.chain([first], itertools.repeat(unit))
        return lambda: next(noises)

    def quantizes(self, sampler: Sampler) -> bool:
        """Not with samplers that take fractional timesteps."""
        return sampler.name not in FRACTIONAL

    def blends_by_noise(self, sampler: Sampler) -> bool:
        """Never."""
        return False

    def mask_grid(self, mask: Image.Image, like: Tensor, *, rounded: bool) -> Tensor:
        """The nearest pixel's."""
        return torch.nn.functional.interpolate(mask_tensor(mask, rounded=True), size=like.shape[-2:]).to(like)

    def quantized(self, values: np.ndarray) -> np.ndarray:
        """Rounded."""
        return super().quantized(np.rint(values))


A1111 = Profile()
PROFILES: Mapping[str, Profile] = MappingProxyType({profile.name: profile for profile in (A1111, DiffusersProfile())})


def profile_of(request: ResolvedRequest) -> Profile:
    """Return the profile that a request asks for."""
    return PROFILES[request.profile]


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
