"""The pictures of one batch: first pass, second pass, decoding, composite."""

import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any, NamedTuple

import torch
from PIL import Image
from torch import Tensor

from webui.core.job import Plan
from webui.core.protocol import RunJob
from webui.core.registry import Registry
from webui.core.request import Fill, HiresOptions, ResolvedRequest
from webui.errors import JobCancelled, RequestError
from webui.generation import hires
from webui.generation.batching import Batch
from webui.generation.composing import composed
from webui.generation.conditioning import Encoded, EncodeInputs, Texts, encode, read_texts
from webui.generation.context import EngineContext
from webui.generation.decode import decode
from webui.generation.device import INLINE_DEVICE, DeviceAccess
from webui.generation.guiders import GuidancePart, GuidanceRun, Guide
from webui.generation.img2img import Source, encode_source
from webui.generation.inpaint import depth_channel, edit_channels, fill_latents, inpaint_channels, mask_latents
from webui.generation.output import composite, noting_failures
from webui.generation.places import Places, places_of
from webui.generation.preview import LatentPreviewer
from webui.generation.profiles import profile_of
from webui.generation.refiner import Refine
from webui.generation.reporter import JobReporter, Phase
from webui.generation.sampling import DenoiseInputs, ModelAt, fill_noise, image_noise, prompt_calls, sample
from webui.generation.soft_inpaint import soft_overlays
from webui.generation.tensors import to_tensor
from webui.generation.upscaling import find_upscaler, run_of
from webui.images.upscaling import enlarge_to
from webui.models.adapters import ALWAYS
from webui.models.hypernetworks import steered
from webui.models.model import Model
from webui.models.patcher import patched, stepped
from webui.models.seamless import seamless
from webui.plugins.types import DenoiserWrapper


class PassTexts(NamedTuple):
    """A pass's request, its prompts, and which LoRAs count where."""

    request: ResolvedRequest
    texts: Texts
    places: Places


@dataclass(frozen=True)
class GenerationPipeline:
    """Makes a job's images batch by batch."""

    task: RunJob
    model: Model
    context: EngineContext
    report: JobReporter
    previewer: LatentPreviewer
    source: Source | None
    plan: Plan = Plan()
    refined: list[Model] = field(default_factory=list)
    """The refiner, once it has taken over: its VAE decodes the batch."""
    depths: dict[tuple[int, int, int], Tensor] = field(default_factory=dict)
    """The depth of the source by the latents' shape, once a batch has asked for it: seconds each time."""

    @property
    def device(self) -> DeviceAccess:
        """The job's access to the device."""
        return self.context.device

    @cached_property
    def request(self) -> ResolvedRequest:
        """What the profile's program would have made of the request."""
        return profile_of(self.task.request).adapt(self.task.request)

    def with_request(self, request: ResolvedRequest) -> "GenerationPipeline":
        """The same for pictures with prompts of their own."""
        return self if request is self.task.request else replace(self, task=self.task.model_copy(update={"request": request}))

    def make(self, batch: Batch) -> Iterator[Image.Image]:
        """The finished pictures of a batch, in order, before the extensions see them."""
        self.refined.clear()
        first = self._first(batch)
        latents, start, mask = self._second(batch, first) if self._has_second else first
        last = self.refined[-1] if self.refined else self.model
        overs = self._overlays(latents, start, mask)
        with seamless(last, self.request.tiling):
            for image, over in zip(decode(latents, last, self.report, self.device, profile_of(self.request)), overs, strict=True):
                yield composite(image, self.source, over)

    @property
    def _has_second(self) -> bool:
        return self.request.hires is not None and self.request.mode == "txt2img"

    def _first(self, batch: Batch) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """(latents, start latents, mask) of the first pass."""
        request, model = self.request, self.model
        texts = read_texts(request.prompt, request.negative_prompt)
        places = places_of(texts, request.regions, self.report.note)
        with self._patched(texts, places) as model_at, ExitStack() as stack:
            inputs = self._inputs("sampling", PassTexts(request, texts, places), model_at)
            if not self._has_second:
                inputs = replace(inputs, refine=self._refine(stack, inputs, texts))
            if self.source is not None:
                inputs = self._with_source(inputs, batch, self.source)
            else:
                inputs = self._with_channels(inputs, batch, None)
            return sample(inputs, batch, model, self.report, self.previewer, self.device), inputs.start, inputs.mask

    def _second(self, batch: Batch, first: tuple[Tensor, Tensor | None, Tensor | None]) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """The second pass over the first one's latents."""
        options = self.request.hires
        if options is None:
            return first
        with ExitStack() as stack:
            second = self._on(self._other(options.checkpoint, stack)) if options.checkpoint else self
            start = self._upscaled(first[0], options, second.model)
            return (start if options.strength == 0 else second._painted(start, batch, options)), None, None

    def _on(self, model: Model) -> "GenerationPipeline":
        """The same with another checkpoint, which decodes the batch too."""
        self.refined.append(model)
        return replace(self, model=model)

    def _other(self, name: str, stack: ExitStack) -> Model:
        """Another checkpoint of the request, loaded for as long as `stack` is open."""
        self.model.offload.unload_all()
        library, vae = self.context.library, self.request.vae
        model = self.device.run_on_device(lambda: self.context.models.get(name, vae, self.plan, self.report.loading, library))
        stack.enter_context(seamless(model, self.request.tiling))
        return model

    def _painted(self, start: Tensor, batch: Batch, options: HiresOptions) -> Tensor:
        """Latents of the second pass over those it starts from."""
        request = hires.second_request(self.request, options)
        texts = read_texts(request.prompt, request.negative_prompt)
        places = places_of(texts, request.regions, self.report.note)
        with self._patched(texts, places) as model_at, ExitStack() as stack:
            base = prompt_calls(self.context.samplers.get(self.request.sampler), self.request.steps)
            inputs = self._inputs("hires", PassTexts(request, texts, places), model_at, base, start)
            inputs = replace(inputs, refine=self._refine(stack, inputs, texts, base))
            return sample(self._with_channels(inputs, batch, None), batch, self.model, self.report, self.previewer, self.device)

    def _upscaled(self, latents: Tensor, options: HiresOptions, second: Model) -> Tensor:
        """What the second pass starts from: latents enlarged, or pictures, which its own model encodes."""
        target = hires.target_size(self.request.width, self.request.height, options)
        self.report.step("upscaling")
        if (name := hires.latent_upscaler(options.upscaler)) is not None:
            return hires.cut(hires.upscale_latents(latents, target, name, self.model.downscale), target, self.model.downscale)
        upscaler = find_upscaler(options.upscaler, self.context, self.model.device)
        run = run_of(self.request.upscale_tile, self.request.upscale_overlap, self.context, self.report)
        images = decode(latents, self.model, self.report, self.device, phase="upscaling")
        pixels = to_tensor([enlarge_to(image, upscaler, (target.width, target.height), run) for image in images])
        return hires.cut(self.device.run_on_device(lambda: second.encode_image(pixels)), target, self.model.downscale)

    def _inputs(
        self, phase: Phase, words: PassTexts, model_at: ModelAt | None, base_calls: int | None = None, start: Tensor | None = None
    ) -> DenoiseInputs:
        request, texts, places = words
        sampler, schedule = self.context.samplers.get(request.sampler), self.context.schedules.get(request.schedule)
        calls = prompt_calls(sampler, request.steps)
        self.report.step("encoding")
        first, second = (calls, None) if base_calls is None else (base_calls, calls)
        shape = self._shape(request) if start is None else (start.shape[1], start.shape[2], start.shape[3])
        size = shape[2] * self.model.downscale, shape[1] * self.model.downscale
        models = [self.model] if model_at is None else [model_at(1, request.steps, place) for place in range(len(places.sets))]
        encoded = self._encode(EncodeInputs(texts, request, first, second, size), models, places.of_area)
        made = DenoiseInputs(phase, request, sampler, schedule, encoded, shape, start, model_at=model_at, places=len(places.sets))
        return replace(made, wrappers=self._wrappers(), guide=self._guide(), make_parts=self._parts)

    def _encode(self, inputs: EncodeInputs, models: Sequence[Model], of_area: Sequence[int] = ()) -> Encoded:
        """`models` answers with each set of adapters; `of_area` says which of them an area's prompt is encoded with."""

        def words(texts: Texts, place: int) -> Encoded:
            return encode(replace(inputs, texts=texts), models[place], self.device, partial(self.report.step, "encoding"))

        return composed(inputs, words, self.context.images, models[0].downscale, of_area)

    def _refine(self, stack: ExitStack, inputs: DenoiseInputs, texts: Texts, base_calls: int | None = None) -> Refine | None:
        """How the request's refiner takes over; in jobs with a second pass it is that one's, as A1111 has it."""
        request = inputs.request
        if not request.refiner_checkpoint:
            return None
        calls = prompt_calls(inputs.sampler, request.steps)
        first, second = (calls, None) if base_calls is None else (base_calls, calls)

        def load() -> tuple[Model, Encoded]:
            library, loaders = self.context.library, self.context.loras
            model = self._other(request.refiner_checkpoint or "", stack)
            if texts.loras:
                self.report.note(*self.device.run_on_device(lambda: stack.enter_context(patched(model, texts.loras, library, loaders))))
            size = inputs.shape[2] * model.downscale, inputs.shape[1] * model.downscale
            encoded = self._encode(EncodeInputs(texts, request, first, second, size), [model])
            self.refined.append(model)
            return model, encoded

        return Refine(request.refiner_switch_at, load)

    def _with_source(self, inputs: DenoiseInputs, batch: Batch, source: Source) -> DenoiseInputs:
        request = inputs.request
        self.report.step("encoding")
        drawn = profile_of(request).source_noise(image_noise(inputs, batch, self.model).next)
        latents = self.device.run_on_device(lambda: encode_source(source, request, self.model, drawn)).to(self.model.device)
        mask = mask_latents(source, request, latents)
        is_noise = request.fill is Fill.LATENT_NOISE and mask is not None
        noises = fill_noise(inputs, batch, self.model) if is_noise else [latents[0]] * len(batch)
        start = fill_latents(latents, mask, request, noises)
        return self._with_channels(replace(inputs, start=start, mask=mask), batch, source)

    def _with_channels(self, inputs: DenoiseInputs, batch: Batch, source: Source | None) -> DenoiseInputs:
        """Add what inpainting, instruct-pix2pix and depth models want to see besides the noise."""
        like = torch.empty(1, *inputs.shape)
        if self.model.variant == "inpaint":
            concat = self.device.run_on_device(lambda: inpaint_channels(source, inputs.request, self.model, like))
        elif self.model.variant == "ip2p":
            concat = self.device.run_on_device(lambda: edit_channels(source, self.model, like))
        elif self.model.variant == "depth":
            if inputs.shape not in self.depths:
                self.depths[inputs.shape] = self.device.run_on_device(lambda: depth_channel(source, self.model, like))
            concat = self.depths[inputs.shape]
        else:
            return inputs
        return replace(inputs, concat=concat.to(self.model.device).repeat(len(batch), 1, 1, 1))

    def _overlays(self, latents: Tensor, start: Tensor | None, mask: Tensor | None) -> list[Image.Image | None]:
        source, soft = self.source, self.request.soft_inpaint
        if source is None or mask is None or start is None or soft is None:
            return [None if source is None else source.over] * len(latents)
        return list(soft_overlays(source, start, latents, mask, (self.request.width, self.request.height), soft))

    def _shape(self, request: ResolvedRequest) -> tuple[int, int, int]:
        return self.model.latent_channels, request.height // self.model.downscale, request.width // self.model.downscale

    def _wrappers(self) -> tuple[DenoiserWrapper, ...]:
        with noting_failures(self.context, self.report):
            return tuple(wrapper for _, wrapper in self.context.extensions.call("denoiser_wrapper", request=self.request))

    def _guide(self) -> Guide | None:
        """The first guide that an extension has for this request."""
        with noting_failures(self.context, self.report):
            makers = ((guider.name, partial(guider.make, self.request)) for guider in tuple(self.context.guiders))
            made = (self._made(self.context.guiders, "register_guiders", name, make) for name, make in makers)
            return next((guide for guide in made if guide is not None), None)

    def _parts(self, run: GuidanceRun) -> tuple[GuidancePart, ...]:
        """What is done besides guidance in a run."""
        registry = self.context.guidance_parts
        with noting_failures(self.context, self.report):
            made = [self._made(registry, "register_guidance_parts", entry.name, partial(entry.make, run)) for entry in tuple(registry)]
            return tuple(part for part in made if part is not None)

    def _made(self, registry: Registry[Any], hook: str, name: str, make: Callable[[], Any]) -> Any:
        """What an entry makes. An extension's that fails is switched off and named in a note."""
        try:
            return make()
        except (RequestError, JobCancelled):
            raise
        except Exception:
            if self.context.extensions.is_ours(registry.owner(name)):
                raise
            self.context.extensions.fail(registry.owner(name), hook, traceback.format_exc())
            return None

    @contextmanager
    def _patched(self, texts: Texts, places: Places) -> Iterator[ModelAt | None]:
        """The model with the LoRAs that these prompts ask for; where they come and go, or differ by place, who tells it."""
        self.report.note(*texts.notes)
        with ExitStack() as stack:
            library, loaders = self.context.library, self.context.loras
            if texts.hypernetworks:
                steering = steered(self.model, texts.hypernetworks, library)
                self.report.note(*self.device.run_on_device(lambda: stack.enter_context(steering)))
            if places.differ or any(use.steps != ALWAYS for use in texts.loras):
                changing = stepped(self.model, places.sets, library, loaders, self.report.note)
                model = self.device.run_on_device(lambda: stack.enter_context(changing))
                yield partial(model.at, run=self.device.run_on_device)
                return
            adapters = patched(self.model, texts.loras, library, loaders)
            put_on = self.device.run_on_device if texts.loras else INLINE_DEVICE.run_on_device  # nothing to compute where there are none
            self.report.note(*put_on(lambda: stack.enter_context(adapters)))
            yield None
