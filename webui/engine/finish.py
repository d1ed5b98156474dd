"""From a decoded picture to a saved one: colours, what is laid over it, the extensions' last word, the file."""

from collections.abc import Mapping, Sequence
from contextlib import suppress

import torch
from PIL import Image

import webui
from webui.core.job import Plan
from webui.core.protocol import RunJob
from webui.core.record import ImageRecord
from webui.engine.img2img import Source
from webui.engine.telling import Teller
from webui.engine.tools import Tools
from webui.errors import RequestError
from webui.images.colors import match_colors
from webui.images.metadata import Facts, encoder, picture_seeds
from webui.images.pixels import apply_overlay
from webui.library import Library
from webui.pipelines.adapters import LoraUse
from webui.pipelines.embeddings import is_named
from webui.pipelines.model import Model


def composite(image: Image.Image, source: Source | None, over: Image.Image | None) -> Image.Image:
    """Give a result the start picture's colours and lay over it what stays."""
    if source is not None and source.colours is not None:
        image = match_colors(image, source.colours)
    return image if source is None or over is None else apply_overlay(image, over, source.region)


def extended(image: Image.Image, task: RunJob, index: int, tools: Tools, tell: Teller) -> Image.Image:
    """The picture after the extensions' `process_image`; one that fails leaves it as it was, with a note."""
    with noting_failures(tools, tell):
        changed: Image.Image = tools.extensions.chain("process_image", "image", image=image, request=task.request, index=index)
    return changed


class noting_failures:  # noqa: N801  (reads as a statement)
    """Within the block an extension that fails becomes a note to the user."""

    def __init__(self, tools: Tools, tell: Teller) -> None:
        self._tools, self._tell = tools, tell

    def __enter__(self) -> None:
        self._before = set(self._tools.extensions.failed())

    def __exit__(self, *_: object) -> None:
        titles = {state.id: state.title for state in self._tools.extensions.states}
        for name in self._tools.extensions.failed():
            if name not in self._before:
                self._tell.note(f"Made without {titles[name]}: it failed. See Extensions.")


def save(image: Image.Image, task: RunJob, index: int, facts: Facts, tools: Tools, tell: Teller) -> ImageRecord:
    """Write a picture with its metadata and tell of it."""
    notes = tuple(tell.notes)
    record = tools.images.save(
        image,
        task.request,
        encoder(task.request, index, facts.model_copy(update={"notes": notes})),
        job_id=task.job_id,
        owner=task.owner,
        index=index,
        seed=picture_seeds(task.request, index)[0],
        notes=notes,
    )
    tell.saved(record)
    return record


def facts_of(task: RunJob, plan: Plan, model: Model, loras: Mapping[str, str]) -> Facts:
    """What made a job's pictures, besides the request."""
    said = f"{task.request.prompt} {task.request.negative_prompt}"
    words = {word: "" for word in model.embeddings if is_named(word, said)}
    return Facts(
        job_id=task.job_id,
        version=webui.__version__,
        device=str(model.device),
        plan=plan,
        versions={"torch": torch.__version__},
        loras=dict(loras),
        embeddings=words,
    )


def lora_hashes(uses: Sequence[LoraUse], library: Library) -> dict[str, str]:
    """Names and short hashes of the LoRAs that are there; of one that is not, the job's notes tell."""
    found = {}
    for use in uses:
        with suppress(RequestError):
            found[use.name] = library.sha256(library.find("lora", use.name))[:12]
    return found
