"""Extras: pictures enlarged, or faces mended, by a job of the caller's whose pictures are answered."""

from collections.abc import Mapping, Sequence
from typing import Any

from PIL import Image
from starlette.concurrency import run_in_threadpool

from webui.api import encoding
from webui.api.identity import Viewer
from webui.api.sdapi import options, pictures
from webui.api.sdapi.bodies import Extras, ExtrasSingle
from webui.api.sdapi.calls import Calls
from webui.api.sdapi.refusals import JobFailed, Refusal
from webui.api.submitting import submit_job
from webui.core.job import Job
from webui.core.request import parse_request
from webui.errors import RequestError
from webui.images.decode import MAX_PIXELS, MAX_SIDE, read_image
from webui.images.finishing import is_none
from webui.images.text_chunks import read_texts
from webui.images.upscaling import AT_ONCE, FILTERS, enlarge, target_of
from webui.services import Services

_FIELDS = {
    "upscaler": "upscaler_1",
    "second": "upscaler_2",
    "second_visibility": "extras_upscaler_2_visibility",
    "scale": "upscaling_resize",
    "width": "upscaling_resize_w",
    "height": "upscaling_resize_h",
}


def is_wanted(body: Extras, mending: Sequence[Mapping[str, Any]] = ()) -> bool:
    """Whether anything is to be done; `mending` are the steps that mend faces."""
    return bool(mending) or not is_none(body.upscaler_1)


async def enlarged(body: ExtrasSingle, image: Image.Image, api: Services, calls: Calls, who: Viewer) -> Image.Image:
    """A picture by one upscaler, by A1111's rule; itself by "None". Raises as `upscaled` does."""
    if is_none(body.upscaler_1):
        return image
    if body.upscaler_1.strip().lower() in FILTERS:
        check_size(image, body.upscaling_resize)
        return await run_in_threadpool(enlarge, image, FILTERS[body.upscaler_1.strip().lower()], body.upscaling_resize, AT_ONCE)
    (made,), _ = await upscaled(body, [encoding.encoded(encoding.png(image))], api, calls, who)
    return pictures.picture_of(made)[1].convert("RGB")


def check_size(image: Image.Image, factor: float, field: str = "upscaling_resize") -> None:
    """Raises `RequestError` on `field` for a result that could not be opened again."""
    width, height = target_of(image, factor)
    if width * height > MAX_PIXELS or max(width, height) > MAX_SIDE:
        said = f"The result would have {width}×{height} pixels; at most {MAX_PIXELS // 2**20} million can be made."
        raise RequestError(field, said)


async def upscaled(
    body: Extras, sent: Sequence[str], api: Services, calls: Calls, who: Viewer, mending: Sequence[Mapping[str, Any]] = ()
) -> tuple[list[str], list[str]]:
    """The pictures as they are answered, and the job's notes. Raises `Refusal`, `RequestError`, `JobFailed`."""
    steps = [*([] if is_none(body.upscaler_1) else [_step(body)]), *mending]
    job = await calls.endings.wait(await run_in_threadpool(_submit, steps, sent, api, calls, who))
    if job.state == "failed":
        raise JobFailed(job)
    if len(job.images) < len(sent):
        raise Refusal(500, " ".join(job.notes) or "The job was interrupted before all pictures were done.")
    return await run_in_threadpool(lambda: [_answered(api, job, index, each) for index, each in enumerate(sent)]), list(job.notes)


def _step(body: Extras) -> dict[str, Any]:
    by_size = {"width": body.upscaling_resize_w, "height": body.upscaling_resize_h}
    size = by_size if body.resize_mode == 1 else {"scale": body.upscaling_resize}
    step = {"kind": "upscale", "upscaler": body.upscaler_1, "second": body.upscaler_2, "crop": body.upscaling_crop, **size}
    return {**step, "second_visibility": body.extras_upscaler_2_visibility}


def _submit(steps: Sequence[Mapping[str, Any]], sent: Sequence[str], api: Services, calls: Calls, who: Viewer) -> Job:
    found = [pictures.picture_of(each) for each in sent]
    for step in steps:
        if step["kind"] == "upscale":
            for _, picture in found:
                check_size(picture, _factor(step, picture), _FIELDS["scale" if "scale" in step else "width"])
    ids = [api.gallery.upload(data, who.name).id for data, _ in found]
    tiles = {name: value for name, value in options.request_fields(calls.options.set_by(who.name)).items() if name.startswith("upscale_")}
    try:
        return submit_job(api, who, parse_request({"mode": "extras", "inputs": ids, "finish": list(steps), **tiles}))
    except RequestError as error:
        raise RequestError(_FIELDS.get(error.field.rpartition(".")[2], error.field), error.message) from None


def _factor(step: Mapping[str, Any], picture: Image.Image) -> float:
    """The factor asked for, or that which covers the size asked for."""
    if "scale" in step:
        return min(float(step["scale"]), MAX_SIDE)
    return float(max(step["width"] / picture.width, step["height"] / picture.height))


def _answered(api: Services, job: Job, index: int, sent: str) -> str:
    """A picture with the texts of the one that was sent, as A1111 answers it; the one that is kept also says what was done."""
    made = read_image(api.gallery.path(job.images[index]).read_bytes(), "image")
    return encoding.encoded(encoding.png(made, dict(read_texts(pictures.picture_of(sent)[0]).found)))
