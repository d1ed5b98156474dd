"""The pictures of one batch: first pass, second pass, decoding, composite."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import cached_property, partial

import torch
from PIL import Image
from torch import Tensor

from webui.core.protocol import RunJob
from webui.core.request import FILLS, GenerationRequest, HiresOptions
from webui.engine import hires
from webui.engine.batching import Batch
from webui.engine.conditioning import Texts, encode, read_texts
from webui.engine.decode import decode
from webui.engine.finish import composite, noting_failures
from webui.engine.img2img import Source, encode_source
from webui.engine.inpaint import edit_channels, fill_latents, inpaint_channels, mask_latents
from webui.engine.profiles import by_profile, is_diffusers
from webui.engine.sampling import Pass, fill_noise, image_noise, prompt_calls, sample
from webui.engine.soft import soft_overlays
from webui.engine.telling import Phase, Teller
from webui.engine.tools import Tools
from webui.engine.turns import DIRECT, Turns
from webui.engine.watching import Watcher
from webui.pipelines.adapters_apply import applied
from webui.pipelines.model import Model
from webui.samplers.denoiser import DenoiserWrapper


@dataclass(frozen=True)
class Studio:
    """What all batches of a job share."""

    task: RunJob
    model: Model
    tools: Tools
    tell: Teller
    watcher: Watcher
    source: Source | None

    @property
    def turns(self) -> Turns:
        """How this job gets the device."""
        return self.tools.turns

    @cached_property
    def request(self) -> GenerationRequest:
        """What the profile's program would have made of the request."""
        return by_profile(self.task.request)

    def make(self, batch: Batch) -> Iterator[Image.Image]:
        """The finished pictures of a batch, in order, before the extensions see them."""
        first = self._first(batch)
        latents, start, mask = self._second(batch, first) if self._has_second else first
        overs = self._overlays(latents, start, mask)
        for image, over in zip(decode(latents, self.model, self.tell, self.turns, self.request.profile), overs, strict=True):
            yield composite(image, self.source, over)

    @property
    def _has_second(self) -> bool:
        return self.request.hires is not None and self.request.mode == "txt2img"

    def _first(self, batch: Batch) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """(latents, start latents, mask) of the first pass."""
        request, model = self.request, self.model
        texts = read_texts(request.prompt, request.negative_prompt)
        with self._adapted(texts):
            work = self._pass("sampling", request, texts, self._shape(request))
            if self.source is not None:
                work = self._with_picture(work, batch, self.source)
            else:
                work = self._with_channels(work, batch, None)
            return sample(work, batch, model, self.tell, self.watcher, self.turns), work.start, work.mask

    def _second(self, batch: Batch, first: tuple[Tensor, Tensor | None, Tensor | None]) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """The second pass over the first one's latents."""
        options = self.request.hires
        if options is None:
            return first
        start = self._enlarged(first[0], options)
        if options.strength == 0:
            return start, None, None
        request = hires.second_request(self.request, options)
        texts = read_texts(request.prompt, request.negative_prompt)
        with self._adapted(texts):
            base = prompt_calls(self.tools.samplers.get(self.request.sampler or ""), self.request.steps or 1)
            work = self._pass("hires", request, texts, (start.shape[1], start.shape[2], start.shape[3]), base, start)
            return sample(self._with_channels(work, batch, None), batch, self.model, self.tell, self.watcher, self.turns), None, None

    def _enlarged(self, latents: Tensor, options: HiresOptions) -> Tensor:
        target = hires.target_size(self.request.width or 0, self.request.height or 0, options)
        name = hires.upscaler_name(options)
        self.tell.step("upscaling")
        if name in hires.LATENT_UPSCALERS:
            return hires.cut(hires.upscale_latents(latents, target, name, self.model.downscale), target, self.model.downscale)
        images = decode(latents, self.model, self.tell, self.turns, phase="upscaling")
        pixels = hires.images_to_pixels([hires.upscale_image(image, target, name) for image in images])
        return hires.cut(self.turns.do(lambda: self.model.encode_image(pixels)), target, self.model.downscale)

    def _pass(
        self,
        phase: Phase,
        request: GenerationRequest,
        texts: Texts,
        shape: tuple[int, int, int],
        base_calls: int | None = None,
        start: Tensor | None = None,
    ) -> Pass:
        sampler, schedule = self.tools.samplers.get(request.sampler or ""), self.tools.schedules.get(request.schedule or "")
        calls = prompt_calls(sampler, request.steps or 1)
        self.tell.step("encoding")
        first, second = (calls, None) if base_calls is None else (base_calls, calls)
        size = shape[2] * self.model.downscale, shape[1] * self.model.downscale
        encoded = encode(texts, request, self.model, first, second, size, self.turns, partial(self.tell.step, "encoding"))
        return Pass(phase, request, sampler, schedule, encoded, shape, start, wrappers=self._wrappers())

    def _with_picture(self, work: Pass, batch: Batch, source: Source) -> Pass:
        request = work.request
        self.tell.step("encoding")
        drawn = image_noise(work, batch, self.model).next() if is_diffusers(request) else None
        latents = self.turns.do(lambda: encode_source(source, request, self.model, drawn)).to(self.model.device)
        mask = mask_latents(source, request, latents)
        noises = fill_noise(work, batch, self.model) if request.fill == FILLS[2] and mask is not None else [latents[0]] * len(batch)
        start = fill_latents(latents, mask, request, noises)
        return self._with_channels(replace(work, start=start, mask=mask), batch, source)

    def _with_channels(self, work: Pass, batch: Batch, source: Source | None) -> Pass:
        """Add what inpainting and instruct-pix2pix models want to see besides the noise."""
        like = torch.empty(1, *work.shape)
        if self.model.variant == "inpaint":
            concat = self.turns.do(lambda: inpaint_channels(source, work.request, self.model, like))
        elif self.model.variant == "ip2p":
            concat = self.turns.do(lambda: edit_channels(source, self.model, like))
        else:
            return work
        return replace(work, concat=concat.to(self.model.device).repeat(len(batch), 1, 1, 1))

    def _overlays(self, latents: Tensor, start: Tensor | None, mask: Tensor | None) -> list[Image.Image | None]:
        source, soft = self.source, self.request.soft_inpaint
        if source is None or mask is None or start is None or soft is None:
            return [None if source is None else source.over] * len(latents)
        return list(soft_overlays(source, start, latents, mask, (self.request.width or 0, self.request.height or 0), soft))

    def _shape(self, request: GenerationRequest) -> tuple[int, int, int]:
        return self.model.latent_channels, (request.height or 0) // self.model.downscale, (request.width or 0) // self.model.downscale

    def _wrappers(self) -> tuple[DenoiserWrapper, ...]:
        with noting_failures(self.tools, self.tell):
            return tuple(wrapper for _, wrapper in self.tools.extensions.call("denoiser_wrapper", request=self.request))

    @contextmanager
    def _adapted(self, texts: Texts) -> Iterator[None]:
        """The model with the LoRAs that these prompts ask for."""
        self.tell.note(*texts.notes)
        with ExitStack() as stack:
            adapters = applied(self.model, texts.loras, self.tools.library, self.tools.loras)
            put_on = self.turns.do if texts.loras else DIRECT.do  # nothing to compute where there are none
            self.tell.note(*put_on(lambda: stack.enter_context(adapters)))
            yield
