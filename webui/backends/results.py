"""What a backend has made, as our own pictures: read as any foreign picture is, written with how it was made."""

import base64
import binascii
import io
from collections.abc import Sequence
from urllib.parse import unquote_to_bytes

from PIL import Image
from pydantic import ValidationError

from webui import __version__
from webui.core.backend import BackendModel, RemotePicture, RemoteState, RemoteTask
from webui.core.job import Job
from webui.core.pictures import image_seeds, with_prompts
from webui.core.record import ImageRecord
from webui.core.request import ResolvedRequest
from webui.errors import BackendError, RequestError
from webui.images.decode import read_image
from webui.images.metadata import GenerationInfo, encoder
from webui.images.store import ImageStore, Origin
from webui.plugins.backends import BackendSpec, Wire

UNTOLD = {
    "steps": ("Steps",),
    "sampler": ("Sampler",),
    "schedule": ("Schedule type",),
    "guidance": ("CFG scale",),
    "seed": ("Seed",),
    "strength": ("Denoising strength",),
    "noise_source": ("RNG",),
}
"""The words of the parameters text for what a backend may not use."""

CHOSEN = ("sampler", "schedule", "steps", "guidance")
"""Fields that a backend may have chosen itself."""


def picture_of(made: RemotePicture, wire: Wire, title: str) -> Image.Image:
    """Return a picture's pixels, fetched if need be. Raises `BackendError` for what is no picture, too large, or from elsewhere."""
    if not made.data and not made.url:
        raise BackendError(f"{title} gave an empty file for the picture.")
    data = made.data or (_inline(made.url, title) if made.url.startswith("data:") else wire.fetch(made.url))
    try:
        image = read_image(data, "picture")
    except RequestError as error:
        raise BackendError(f"{title} sent something that is not a picture we can use: {error.message}") from None
    return image


def _inline(url: str, title: str) -> bytes:
    head, comma, body = url.partition(",")
    try:
        data = base64.b64decode(body, validate=False) if head.endswith(";base64") else unquote_to_bytes(body)
    except (binascii.Error, ValueError):
        data = b""
    if not comma or not data:
        raise BackendError(f"{title} sent a picture that cannot be decoded.")
    return data


def made_request(job: Job, state: RemoteState, image: Image.Image) -> ResolvedRequest:
    """Return the request as it was carried out: with what the backend has chosen itself, and the size that it gave."""
    request = job.resolved
    chosen = {name: value for name, value in state.request.items() if name in CHOSEN and value}
    size = {"width": image.width, "height": image.height} if _fits(image) else {}
    if request.hires is not None:
        size = {}  # the request's size is the first pass's
    try:
        return ResolvedRequest.model_validate({**dict(request), **chosen, **size})
    except ValidationError:
        return request


def as_file(image: Image.Image, index: int, job: Job, request: ResolvedRequest, facts: GenerationInfo) -> bytes:
    """Return a picture's file with its metadata, to which the finish chain is still to be done."""
    stream = io.BytesIO()
    encoder(request.model_copy(update={"finish": ()}), index, facts)(image, stream, "png", 100)
    return stream.getvalue()


def save(image: Image.Image, index: int, job: Job, request: ResolvedRequest, facts: GenerationInfo, store: ImageStore) -> ImageRecord:
    """Write a picture with its metadata. Raises `StorageError`."""
    origin = Origin(job_id=job.id, owner=job.owner, index=index, seed=image_seeds(request, index)[0], notes=facts.notes)
    return store.save(_without_alpha(image, store), request, encoder(request, index, facts), origin)


def facts_of(job: Job, spec: BackendSpec, model: BackendModel, notes: Sequence[str]) -> GenerationInfo:
    """Return what is true of a picture besides its request."""
    omitted = tuple(word for name, words in UNTOLD.items() if not model.uses(name) for word in words)
    return GenerationInfo(job_id=job.id, version=__version__, where=spec.name, omitted=omitted, notes=tuple(notes))


def _fits(image: Image.Image) -> bool:
    """Whether a request can have this size; a provider may make others."""
    return all(side % 8 == 0 and 64 <= side <= 4096 for side in image.size)


def _without_alpha(image: Image.Image, store: ImageStore) -> Image.Image:
    if image.mode == "RGBA" and (store.format == "jpeg" or image.getchannel("A").getextrema() == (255, 255)):
        return image.convert("RGB")
    return image


def task_of(job: Job, indexes: tuple[int, ...], init: bytes | None, mask: bytes | None) -> RemoteTask:
    """Return what to ask for."""
    request = with_prompts(job.resolved, indexes[0])
    seed = image_seeds(request, indexes[0])[0]
    return RemoteTask(job_id=job.id, request=request, indexes=indexes, seed=seed, init=init, mask=mask)
