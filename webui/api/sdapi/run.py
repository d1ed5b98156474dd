"""A call of txt2img or img2img from its body to its answer: pictures kept, a job submitted, its end awaited."""

import io
import json
from functools import partial
from typing import Any

from fastapi.responses import JSONResponse, Response
from PIL import Image
from starlette.concurrency import run_in_threadpool

from webui.api import encoding
from webui.api.errors import STATUS
from webui.api.identity import Viewer
from webui.api.sdapi import answers, infotext, listings, networks, outpainting, pictures, rounds, scripts, xyz
from webui.api.sdapi.bodies import ExtrasSingle, Generation, Img2Img
from webui.api.sdapi.calls import Calls
from webui.api.sdapi.fieldnames import in_callers_words
from webui.api.sdapi.refusals import JobFailed, Refusal, failed
from webui.api.sdapi.translate import Pictures, Translation, translate
from webui.api.submitting import submit_job
from webui.core.job import Job
from webui.core.plain import check_plain
from webui.errors import RequestError
from webui.images.decode import as_png, look
from webui.services import Services

NOTES = "X-Darkroom-Notes"
_MOST_LETTERS = 4000


async def generate(body: Generation, api: Services, calls: Calls, who: Viewer) -> Response:
    """Make the pictures; answers when the job, or all of a script's, have ended. Raises `Refusal`, `WebUIError`."""

    async def make(each: Generation) -> rounds.Made:
        made, job = await run_in_threadpool(_submit, each, api, calls, who)
        job = await calls.endings.wait(job)
        if job.state == "failed":
            raise JobFailed(job)
        if job.state == "cancelled" and not job.images:
            made.notes.append("The job was interrupted before its first picture was done.")
        return made, job

    async def enlarge(image: Image.Image, upscaler: str | float, factor: float) -> Image.Image:
        wish = ExtrasSingle(upscaler_1=listings.upscaler_named(api, upscaler), upscaling_resize=factor)
        return await networks.enlarged(wish, image, api, calls, who)

    body = await run_in_threadpool(infotext.filled, body)
    body = await run_in_threadpool(_fetched, body, api) if isinstance(body, Img2Img) else body
    try:
        starts = rounds.starts_of(body)
        if scripts.is_chosen(body.script_name) or starts:
            files = partial(answers.files, gallery=api.gallery)
            if starts:
                outcome = await rounds.run_starts(body, starts, make)
            elif (body.script_name or "").lower() == xyz.NAME:
                outcome = await xyz.run(body, make, lambda job: [api.gallery.path(record) for record in job.images])
            elif (body.script_name or "").lower() in outpainting.SCRIPTS:
                outcome = await outpainting.run(body, make, files)
            else:
                outcome = await rounds.run(body, make, files, enlarge)
            written = await run_in_threadpool(lambda: _written(answers.of_rounds(outcome, body, api.gallery)))
            told = [note for made, job in outcome.made for note in (*made.notes, *job.notes)]
        else:
            made, job = await make(body)
            frame = calls.take_frame(job.id)
            written = await run_in_threadpool(lambda: _written(answers.answer(job, body, made, api.gallery, frame)))
            told = [*made.notes, *job.notes]
    except JobFailed as error:
        return of_failure(error.job)
    return Response(written, media_type="application/json", headers=note_header(list(dict.fromkeys(told))))


def _written(said: dict[str, Any]) -> bytes:
    return encoding.written(said["images"], {name: value for name, value in said.items() if name != "images"})


def note_header(notes: list[str]) -> dict[str, str]:
    """Notes as a header: a JSON list in ASCII, cut where it would be too long."""
    if not notes:
        return {}
    while len(said := json.dumps(notes)) > _MOST_LETTERS:
        notes = [note[: len(note) // 2] for note in notes[:20]]
    return {NOTES: said}


def _fetched(body: Img2Img, api: Services) -> Img2Img:
    """The request with the pictures that it names by an address, where they may be fetched. Raises `Refusal`."""
    settings = api.settings.current()
    if not settings.fetch_pictures or settings.offline:
        return body

    def found(sent: Any) -> Any:
        return pictures.fetched(sent, settings.upload_limit_mb * 2**20) if isinstance(sent, str) else sent

    return body.model_copy(update={"init_images": [found(each) for each in body.init_images or ()], "mask": found(body.mask)})


def _submit(body: Generation, api: Services, calls: Calls, who: Viewer) -> tuple[Translation, Job]:
    check_plain(body.model_dump(include={"override_settings", "alwayson_scripts", "script_args", "prompt", "negative_prompt", "styles"}))
    kept = _keep(body, api, who.name) if isinstance(body, Img2Img) else Pictures()
    made = translate(body, kept, who.name, api, calls.options)
    try:
        job = submit_job(api, who, made.request, notes=made.notes)
    except RequestError as error:
        raise in_callers_words(error, body, made.options) from None
    if body.force_task_id:
        calls.name_task(who.name, body.force_task_id, job.id)
    if body.override_settings_restore_afterwards is False and made.overrides:
        calls.options.set(who.name, made.overrides)
    return made, job


def _keep(body: Img2Img, api: Services, owner: str) -> Pictures:
    """The start picture and the mask as uploads of the caller."""
    if not body.init_images:
        raise Refusal(404, "Init image not found")
    if len(body.init_images) > max(body.batch_size or 1, 1):
        said = f"{len(body.init_images)} start pictures came for {body.batch_size} to be made at a time; send at most as many."
        raise RequestError("init_images", said)
    files = [pictures.image_bytes(each) for each in body.init_images]
    if any(data != files[0] for data in files[1:]):
        raise RequestError("init_images", "A script starts from one picture. Send one.")
    init, size = _upload(files[0], api, owner, "init_images")
    if not body.mask:
        return Pictures(init)
    mask, _ = _upload(pictures.image_bytes(body.mask), api, owner, "mask", size)
    return Pictures(init, mask)


def _upload(data: bytes, api: Services, owner: str, field: str, size: tuple[int, int] | None = None) -> tuple[str, tuple[int, int]]:
    """(id, size) of a picture that is kept; one of another size than it must have is resized, as A1111 does with masks."""
    try:
        seen = look(data, field).size
        if size is not None and seen != size:
            with Image.open(io.BytesIO(data)) as picture:
                data = as_png(picture.convert("RGBA" if picture.has_transparency_data else "L").resize(size, Image.Resampling.LANCZOS))
        return api.gallery.upload(data, owner).id, size or seen
    except RequestError as error:
        raise Refusal(422, f"{pictures.INVALID}: {error.message}") from None


def of_failure(job: Job) -> JSONResponse:
    """Why a job failed, with the status of such an error."""
    error = job.error
    kind, said = (error.kind, f"{error.message} {error.advice}".strip()) if error is not None else ("WebUIError", "The job failed.")
    status = next((code for each, code in STATUS.items() if each.__name__ == kind), 500)
    return failed(status, kind, said)
