"""One pass of one batch through a sampler: start noise, levels, the denoiser with its wrappers, progress, and bad numbers."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import product
from typing import Any, Protocol

import torch
from torch import Tensor

from webui.core.request import ResolvedRequest
from webui.errors import NumericalError
from webui.generation.batching import Batch
from webui.generation.cfg import CFGDenoiser
from webui.generation.conditioning import Encoded
from webui.generation.device import INLINE_DEVICE, DeviceAccess, ForwardRequest
from webui.generation.guiders import Guidance, GuidancePart, GuidanceRun, Guide
from webui.generation.inpaint import MaskedDenoiser, hard_blend
from webui.generation.preview import LatentPreviewer
from webui.generation.profiles import Draw, LevelInputs, Profile, profile_of
from webui.generation.refiner import Refine, RefinedDenoiser
from webui.generation.reporter import JobReporter, Phase
from webui.generation.soft_inpaint import SoftBlend
from webui.generation.tiled import tiled
from webui.models.conditioning import Conditioning
from webui.models.model import Model
from webui.plugins.types import Denoiser, DenoiserWrapper
from webui.samplers.catalog import Sampler, Schedule, check_process
from webui.samplers.denoiser import SigmaDenoiser, wrap
from webui.samplers.noise import BrownianNoise, ImageNoise, generator
from webui.samplers.planning import SigmaPlan, sampler_options


class ModelAt(Protocol):
    """Gives the model with the adapters of a step, the first being 1, of so many, and of a place (0: the prompt's)."""

    def __call__(self, step: int, steps: int, place: int = 0) -> Model: ...


MakeParts = Callable[[GuidanceRun], tuple[GuidancePart, ...]]


@dataclass(frozen=True)
class DenoiseInputs:
    """Inputs of one sampler run. `start` is the clean latents to begin from (None: pure noise); `mask` is 1 where they may change."""

    phase: Phase
    request: ResolvedRequest
    sampler: Sampler
    schedule: Schedule
    encoded: Encoded
    shape: tuple[int, int, int]
    start: Tensor | None = None
    mask: Tensor | None = None
    concat: Tensor | None = None
    wrappers: tuple[DenoiserWrapper, ...] = ()
    guide: Guide | None = None
    make_parts: MakeParts | None = None
    parts: tuple[GuidancePart, ...] = ()
    """What `make_parts` gave for the run."""
    refine: Refine | None = None
    model_at: ModelAt | None = None
    """None where the adapters are the same at every step and place."""
    places: int = 1
    """How many sets of adapters there are."""

    @property
    def steps(self) -> int:
        """Steps asked for."""
        return self.request.steps

    @property
    def profile(self) -> Profile:
        """The request's compatibility profile."""
        return profile_of(self.request)


def prompt_calls(sampler: Sampler, steps: int) -> int:
    """Model calls that prompt editing counts with, as A1111 does."""
    return steps * sampler.calls


def plan_sigmas(inputs: DenoiseInputs, model: Model) -> SigmaPlan:
    """The levels this pass runs through."""
    request = inputs.request
    strength = None if inputs.start is None else request.strength
    for entry in (inputs.sampler, inputs.schedule):
        check_process(entry, model.prediction.kind, model.name)
    levels = LevelInputs(
        inputs.sampler, inputs.schedule, inputs.steps, model.prediction.table, request.sampler_options, strength, request.exact_steps
    )
    return replace(inputs.profile.levels(levels), process=model.prediction)


def sample(
    inputs: DenoiseInputs, batch: Batch, model: Model, report: JobReporter, previewer: LatentPreviewer, device: DeviceAccess = INLINE_DEVICE
) -> Tensor:
    """Latents of the batch after this pass. Raises `NumericalError` at the first step with NaN or Inf."""
    request, levels = inputs.request, plan_sigmas(inputs, model)
    noise, second = image_noise(inputs, batch, model), second_stream(inputs, batch, model)
    unit = start_noise(inputs, noise).to(model.device)
    x = begin(inputs, levels, unit)
    around = second
    if inputs.start is not None:
        around = inputs.profile.noise_around(second, (x - inputs.start) / levels.sigmas[0].to(x), unit)
    steps = ProgressCallback(inputs.phase, len(levels.sigmas) - 1, report, previewer, on_device=model.device.type != "cpu")
    steps.report_now()
    if inputs.model_at is not None:
        for step, place in product(range(1, steps.total + 1), range(inputs.places)):
            inputs.model_at(step, steps.total, place)  # computed now: to change adapters costs no time when their step comes
    extra: dict[str, Any] = {"prediction": model.prediction}
    if inputs.make_parts is not None:
        inputs = replace(inputs, parts=inputs.make_parts(GuidanceRun(request, model, inputs.phase, batch.seeds, report.note)))
    denoiser = build_denoiser(inputs, around, model, levels, extra, steps, device)
    options = (
        sampler_options(inputs.sampler, request.sampler_options) | levels.options | noise_option(inputs, batch, levels, noise, second, x)
    )
    with torch.random.fork_rng(devices=[]):
        seed_torch(batch.seeds[0] % 2**63, model.device)  # for a community sampler that draws from torch itself
        result: Tensor = inputs.sampler.function(denoiser, x, levels.sigmas, extra_args=extra, callback=steps.step, disable=True, **options)
    steps.check()
    result = model.prediction.finalize(levels.finish(result), float(levels.sigmas[-1]))
    if inputs.mask is not None and inputs.start is not None and request.soft_inpaint is None:
        result = hard_blend(result, inputs.start, inputs.mask, levels.sigmas)
    return result


def seed_torch(seed: int, device: torch.device) -> None:
    """Seed the generators that torch's functions draw from on this device and the CPU.

    `torch.manual_seed` takes two milliseconds where CUDA was never used: it notes the whole stack, for the day when it is.
    """
    if device.type == "cpu":
        torch.default_generator.manual_seed(seed)
    else:
        torch.manual_seed(seed)


def image_noise(inputs: DenoiseInputs, batch: Batch, model: Model) -> ImageNoise:
    """The noise streams of a batch, one per picture."""
    request = inputs.request
    resize = (request.seed_resize_height // model.downscale, request.seed_resize_width // model.downscale)
    return ImageNoise(
        batch.seeds,
        inputs.shape,
        request.noise_source,
        device=str(model.device),
        variation_seeds=batch.variation_seeds,
        variation_strength=request.variation_strength,
        resize_from=resize if min(resize) > 0 else None,
        ensd=request.sampler_options.ensd,
    )


def start_noise(inputs: DenoiseInputs, noise: ImageNoise) -> Tensor:
    """Return the batch's start noise, drawn in the order of the profile's program."""
    from_image = inputs.start is not None and inputs.phase == "sampling"
    return inputs.profile.start_noise(noise, masked=inputs.mask is not None, from_image=from_image)


def fill_noise(inputs: DenoiseInputs, batch: Batch, model: Model) -> list[Tensor]:
    """Each picture's "latent noise" under the mask: that of its seed alone, without variation and seed resize, as A1111 has it."""
    plain = inputs.request.model_copy(update={"variation_strength": 0.0, "seed_resize_width": 0, "seed_resize_height": 0})
    return list(image_noise(replace(inputs, request=plain), batch, model).next())


def begin(inputs: DenoiseInputs, levels: SigmaPlan, unit: Tensor) -> Tensor:
    """What the sampler starts from: noise alone, or the start latents with as much of it as their level asks for."""
    request = inputs.request
    if inputs.start is None or inputs.profile.ignores_start(masked=inputs.mask is not None, strength=request.strength):
        return levels.begin(unit)
    if inputs.phase == "sampling":
        unit = unit * request.noise_multiplier
    return levels.begin(unit, inputs.start + unit * request.extra_noise)


def noise_option(inputs: DenoiseInputs, batch: Batch, levels: SigmaPlan, noise: ImageNoise, second: Draw, x: Tensor) -> dict[str, Any]:
    """The `noise_sampler` of samplers that take one."""
    if "noise_sampler" not in inspect.signature(inputs.sampler.function).parameters:
        return {}
    if inputs.sampler.noise == "second":
        return {"noise_sampler": lambda sigma, sigma_next: second()}
    if inputs.sampler.noise != "brownian":
        return {"noise_sampler": noise.sampler()}
    return {"noise_sampler": BrownianNoise(x, *levels.noise_range, batch.seeds, inputs.request.noise_source)}


def build_denoiser(
    inputs: DenoiseInputs,
    around: Draw,
    model: Model,
    run: SigmaPlan,
    extra: dict[str, Any],
    progress: "ProgressCallback",
    device: DeviceAccess = INLINE_DEVICE,
) -> Denoiser:
    """Network, prediction type, prompts and guidance, the extensions' wrappers, and the mask, from the inside out."""
    request = inputs.request

    def predict(x: Tensor, timesteps: Tensor, cond: Conditioning, concat: Tensor | None = None) -> Tensor:
        used = inputs.model_at(progress.done + 1, progress.total, cond.place) if inputs.model_at is not None else model
        return device.predict(ForwardRequest(used, x, timesteps, cond, concat))

    network: Denoiser = SigmaDenoiser(predict, model.prediction, quantize=inputs.profile.quantizes(inputs.sampler))
    network = tiled(network, request.tiles, model.downscale, progress.report_now)
    guidance = replace(_guidance(inputs, model, run), parts=inputs.parts, share=progress.share)
    guided: Denoiser = CFGDenoiser(progress.before(network), inputs.encoded, guidance, inputs.concat, extra, progress.called, inputs.guide)
    if inputs.refine is not None:
        second = partial(_second_denoiser, inputs, inputs.refine, run, extra, progress, device)
        guided = RefinedDenoiser(guided, second, inputs.refine.at, run.counted)
    guided = wrap(guided, inputs.wrappers)
    if inputs.mask is None or inputs.start is None:
        return guided
    blend = hard_blend if request.soft_inpaint is None else SoftBlend(request.soft_inpaint)
    by_noise = inputs.profile.blends_by_noise(inputs.sampler)
    return MaskedDenoiser(guided, inputs.start, inputs.mask, around, blend, by_noise, model.prediction.add_noise)


def _guidance(inputs: DenoiseInputs, model: Model, run: SigmaPlan) -> Guidance:
    request = inputs.request
    image = request.image_guidance if model.variant == "ip2p" else None
    guided_by_prompt = "negative_prompt" in model.spec.supports
    scale = request.guidance * inputs.sampler.guidance_factor if guided_by_prompt else 1.0
    return Guidance(scale, request.guidance_options, run.counted, image, inputs.sampler.needs_uncond, model.prediction.still)


def _second_denoiser(
    inputs: DenoiseInputs,
    refine: Refine,
    run: SigmaPlan,
    extra: dict[str, Any],
    progress: "ProgressCallback",
    device: DeviceAccess,
    calls: int,
) -> Denoiser:
    """The refiner's denoiser, for a run that has made so many calls."""
    model, encoded = refine.load()

    def predict(x: Tensor, timesteps: Tensor, cond: Conditioning, concat: Tensor | None = None) -> Tensor:
        return device.predict(ForwardRequest(model, x, timesteps, cond, concat))

    network = tiled(SigmaDenoiser(predict, model.prediction), inputs.request.tiles, model.downscale, progress.report_now)
    guided = CFGDenoiser(progress.before(network), encoded, _guidance(inputs, model, run), None, extra, progress.called, inputs.guide)
    guided.skip_to(calls)
    return guided


def second_stream(inputs: DenoiseInputs, batch: Batch, model: Model) -> Draw:
    """A second RNG stream per image, seeded the way Forge seeds torch when it makes that image alone. Used by DDPM and around masks.

    Forge draws a whole batch from one stream, so an image there depends on its neighbours; here it does not.
    """
    streams = [generator(inputs.request.noise_source, (seed + 100_000) % 65_536, str(model.device)) for seed in batch.seeds]
    return lambda: torch.stack([stream.normal(inputs.shape).to(model.device) for stream in streams])


@dataclass
class ProgressCallback:
    """Reports progress of one sampler run and detects NaN and Inf."""

    phase: Phase
    total: int
    report: JobReporter
    previewer: LatentPreviewer
    on_device: bool
    done: int = 0
    unreported: bool = False
    bad: Tensor | None = field(default=None, repr=False)

    def before(self, network: Denoiser) -> Denoiser:
        """Report a model call that was not followed by a step before the next call, so that a cancel takes effect within one call."""

        def call(x: Tensor, sigma: Tensor, **conditioning: Any) -> Tensor:
            if self.unreported:
                self.report_now()
            return network(x, sigma, **conditioning)

        return call

    def share(self) -> float:
        """How far the run is, from 0 to 1: the number of the last finished step by that of the run's last, as A1111 counts."""
        return max(self.done - 1, 0) / max(self.total - 1, 1)

    def called(self) -> None:
        """Note a call of the model."""
        self.unreported = True

    def step(self, state: dict[str, Any]) -> None:
        """A sampler's callback."""
        self.done = max(self.done, int(state["i"]) + 1)
        self._inspect(state["denoised"])
        self.previewer.update(state["denoised"])
        self.report_now()

    def report_now(self) -> None:
        """Progress; raises `JobCancelled` when the user asked to stop."""
        self.unreported = False
        self.report.step(self.phase, self.done, max(self.total, self.done))

    def check(self) -> None:
        """Raise `NumericalError` with the first step whose result was NaN or Inf. Waits for the device."""
        if self.bad is not None and (step := int(self.bad)) > 0:
            raise NumericalError(f"Sampling gave NaN or Inf at step {step} of {max(self.total, self.done)}.", step)

    def _inspect(self, denoised: Tensor) -> None:
        """Record the first bad step on the device. On a CPU the check is free, so raise at once."""
        found = torch.where(torch.isfinite(denoised.sum()), 0, self.done)
        self.bad = found if self.bad is None else torch.where(self.bad > 0, self.bad, found)
        if not self.on_device:
            self.check()
