"""Paints a part of a finished picture again: an inpainting of its own, at full size, put back so that nothing else changes."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image

from webui.core.detail import DetailStep
from webui.core.job import Plan
from webui.core.pictures import one_image
from webui.core.protocol import RunJob
from webui.core.request import MAX_SEED, Fill, ResizeMode, ResolvedRequest
from webui.generation.batching import Batch
from webui.generation.context import EngineContext
from webui.generation.img2img import fit
from webui.generation.pipeline import GenerationPipeline
from webui.generation.preview import LatentPreviewer
from webui.generation.reporter import JobReporter
from webui.images.pixels import prepare_mask
from webui.models.model import Model
from webui.models.preview_decoders import PreviewDecoders

Repaint = Callable[[Image.Image, Image.Image, DetailStep, int], Image.Image]


@dataclass(frozen=True)
class Repainter:
    """Paints parts of picture `index` of a job. `FinishRun.repaint` is its call."""

    task: RunJob
    index: int
    plan: Plan
    context: EngineContext
    report: JobReporter

    def __call__(self, image: Image.Image, mask: Image.Image, step: DetailStep, number: int) -> Image.Image:
        """Return the picture with what is white in the mask painted anew; each pixel outside the blurred mask is the one it was."""
        request = painted_request(self.task.request, self.index, step, number)
        soft = prepare_mask(mask, invert=False, blur=step.mask_blur)
        source = fit(image, soft, request)
        if source.mask is None:
            return image
        model, device = self._model(request), self.context.device
        previewer = LatentPreviewer(model, PreviewDecoders(self.context.library), self.context.preview_settings, self.report, device)
        task = self.task.model_copy(update={"request": request})
        pipeline = GenerationPipeline(task, model, self.context, self.report, previewer, source, self.plan)
        [made] = pipeline.make(Batch(0, (0,), (request.seed,), (request.variation_seed,)))
        return kept_outside(image, made, soft)

    def _model(self, request: ResolvedRequest) -> Model:
        context, own = self.context, request.checkpoint == self.task.request.checkpoint
        vae, texts = (request.vae, request.text_encoder) if own else (None, None)
        return context.device.run_on_device(
            lambda: context.models.get(request.checkpoint, vae, self.plan, self.report.loading, context.library, texts)
        )


def painted_request(request: ResolvedRequest, index: int, step: DetailStep, number: int) -> ResolvedRequest:
    """The inpainting that paints region `number` of picture `index`: the picture's own request, but for what the step says."""
    own = one_image(request, index)
    return own.model_copy(
        update={
            "mode": "inpaint",
            "prompt": step.prompt,
            "negative_prompt": step.negative_prompt,
            "templates": {},
            "strength": step.strength,
            "only_masked": True,
            "padding": step.padding,
            "mask_blur": step.mask_blur,
            "invert_mask": False,
            "fill": Fill.ORIGINAL,
            "resize_mode": ResizeMode.JUST,
            "soft_inpaint": None,
            "outpaint": None,
            "blend": None,
            "regions": None,
            "tiles": None,
            "width": step.width or own.width,
            "height": step.height or own.height,
            "steps": step.steps or own.steps,
            "guidance": own.guidance if step.guidance is None else step.guidance,
            "sampler": step.sampler or own.sampler,
            "schedule": step.schedule or own.schedule,
            "checkpoint": step.checkpoint or own.checkpoint,
            "clip_skip": step.clip_skip or own.clip_skip,
            "seed": (own.seed + number) % (MAX_SEED + 1),
            "variation_seed": (own.variation_seed + number) % (MAX_SEED + 1),
            "hires": None,
            "refiner_checkpoint": None,
            "color_correction": False,
            "tiling": False,
            "finish": (),
        }
    )


def kept_outside(image: Image.Image, made: Image.Image, mask: Image.Image) -> Image.Image:
    """The picture that was made where the mask is not black, the one that was there everywhere else, bit for bit."""
    changes = np.asarray(mask)[..., None] > 0
    return Image.fromarray(np.where(changes, np.asarray(made.convert("RGB")), np.asarray(image.convert("RGB"))))
