"""What A1111's clients get: pictures as base64, the body with its defaults, and `info`, a JSON text of what was really used."""

import json
from collections.abc import Sequence
from typing import Any

from PIL import Image

from webui import __version__
from webui.api import encoding
from webui.api.sdapi.bodies import Generation, Img2Img
from webui.api.sdapi.rounds import Outcome
from webui.api.sdapi.translate import Translation
from webui.core.job import Job
from webui.core.record import ImageRecord
from webui.core.request import GenerationRequest, TemplateField
from webui.errors import RequestError
from webui.gallery.service import Gallery
from webui.images import pixels, text_chunks
from webui.images.decode import read_image, read_mask
from webui.images.parameters import GenerationInfo, image_seeds, write_parameters
from webui.samplers.catalog import AUTOMATIC

VERSION = f"Darkroom {__version__}"


def answer(job: Job, body: Generation, made: Translation, gallery: Gallery, frame: bytes | None = None) -> dict[str, Any]:
    """The whole answer. `frame`: the last preview of a job that was interrupted, which stands for the picture it was at."""
    files = [(record, gallery.path(record).read_bytes()) for record in job.images]
    texts = [text_chunks.read_texts(data).found.get(text_chunks.PARAMETERS, "") for _, data in files]
    shown: list[bytes] = []
    for record, data in files:
        shown.append(_as_wanted(data, made))
        shown += _masks(record, data, job.request, made, gallery)
    if not files and frame is not None and (last := _last_frame(frame, job.request)) is not None:
        shown.append(last)
        texts.append(text_chunks.read_texts(last).found[text_chunks.PARAMETERS])
    first = 0
    if body.save_images and len(files) > 1:
        shown.insert(0, _grid([data for _, data in files], texts[0]))
        texts.insert(0, texts[0])
        first = 1
    facts = info(job, body, made, texts)
    facts["index_of_first_image"] = first
    sent = [encoding.encoded(data) for data in shown] if body.send_images else []
    return {"images": sent, "parameters": echo(body, made), "info": json.dumps(facts)}


def files(job: Job, gallery: Gallery) -> list[bytes]:
    """The files of a job's pictures."""
    return [gallery.path(record).read_bytes() for record in job.images]


def of_rounds(outcome: Outcome, body: Generation, gallery: Gallery) -> dict[str, Any]:
    """The answer of a script: every round's pictures, a grid of all before them, or the one picture that they became."""
    parts = [(made, job, data) for made, job in outcome.made for data in files(job, gallery)]
    texts = [text_chunks.read_texts(data).found.get(text_chunks.PARAMETERS, "") for _, _, data in parts]
    shown = [_as_wanted(data, made) for made, _, data in parts]
    if outcome.whole is not None and texts:
        shown, texts = [encoding.png(read_image(outcome.whole, "picture"), {text_chunks.PARAMETERS: texts[0]})], texts[:1]
    if outcome.grid and len(parts) > 1:
        shown.insert(0, _grid([data for _, _, data in parts], texts[0] if outcome.grid_has_text else ""))
        texts.insert(0, texts[0])
    if outcome.first is not None and texts:
        shown.insert(0, encoding.png(read_image(outcome.first, "picture"), {text_chunks.PARAMETERS: texts[0]}))
        texts.insert(0, texts[0])
    made, job = outcome.made[0]
    facts = info(job, body, made, texts)
    each = [info(one, body, translation, ()) for translation, one in outcome.made]
    for name in ("all_prompts", "all_negative_prompts", "all_seeds", "all_subseeds"):
        facts[name] = [value for found in each for value in found[name]]
    has_grid = outcome.grid and outcome.grid_has_text and len(parts) > 1
    facts["index_of_first_image"] = int(has_grid or outcome.first is not None)
    sent = [encoding.encoded(data) for data in shown] if body.send_images else []
    return {"images": sent, "parameters": echo(body, made), "info": json.dumps(facts)}


def echo(body: Generation, made: Translation) -> dict[str, Any]:
    """The body as it was understood; start pictures only where they were asked for."""
    said = body.known
    said["override_settings"] = made.overrides
    said["do_not_save_samples"] = said["do_not_save_grid"] = not body.save_images if body.save_images else False
    if isinstance(body, Img2Img) and not body.include_init_images:
        said["init_images"] = said["mask"] = None
    return said


def info(job: Job, body: Generation, made: Translation, texts: Sequence[str]) -> dict[str, Any]:
    """The 32 facts of `info`, in A1111's order."""
    request = job.request
    seeds = [image_seeds(request, index) for index in range(request.count)]
    name, _, digest = (request.checkpoint or "").partition(" [")
    prompts, negatives = _filled(request, "prompt", made.prompt), _filled(request, "negative_prompt", made.negative_prompt)
    return {
        "prompt": prompts[0],
        "all_prompts": prompts,
        "negative_prompt": negatives[0],
        "all_negative_prompts": negatives,
        "seed": seeds[0][0],
        "all_seeds": [seed for seed, _ in seeds],
        "subseed": seeds[0][1],
        "all_subseeds": [subseed for _, subseed in seeds],
        "subseed_strength": body.subseed_strength or 0,
        "width": _asked(body, "width"),
        "height": _asked(body, "height"),
        "sampler_name": request.sampler,
        "cfg_scale": 7.0 if body.cfg_scale is None else body.cfg_scale,
        "steps": request.steps,
        "batch_size": request.batch_size,
        "restore_faces": False,
        "face_restoration_model": None,
        "sd_model_name": name.rpartition("/")[2],
        "sd_model_hash": digest.rstrip("]"),
        "sd_vae_name": request.vae,
        "sd_vae_hash": None,
        "seed_resize_from_w": body.seed_resize_from_w,
        "seed_resize_from_h": body.seed_resize_from_h,
        "denoising_strength": body.denoising_strength,
        "extra_generation_params": _further(request, body),
        "index_of_first_image": 0,
        "infotexts": list(texts),
        "styles": list(body.styles or ()),
        "job_timestamp": timestamp(job),
        "clip_skip": request.clip_skip,
        "is_using_inpainting_conditioning": False,
        "version": VERSION,
    }


def _filled(request: GenerationRequest, field: TemplateField, text: str) -> list[str]:
    """A prompt of each picture: as it was sent, or what its template became."""
    template = request.templates.get(field)
    return [text] * request.count if template is None else list(template.filled)


def timestamp(job: Job) -> str:
    """When the job began, as A1111 writes it."""
    return (job.started or job.created).astimezone().strftime("%Y%m%d%H%M%S")


def _asked(body: Generation, name: str) -> int:
    """A side as it was asked for; what of it was cut off shows in the picture alone."""
    first = getattr(body, f"firstphase_{name}", 0) if getattr(body, "enable_hr", False) else 0
    asked = first or getattr(body, name)
    return int(512 if asked is None else asked)


def _further(request: GenerationRequest, body: Generation) -> dict[str, Any]:
    """What A1111 writes into pictures beside the usual."""
    found: dict[str, Any] = {}
    if request.mode != "txt2img" or request.hires is not None:
        found["Denoising strength"] = body.denoising_strength if body.denoising_strength is not None else 0.75
    if request.mode == "inpaint":
        found |= _of_mask(request)
    if request.hires is not None:
        hires = request.hires
        found |= {"Hires prompt": hires.prompt or None, "Hires negative prompt": hires.negative_prompt or None}
        found |= {"Hires CFG Scale": hires.guidance, "Hires schedule type": hires.schedule}
        if hires.width or hires.height:
            found["Hires resize"] = f"{hires.width}x{hires.height}"
        else:
            found["Hires upscale"] = hires.scale
        found |= {"Hires steps": hires.steps} if hires.steps else {}
        found |= {"Hires sampler": hires.sampler} if hires.sampler else {}
        found["Hires upscaler"] = hires.upscaler
    if request.schedule != AUTOMATIC:
        found["Schedule type"] = request.schedule
    return found


def _of_mask(request: GenerationRequest) -> dict[str, Any]:
    found: dict[str, Any] = {"Mask mode": "Inpaint not masked"} if request.invert_mask else {}
    found |= {"Mask blur": request.mask_blur} if request.mask_blur else {}
    found |= {"Inpaint area": "Only masked", "Masked area padding": request.padding} if request.only_masked else {}
    return found | ({"Masked content": request.fill} if request.fill != "original" else {})


def _as_wanted(data: bytes, made: Translation) -> bytes:
    """The saved file; in another format where the caller has set one for good. An override ends before the picture is encoded."""
    overridden = "samples_format" in (made.overrides or {})
    wanted = made.options.get("samples_format")
    if not isinstance(wanted, str) or overridden:
        return data
    return encoding.in_format(data, wanted, int(made.options.get("jpeg_quality", 80)))


def _masks(record: ImageRecord, data: bytes, request: GenerationRequest, made: Translation, gallery: Gallery) -> list[bytes]:
    """The mask, and the changed part alone, where the caller's options ask for them."""
    wanted = [bool(made.options.get(name)) for name in ("return_mask", "return_mask_composite")]
    if request.mode != "inpaint" or request.mask is None or not any(wanted):
        return []
    grey = pixels.mask_grey(read_mask(gallery.path_by_id(request.mask).read_bytes(), "mask"), request.mask_round)
    mask = pixels.prepare_mask(grey, invert=request.invert_mask, blur=request.mask_blur, round_alpha=request.mask_round)
    mask = mask.resize((record.width, record.height))
    found = [encoding.png(mask.convert("RGB"))] if wanted[0] else []
    if wanted[1]:
        composite = read_image(data, "picture").convert("RGBA")
        composite.putalpha(mask)
        found.append(encoding.png(composite))
    return found


def _grid(files: Sequence[bytes], text: str) -> bytes:
    sheet = pixels.grid([read_image(data, "picture").convert("RGB") for data in files])
    return encoding.png(sheet.convert("RGBA"), {text_chunks.PARAMETERS: text} if text else None)


def _last_frame(frame: bytes, request: GenerationRequest) -> bytes | None:
    """A preview at the picture's size; None where it cannot be read."""
    size = (request.width or 512, request.height or 512)
    try:
        picture = read_image(frame, "preview").convert("RGB").resize(size, Image.Resampling.LANCZOS)
    except RequestError:
        return None
    return encoding.png(picture, {text_chunks.PARAMETERS: write_parameters(request, 0, GenerationInfo(version=__version__))})
