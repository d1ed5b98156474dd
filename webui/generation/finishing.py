"""Carries out the finish chain: each step by its finisher, cancellable between steps and within one: between tiles and bands."""

import traceback
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from PIL import Image

from webui.core.finish import ExtensionStep, FinishStep, name_of
from webui.core.job import Plan
from webui.core.pictures import own_words
from webui.core.protocol import RunJob
from webui.core.stopping import stoppable
from webui.errors import NotFound, RequestError, WebUIError
from webui.generation.context import EngineContext
from webui.generation.decode import to_image
from webui.generation.detailing import Repainter
from webui.generation.reporter import JobReporter
from webui.generation.tensors import to_tensor
from webui.generation.upscaling import find_upscaler, run_of
from webui.images.decode import read_image
from webui.images.parameters import image_seeds
from webui.images.store import ImageStore
from webui.images.upscaling import enlarge
from webui.models.restorers import FACE
from webui.plugins.types import Finisher, FinishRun


def finish(image: Image.Image, task: RunJob, index: int, plan: Plan, context: EngineContext, report: JobReporter) -> Image.Image:
    """Return picture `index` of a job after its chain. Raises `RequestError` on the step that cannot be carried out."""
    steps = task.request.finish
    run = _run_of(task, index, plan, context, report)
    for number, step in enumerate(steps):
        entry = _finisher(step, number, context)
        tell = partial(report.step, "finishing", number, len(steps), detail=entry.title or entry.name)
        tell()
        try:
            made = _guarded(entry, image, step, replace(run, off_device=partial(_stoppably, tell, run.off_device)), context)
        except RequestError as error:
            raise RequestError(f"finish.{number}", error.message) from None
        if made is None:
            report.note(f"Made without the step {entry.title or entry.name}: its extension failed. See Extensions.")
        image = made or image
    return image


def _carry_out(entry: Finisher, image: Image.Image, step: FinishStep, run: FinishRun) -> Image.Image:
    values = entry.model.model_validate(step.values) if isinstance(step, ExtensionStep) else step
    made = entry.function(image, values, run)
    if not isinstance(made, Image.Image):
        raise TypeError(f"The step {entry.name!r} gave {type(made).__name__}, not a picture.")
    return made if made.mode in ("RGB", "RGBA") else made.convert("RGB")


def _guarded(entry: Finisher, image: Image.Image, step: FinishStep, run: FinishRun, context: EngineContext) -> Image.Image | None:
    """What a step makes; None where an extension's fails, or has failed before: it is switched off and named, and the job goes on."""
    owner = context.finishers.owner(entry.name)
    if owner not in {state.id for state in context.extensions.states}:
        return _carry_out(entry, image, step, run)
    try:
        return _carry_out(entry, image, step, run) if context.extensions.is_loaded(owner) else None
    except (WebUIError, MemoryError):
        raise
    except Exception:  # the boundary around an extension
        context.extensions.fail(owner, "register_finishers", traceback.format_exc())
        return None


def _stoppably(tell: Callable[[], None], off_device: Callable[[Callable[[], Any]], Any], work: Callable[[], Any]) -> Any:
    """Work on pixels alone, which has no progress of its own; saying again where it is raises `JobCancelled` when it is to stop."""
    with stoppable(tell):
        return off_device(work)


def _finisher(step: FinishStep, number: int, context: EngineContext) -> Finisher:
    try:
        return context.finishers.get(name_of(step))
    except RequestError as error:
        raise RequestError(f"finish.{number}", f"{error.message} Switch the extension on that adds it, or take the step out.") from None


def _run_of(task: RunJob, index: int, plan: Plan, context: EngineContext, report: JobReporter) -> FinishRun:
    request, device = own_words(task.request, index), torch.device(plan.device)
    upscale_run = run_of(request.upscale_tile, request.upscale_overlap, context, report)

    def enlarged(image: Image.Image, upscaler: str, factor: float) -> Image.Image:
        return enlarge(image, find_upscaler(upscaler, context, device, "finish"), factor, upscale_run)

    seed = image_seeds(request, index)[0]

    def mended(face: Image.Image, model: str, fidelity: float) -> Image.Image:
        file = context.library.find("face_restorer", model)
        if file.error:
            raise RequestError("finish", file.error)
        network = context.device.run_on_device(lambda: context.restorer_files.get(file, device))
        pixels = to_tensor([face.resize((FACE, FACE), Image.Resampling.LANCZOS)]) / 2 + 0.5
        made = context.device.run_on_device(lambda: network(pixels, fidelity, seed).cpu())
        return to_image(made[0]).resize(face.size, Image.Resampling.LANCZOS)

    return FinishRun(
        request=request,
        index=index,
        seed=seed,
        enlarge=enlarged,
        mend=mended,
        detect=context.detectors.seen_by(context.library).detect,
        repaint=Repainter(task, index, plan, context, report),
        picture=lambda image: read_upload(context.images, image),
        on_device=context.device.run_on_device,
        off_device=context.device.run_off_device,
        progress=lambda done, of: report.step("finishing", done, of),
        note=report.note,
    )


def read_upload(images: ImageStore, image: str, field: str = "finish") -> Image.Image:
    """A picture that was kept for this job, RGB or RGBA. Raises `RequestError` on `field` when it is gone or broken."""
    try:
        data = images.upload_path(image).read_bytes()
    except (NotFound, OSError):
        raise RequestError(field, "This picture is not here any more. Choose it again.") from None
    return read_image(data, field)
