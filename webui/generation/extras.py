"""Extras: the finish chain done to pictures that exist. Each is recorded as it is saved, so that a job goes on where it was."""

from functools import partial

import torch

import webui
from webui.core.finish import format_of
from webui.core.job import Plan
from webui.core.protocol import RunJob
from webui.errors import NotFound, RequestError
from webui.generation.context import EngineContext
from webui.generation.finishing import finish
from webui.generation.preview import SkipBatch
from webui.generation.reporter import JobReporter
from webui.images.decode import read_image
from webui.images.extras import Added, extras_encoder, notes_inside, seed_inside
from webui.images.metadata import GenerationInfo
from webui.images.parameters import image_seeds
from webui.images.store import ImageStore, Origin

FIELD = "inputs"


def finish_pictures(task: RunJob, plan: Plan, context: EngineContext, report: JobReporter, saved: set[int]) -> None:
    """Do the chain to each picture that is not saved yet. Adds to `saved` the index of every one that is on disk.

    One that cannot be read, or becomes too large, is left out and said; the job fails only where none could be made.
    """
    refused: list[RequestError] = []
    for index in range(task.request.count):
        if index in saved:
            continue
        report.batch = index
        try:
            _finish_one(task, index, plan, context, report)
            saved.add(index)
        except SkipBatch:
            continue
        except RequestError as error:
            refused.append(error)
            report.note(f"Picture {index + 1} was left out: {error.message}")
    if refused and not saved:
        raise refused[0]


def _finish_one(task: RunJob, index: int, plan: Plan, context: EngineContext, report: JobReporter) -> None:
    request, source = task.request, task.request.inputs[index]
    report.step("finishing", 0, len(request.finish))
    data = context.device.run_off_device(lambda: _bytes(context.images, source))
    image = context.device.run_off_device(lambda: read_image(data, FIELD))
    made = finish(image, task, index, plan, context, report)
    seed, notes = image_seeds(request, index)[0], tuple(dict.fromkeys((*notes_inside(data), *report.notes)))
    info = GenerationInfo(
        job_id=task.job_id, version=webui.__version__, device=plan.device, plan=plan, versions={"torch": torch.__version__}, notes=notes
    )
    encode = extras_encoder(data, Added(request, index, seed, info))
    origin = Origin(job_id=task.job_id, owner=task.owner, index=index, seed=seed_inside(data, seed), notes=notes)
    save = partial(context.images.save, made, request, encode, origin, format_of(request.finish))
    report.saved(context.device.run_off_device(save))


def _bytes(images: ImageStore, source: str) -> bytes:
    try:
        return images.upload_path(source).read_bytes()
    except (NotFound, OSError):
        raise RequestError(FIELD, "This picture is not here any more. Choose it again.") from None
