"""The Extras tab's routes and PNG info: pictures larger or smaller, and what a picture says of itself."""

import html
from collections.abc import Callable
from typing import Any

from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from webui.api import encoding
from webui.api.identity import Viewer
from webui.api.sdapi import networks, pictures, restoring, run
from webui.api.sdapi.bodies import Extras, ExtrasBatch, ExtrasSingle
from webui.api.sdapi.calls import Calls
from webui.api.sdapi.refusals import JobFailed, Refusal
from webui.images import text_chunks
from webui.images.dialects.infotext import read_infotext
from webui.images.finishing import is_none
from webui.images.upscaling import BUILTIN_UPSCALERS, FILTERS
from webui.services import Services

_NAMES = ", ".join(upscaler.name for upscaler in BUILTIN_UPSCALERS)
_FILLED: dict[str, Any] = {
    "Clip skip": "1",
    "Hires resize-1": 0,
    "Hires resize-2": 0,
    "Hires sampler": "Use same sampler",
    "Hires schedule type": "Use same scheduler",
    "Hires checkpoint": "Use same checkpoint",
    "Hires prompt": "",
    "Hires negative prompt": "",
    "Mask mode": "Inpaint masked",
    "Masked content": "original",
    "Inpaint area": "Whole picture",
    "Masked area padding": 32,
    "RNG": "GPU",
    "Schedule type": "Automatic",
    "Schedule max sigma": 0,
    "Schedule min sigma": 0,
    "Schedule rho": 0,
    "VAE Encoder": "Full",
    "VAE Decoder": "Full",
    "FP8 weight": "Disable",
    "Refiner switch by sampling steps": False,
}
"""What a text that does not say it means, for those who paste it."""


async def single(body: ExtrasSingle, api: Services, calls: Calls, who: Viewer) -> JSONResponse:
    """The answer of extra-single-image."""
    return await _answer(body, [body.image], lambda made: {"html_info": _html(body), "image": made[0]}, api, calls, who)


async def batch(body: ExtrasBatch, api: Services, calls: Calls, who: Viewer) -> JSONResponse:
    """The answer of extra-batch-images."""
    sent = [each.data for each in body.imageList]
    return await _answer(body, sent, lambda made: {"html_info": _html(body), "images": made}, api, calls, who)


async def _answer(
    body: Extras, sent: list[str], said: Callable[[list[str]], dict[str, Any]], api: Services, calls: Calls, who: Viewer
) -> JSONResponse:
    told = body.passed_over
    visibilities = {restoring.GFPGAN: body.gfpgan_visibility, restoring.CODEFORMER: body.codeformer_visibility}
    mending = restoring.steps_of_extras(visibilities, body.codeformer_weight, api, told)
    try:
        if sent and networks.is_wanted(body, mending):
            made, notes = await networks.upscaled(body, sent, api, calls, who, mending)
        else:
            made, notes = await run_in_threadpool(_as_they_are, sent, api, who), []
    except JobFailed as error:
        return run.of_failure(error.job)
    return JSONResponse(said(made), headers=run.note_header([*told, *notes]))


def _as_they_are(sent: list[str], api: Services, who: Viewer) -> list[str]:
    """Pictures with which nothing is to be done, as PNG. They count among what the caller has sent all the same."""
    made = []
    for each in sent:
        data, picture = pictures.picture_of(each)
        api.quotas.take(who.name, uploads=len(data) / 2**20, megapixels=picture.width * picture.height / 1e6, pictures=1.0)
        texts = text_chunks.read_texts(data).found
        made.append(encoding.encoded(data if data.startswith(b"\x89PNG") else encoding.png(picture, texts)))
    return made


def _html(body: Extras) -> str:
    if body.upscaler_1.strip().lower() in ("", "none"):
        return "<p></p>"
    size = f"{body.upscaling_resize_w}x{body.upscaling_resize_h}"
    by = f"Postprocess upscale by: {body.upscaling_resize}"
    to = f"Postprocess upscale to: {size}" + (f", Postprocess crop to: {size}" if body.upscaling_crop else "")
    known = {key: upscaler.name for key, upscaler in FILTERS.items()}
    name, other = (known.get(each.strip().lower(), html.escape(each.strip())) for each in (body.upscaler_1, body.upscaler_2))
    second = f", Postprocess upscaler 2: {other}" if body.extras_upscaler_2_visibility and not is_none(other) else ""
    return f"<p>{to if body.resize_mode == 1 else by}, Postprocess upscaler: {name}{second}</p>"


def png_info(sent: str) -> dict[str, Any]:
    """The answer of png-info."""
    data, _ = pictures.picture_of(sent)
    texts = dict(text_chunks.read_texts(data).found)
    text = texts.pop(text_chunks.PARAMETERS, "")
    return {"info": text, "items": texts, "parameters": parameters(text)}


def parameters(text: str) -> dict[str, Any]:
    """A parameters text taken apart as A1111 does for its page: texts by key, and what a text leaves out filled up."""
    read = read_infotext(text)
    found: dict[str, Any] = {}
    modules: list[str] = []
    for key, value in read.pairs:
        width, mark, height = value.partition("x")
        if mark and width.isdecimal() and height.isdecimal():
            found |= {f"{key}-1": width, f"{key}-2": height}
        elif key == "VAE" or (key.startswith("Module ") and key[7:].isdecimal()):
            modules.append(value)
        else:
            found[key] = value
    found |= {"Prompt": read.prompt, "Negative prompt": read.negative}
    found |= {key: value for key, value in _FILLED.items() if key not in found}
    found |= {"VAE/TE": modules} if modules else {}
    return found | {"Hires VAE/TE": found.get("Hires VAE/TE", ["Use same choices"])}


def no_interrogator(model: str) -> Refusal:
    """What is said to who wants a picture described."""
    known = model.lower() in ("clip", "deepdanbooru", "deepbooru")
    return Refusal(404, "Model not found" if not known else f"Model not found: Darkroom has no {model} to describe pictures with.")
