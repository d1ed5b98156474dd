"""Runs one job: turns its request into saved images and reports progress through `emit`."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from webui.core.events import Emit
from webui.core.job import Plan
from webui.core.protocol import RunJob
from webui.devices.plan import cheaper_plan, is_out_of_memory, out_of_memory
from webui.errors import NumericalError, WebUIError
from webui.generation.batching import plan_batches
from webui.generation.conditioning import loras_of, prompts_of
from webui.generation.context import EngineContext
from webui.generation.device import SplitDevice
from webui.generation.extras import finish_pictures
from webui.generation.finishing import finish
from webui.generation.img2img import read_source
from webui.generation.output import generation_info, lora_hashes, process_image, save, storage_notes
from webui.generation.pipeline import GenerationPipeline
from webui.generation.preview import LatentPreviewer, PreviewSettings, SkipBatch
from webui.generation.profiles import profile_of
from webui.generation.reporter import JobReporter
from webui.generation.upscaling import scale_of
from webui.library import View
from webui.models.cache import give_memory_back
from webui.models.preview_decoders import PreviewDecoders
from webui.models.seamless import seamless

__all__ = ["PreviewSettings", "SkipBatch", "EngineContext", "run_job"]

NO_SECOND_PASS = "Hires. fix was left out: it belongs to txt2img."
IN_SMALL_PARTS = "Memory ran out, so this was made again in smaller parts, which takes longer."
IN_FLOAT32 = "{dtype} gave NaN or Inf, so this was made in float32."


def run_job(task: RunJob, context: EngineContext, emit: Emit, engine_seconds: Callable[[], float] = lambda: 0.0) -> None:
    """Make the task's images that are not saved yet. The caller reports the start, failures and cancellation.

    `engine_seconds` is called at the end; it returns the engine time that the job used.

    Raises `RequestError`, `CheckpointError`, `OutOfMemory`, `NumericalError`, `StorageError`, and whatever `emit` raises. However it
    ends, the model's weights are as in its file.
    """
    plan = task.plan or Plan()
    context = replace(context, library=View(context.library))
    report = JobReporter(emit, task.job_id, task.request.count if task.request.mode == "extras" else task.request.batch_count)
    saved = set(task.saved)
    tried: frozenset[str] = frozenset()
    while (other := _attempt(task, plan, context, report, saved, tried)) is not None:
        plan, tried = other.plan, tried | {other.reason}
        report.note(other.reason)
        context.device.acquire_exclusive()  # the same model in another way: not beside jobs that use this one
        context.device.run_on_device(give_memory_back)
    report.done(engine_seconds())


@dataclass(frozen=True)
class OtherWay:
    """The plan to go on with, and why."""

    plan: Plan
    reason: str


def _attempt(
    task: RunJob, plan: Plan, context: EngineContext, report: JobReporter, saved: set[int], tried: frozenset[str]
) -> OtherWay | None:
    """Make what is missing. Returns another way, each once: float32 after bad numbers, small parts after memory ran out."""
    try:
        make = finish_pictures if task.request.mode == "extras" else generate_images
        make(task, plan, context, report, saved)
    except NumericalError:
        if plan.dtype == "float32":
            raise
        return OtherWay(
            plan.model_copy(update={"dtype": "float32", "attention": "sdpa", "packed": False}), IN_FLOAT32.format(dtype=plan.dtype)
        )
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, WebUIError) or not is_out_of_memory(error):
            raise
        less = None if IN_SMALL_PARTS in tried else cheaper_plan(plan, task.request)
        if less is None:
            raise out_of_memory(task.request, plan) from error
        return OtherWay(less, IN_SMALL_PARTS)
    return None


def generate_images(task: RunJob, plan: Plan, context: EngineContext, report: JobReporter, saved: set[int]) -> None:
    """Load the model, then make and save batch by batch. Adds to `saved` the index of every image that is on disk."""
    request = task.request
    device = SplitDevice(context.device, plan.rows) if plan.rows else context.device
    context = replace(context, device=device)
    loras = lora_hashes(loras_of(request), context.library)  # before anything is loaded: one may have been deleted since it was asked for
    model = device.run_on_device(
        lambda: context.models.get(request.checkpoint, request.vae, plan, report.loading, context.library, request.text_encoder)
    )
    source = read_source(profile_of(request).adapt(request), context.images, scale_of(request, model.device, context, report))
    report.note(*(source.notes if source else ()), *((NO_SECOND_PASS,) if request.hires and request.mode != "txt2img" else ()))
    report.note(*model.words.notes(prompts_of(request)), *storage_notes(model, plan))
    info = generation_info(task, plan, model, loras)
    previewer = LatentPreviewer(model, PreviewDecoders(context.library), context.preview_settings, report, device)
    pipeline = GenerationPipeline(task, model, context, report, previewer, source, plan)
    for batch, worded in (part for whole in plan_batches(request, saved) for part in whole.parts(request)):
        if set(batch.indexes) <= saved:
            continue
        report.batch = batch.number
        device.reset_batch_stats()
        try:
            with seamless(model, request.tiling):
                for index, image in zip(batch.indexes, pipeline.with_request(worded).make(batch), strict=True):
                    if index not in saved:
                        finished = finish(image, task, index, plan, context, report) if request.finish else image
                        finished = process_image(finished, task, index, context, report)
                        said = info.model_copy(update={"batched_with": device.peak_batch_jobs - 1})
                        device.run_off_device(partial(save, finished, task, index, said, context, report))
                        saved.add(index)
        except SkipBatch:
            continue
