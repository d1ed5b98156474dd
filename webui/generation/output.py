"""From a decoded image to a saved one: colour match, overlay, the `process_image` hook, the file."""

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress

import torch
from PIL import Image

import webui
from webui.core.finish import format_of
from webui.core.job import Plan
from webui.core.pictures import distinct
from webui.core.protocol import RunJob
from webui.core.record import ImageRecord
from webui.errors import CheckpointError, RequestError
from webui.generation.context import EngineContext
from webui.generation.img2img import Source
from webui.generation.reporter import JobReporter
from webui.images.colors import match_colors
from webui.images.metadata import GenerationInfo, encoder, image_seeds
from webui.images.pixels import apply_overlay
from webui.images.store import Origin
from webui.library import Library, ModelFile
from webui.library.header import read_any_header
from webui.models.adapters import LoraUse
from webui.models.embeddings import is_named
from webui.models.model import Model
from webui.models.quantized import error_of

_HASH = re.compile(r"[0-9a-fA-F]{12,64}")


def composite(image: Image.Image, source: Source | None, over: Image.Image | None) -> Image.Image:
    """Give a result the start picture's colours and lay over it what stays."""
    if source is not None and source.colours is not None:
        image = match_colors(image, source.colours)
    return image if source is None or over is None else apply_overlay(image, over, source.region)


def process_image(image: Image.Image, task: RunJob, index: int, context: EngineContext, report: JobReporter) -> Image.Image:
    """Return the image after the extensions' `process_image`. An extension that fails leaves it unchanged and adds a note."""
    with noting_failures(context, report):
        changed: Image.Image = context.extensions.chain("process_image", "image", image=image, request=task.request, index=index)
    return changed


class noting_failures:  # noqa: N801  (reads as a statement)
    """Within the block an extension that fails becomes a note to the user."""

    def __init__(self, context: EngineContext, report: JobReporter) -> None:
        self._context, self._report = context, report

    def __enter__(self) -> None:
        self._before = set(self._context.extensions.failed())

    def __exit__(self, *_: object) -> None:
        titles = {state.id: state.title for state in self._context.extensions.states}
        for name in self._context.extensions.failed():
            if name not in self._before:
                self._report.note(f"Made without {titles[name]}: it failed. See Extensions.")


def save(image: Image.Image, task: RunJob, index: int, info: GenerationInfo, context: EngineContext, report: JobReporter) -> ImageRecord:
    """Write an image with its metadata and report it."""
    notes = tuple(report.notes)
    record = context.images.save(
        image,
        task.request,
        encoder(task.request, index, info.model_copy(update={"notes": notes})),
        Origin(job_id=task.job_id, owner=task.owner, index=index, seed=image_seeds(task.request, index)[0], notes=notes),
        format_of(task.request.finish),
    )
    report.saved(record)
    return record


def generation_info(task: RunJob, plan: Plan, model: Model, loras: Mapping[str, str]) -> GenerationInfo:
    """Return what made a job's images, besides the request: versions, device, plan, hashes."""
    said = "\n".join(f"{each.prompt} {each.negative_prompt}" for each in distinct(task.request))
    words = {word: "" for word in model.embeddings if is_named(word, said)}
    return GenerationInfo(
        job_id=task.job_id,
        version=webui.__version__,
        device=str(model.device),
        plan=plan,
        versions={"torch": torch.__version__},
        loras=dict(loras),
        embeddings=words,
        grid=task.grid,
    )


def storage_notes(model: Model, plan: Plan) -> tuple[str, ...]:
    """What keeping weights in eight bits changes in them, and that the plan computes in fewer bits than is usual."""
    error = error_of(model.unet) if plan.weights == "int8" else None  # to ask every layer takes as long as a step of a small model
    told = () if error is None else (f"The model's weights are kept in 8 bits: they are {error:.2%} from those of its file.",)
    return (*told, f"Computed in {plan.dtype}: in float32 there is not enough memory for it.") if plan.narrowed else told


def lora_hashes(uses: Sequence[LoraUse], library: Library) -> dict[str, str]:
    """Names and short hashes of the LoRAs that can be read; of the others the job's notes tell."""
    found: dict[str, str] = {}
    for use in uses:
        with suppress(RequestError):
            file = library.find("lora", use.name)
            found |= {} if file.error else {use.name: _lora_hash(file, library)}
    return found


def _lora_hash(file: ModelFile, library: Library) -> str:
    """What A1111 and Forge write: the hash that the trainer gave the weights, which editing a file's metadata leaves; else the file's."""
    with suppress(CheckpointError):
        told = read_any_header(file.path).metadata.get("sshs_model_hash", "")
        if _HASH.fullmatch(told):
            return told[:12].lower()
    return library.sha256(file)[:12]
