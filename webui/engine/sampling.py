"""One pass of one batch through a sampler: start noise, levels, the denoiser with its wrappers, progress, and bad numbers."""

import inspect
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from webui.core.request import GenerationRequest
from webui.engine.batching import Batch
from webui.engine.conditioning import Encoded
from webui.engine.guided import Guidance, GuidedDenoiser
from webui.engine.inpaint import Masked, hard_blend
from webui.engine.profiles import FRACTIONAL, is_diffusers, levels_for
from webui.engine.soft import SoftBlend
from webui.engine.telling import Phase, Teller
from webui.engine.turns import DIRECT, Call, Turns
from webui.engine.watching import Watcher
from webui.errors import NumericalError
from webui.pipelines.conditioning import Conditioning
from webui.pipelines.model import Model
from webui.samplers.catalog import Sampler, Schedule
from webui.samplers.denoiser import Denoiser, DenoiserWrapper, Guided, fold
from webui.samplers.noise import BrownianNoise, ImageNoise, generator
from webui.samplers.planning import Levels, sampler_options
from webui.samplers.schedules import levels_of

Draw = Callable[[], Tensor]
"""Gives the next noise of the whole batch."""


@dataclass(frozen=True)
class Pass:
    """What one pass is about. `start` are clean latents to begin from (None: nothing but noise), `mask` is 1 where they may change."""

    phase: Phase
    request: GenerationRequest
    sampler: Sampler
    schedule: Schedule
    encoded: Encoded
    shape: tuple[int, int, int]
    start: Tensor | None = None
    mask: Tensor | None = None
    concat: Tensor | None = None
    wrappers: tuple[DenoiserWrapper, ...] = ()

    @property
    def steps(self) -> int:
        """Steps asked for."""
        return self.request.steps or 1


def prompt_calls(sampler: Sampler, steps: int) -> int:
    """Model calls that prompt editing counts with, as A1111 does."""
    return steps * sampler.calls


def plan(work: Pass, model: Model) -> Levels:
    """The levels this pass runs through."""
    request = work.request
    strength = None if work.start is None else request.strength
    levels = levels_of(model.alphas_cumprod, model.family)
    return levels_for(
        request.profile, work.sampler, work.schedule, work.steps, levels, request.sampler_options, strength, request.exact_steps
    )


def sample(work: Pass, batch: Batch, model: Model, tell: Teller, watcher: Watcher, turns: Turns = DIRECT) -> Tensor:
    """Latents of the batch after this pass. Raises `NumericalError` at the first step with NaN or Inf."""
    request, levels = work.request, plan(work, model)
    noise, second = image_noise(work, batch, model), second_stream(work, batch, model)
    unit = start_noise(work, noise).to(model.device)
    x = begin(work, levels, unit)
    around = second if work.start is None or not is_diffusers(request) else same_noise((x - work.start) / levels.sigmas[0].to(x), unit)
    steps = Steps(work.phase, len(levels.sigmas) - 1, tell, watcher, on_device=model.device.type != "cpu")
    steps.tell_now()
    extra: dict[str, Any] = {}
    denoiser = build_denoiser(work, around, model, levels, extra, steps, turns)
    options = sampler_options(work.sampler, request.sampler_options) | levels.knobs | noise_option(work, batch, levels, noise, second, x)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(batch.seeds[0] % 2**63)  # for a community sampler that draws from torch itself
        result: Tensor = work.sampler.function(denoiser, x, levels.sigmas, extra_args=extra, callback=steps.step, disable=True, **options)
    steps.check()
    result = levels.finish(result)
    if work.mask is not None and work.start is not None and request.soft_inpaint is None:
        result = hard_blend(result, work.start, work.mask, levels.sigmas)
    return result


def image_noise(work: Pass, batch: Batch, model: Model) -> ImageNoise:
    """The noise streams of a batch, one per picture."""
    request = work.request
    resize = (request.seed_resize_height // model.downscale, request.seed_resize_width // model.downscale)
    return ImageNoise(
        batch.seeds,
        work.shape,
        request.noise_source,
        device=str(model.device),
        variation_seeds=batch.variation_seeds,
        variation_strength=request.variation_strength,
        resize_from=resize if min(resize) > 0 else None,
        ensd=request.sampler_options.ensd,
    )


def start_noise(work: Pass, noise: ImageNoise) -> Tensor:
    """The batch's start noise. In diffusers' profile the start picture's latents were drawn before it, a masked picture's are after it."""
    if not is_diffusers(work.request) or work.start is None or work.phase != "sampling":
        return noise.next()
    noise.next()
    unit = noise.next()
    if work.mask is not None:
        noise.next()
    return unit


def fill_noise(work: Pass, batch: Batch, model: Model) -> list[Tensor]:
    """Each picture's "latent noise" under the mask: that of its seed alone, without variation and seed resize, as A1111 has it."""
    plain = work.request.model_copy(update={"variation_strength": 0.0, "seed_resize_width": 0, "seed_resize_height": 0})
    return list(image_noise(replace(work, request=plain), batch, model).next())


def begin(work: Pass, levels: Levels, unit: Tensor) -> Tensor:
    """What the sampler starts from: noise alone, or the start latents with as much of it as their level asks for."""
    request = work.request
    if work.start is None or (is_diffusers(request) and work.mask is not None and request.strength == 1):
        return levels.begin(unit)
    if work.phase == "sampling":
        unit = unit * request.noise_multiplier
    return levels.begin(unit, work.start + unit * request.extra_noise)


def noise_option(work: Pass, batch: Batch, levels: Levels, noise: ImageNoise, second: Draw, x: Tensor) -> dict[str, Any]:
    """The `noise_sampler` of samplers that take one."""
    if "noise_sampler" not in inspect.signature(work.sampler.function).parameters:
        return {}
    if work.sampler.noise == "second":
        return {"noise_sampler": lambda sigma, sigma_next: second()}
    if work.sampler.noise != "brownian":
        return {"noise_sampler": noise.sampler()}
    return {"noise_sampler": BrownianNoise(x, *levels.noise_range, batch.seeds, work.request.noise_source)}


def build_denoiser(
    work: Pass, around: Draw, model: Model, run: Levels, extra: dict[str, Any], progress: "Steps", turns: Turns = DIRECT
) -> Guided:
    """Network, prediction type, prompts and guidance, the extensions' wrappers, and the mask, from the inside out."""
    request = work.request
    levels = levels_of(model.alphas_cumprod, model.family)
    quantize = not (is_diffusers(request) and work.sampler.name in FRACTIONAL)

    def predict(x: Tensor, timesteps: Tensor, cond: Conditioning, concat: Tensor | None = None) -> Tensor:
        return turns.predict(Call(model, x, timesteps, cond, concat))

    network = Denoiser(predict, levels, model.prediction, quantize=quantize)  # type: ignore[arg-type]
    image = request.image_guidance if model.variant == "ip2p" else None
    scale = (request.guidance or 0.0) * work.sampler.guidance_factor
    guidance = Guidance(scale, request.guidance_options, run.counted, image, work.sampler.needs_uncond)
    guided: Guided = GuidedDenoiser(progress.before(network), work.encoded, guidance, work.concat, extra, progress.called)
    guided = fold(guided, work.wrappers)
    if work.mask is None or work.start is None:
        return guided
    blend = hard_blend if request.soft_inpaint is None else SoftBlend(request.soft_inpaint)
    by_noise = work.sampler.space == "timestep" and not is_diffusers(request)
    return Masked(guided, work.start, work.mask, around, blend, by_noise)


def second_stream(work: Pass, batch: Batch, model: Model) -> Draw:
    """Each picture's second stream, seeded as Forge seeds torch for one picture alone. DDPM and the parts around a mask draw from it.

    Forge takes the whole batch's from one stream, so that a picture there depends on its neighbours; ours does not.
    """
    streams = [generator(work.request.noise_source, (seed + 100_000) % 65_536, str(model.device)) for seed in batch.seeds]
    return lambda: torch.stack([stream.normal(work.shape).to(model.device) for stream in streams])


def same_noise(first: Tensor, unit: Tensor) -> Draw:
    """diffusers' noise around a mask: the start noise at each call but the first, which sees what the sampler starts from."""
    noises = itertools.chain([first], itertools.repeat(unit))
    return lambda: next(noises)


@dataclass
class Steps:
    """Progress of one pass: heard after every model call, and looked through for bad numbers."""

    phase: Phase
    total: int
    tell: Teller
    watcher: Watcher
    on_device: bool
    done: int = 0
    untold: bool = False
    bad: Tensor | None = field(default=None, repr=False)

    def before(self, network: Guided) -> Guided:
        """Tell of a call that no step followed, before the next one begins: so a stop is heard within one call."""

        def call(x: Tensor, sigma: Tensor, **conditioning: Any) -> Tensor:
            if self.untold:
                self.tell_now()
            return network(x, sigma, **conditioning)

        return call

    def called(self) -> None:
        """The model was called."""
        self.untold = True

    def step(self, state: dict[str, Any]) -> None:
        """A sampler's callback."""
        self.done = max(self.done, int(state["i"]) + 1)
        self._inspect(state["denoised"])
        self.watcher.look(state["denoised"])
        self.tell_now()

    def tell_now(self) -> None:
        """Progress; raises `JobCancelled` when the user asked to stop."""
        self.untold = False
        self.tell.step(self.phase, self.done, max(self.total, self.done))

    def check(self) -> None:
        """Raise `NumericalError` with the first step whose result was NaN or Inf. Waits for the device."""
        if self.bad is not None and (step := int(self.bad)) > 0:
            raise NumericalError(f"Sampling gave NaN or Inf at step {step} of {max(self.total, self.done)}.", step)

    def _inspect(self, denoised: Tensor) -> None:
        """Note the first bad step on the device; on a CPU looking costs nothing, so it stops there and then."""
        found = torch.where(torch.isfinite(denoised.sum()), 0, self.done)
        self.bad = found if self.bad is None else torch.where(self.bad > 0, self.bad, found)
        if not self.on_device:
            self.check()
