"""The caller's names of what is refused: A1111's field, option or script argument that one of our request's fields came from."""

from collections.abc import Iterator, Mapping
from typing import Any

from webui.api.sdapi import guidance
from webui.api.sdapi.always import SOFT
from webui.api.sdapi.bodies import Generation
from webui.api.sdapi.options import PLAIN
from webui.errors import RequestError
from webui.images.dialects.adetailer import WORDS

FIELDS: Mapping[str, tuple[str, ...]] = {
    "guidance": ("cfg_scale",),
    "batch_count": ("n_iter",),
    "variation_seed": ("subseed",),
    "variation_strength": ("subseed_strength",),
    "seed_resize_width": ("seed_resize_from_w",),
    "seed_resize_height": ("seed_resize_from_h",),
    "sampler": ("sampler_name", "sampler_index"),
    "schedule": ("scheduler",),
    "tiling": ("tiling",),
    "sampler_options.eta": ("eta",),
    "sampler_options.churn": ("s_churn",),
    "sampler_options.churn_min": ("s_tmin",),
    "sampler_options.churn_max": ("s_tmax",),
    "sampler_options.noise_scale": ("s_noise",),
    "guidance_options.min_sigma": ("s_min_uncond",),
    "hires": ("enable_hr",),
    "hires.scale": ("hr_scale",),
    "hires.width": ("hr_resize_x",),
    "hires.height": ("hr_resize_y",),
    "hires.steps": ("hr_second_pass_steps",),
    "hires.strength": ("denoising_strength",),
    "hires.upscaler": ("hr_upscaler",),
    "hires.checkpoint": ("hr_checkpoint_name",),
    "hires.sampler": ("hr_sampler_name",),
    "hires.schedule": ("hr_scheduler",),
    "hires.guidance": ("hr_cfg",),
    "hires.prompt": ("hr_prompt",),
    "hires.negative_prompt": ("hr_negative_prompt",),
    "init": ("init_images",),
    "strength": ("denoising_strength",),
    "image_guidance": ("image_cfg_scale",),
    "noise_multiplier": ("initial_noise_multiplier",),
    "mask_blur": ("mask_blur", "mask_blur_x", "mask_blur_y"),
    "fill": ("inpainting_fill",),
    "only_masked": ("inpaint_full_res",),
    "padding": ("inpaint_full_res_padding",),
    "invert_mask": ("inpainting_mask_invert",),
    "width": ("firstphase_width", "width"),
    "height": ("firstphase_height", "height"),
    "restore": ("restore_faces",),
}
"""Which of the body's fields one of ours is made of; of several, the first that was sent."""
OPTIONS: Mapping[str, tuple[str, ...]] = {
    **{ours: (name,) for name, (ours, _) in PLAIN.items()},
    "sampler_options.eta": ("eta_ancestral", "eta_ddim"),
    "checkpoint": ("sd_model_checkpoint",),
    "vae": ("sd_vae",),
    "restore": ("face_restoration_model",),
}
"""Which options it is made of where no field says it."""
_DETAILER = {word.field: word.argument for word in reversed(WORDS)}
_SCRIPTS = {ours: label for label, ours in SOFT.items()}


def in_callers_words(error: RequestError, body: Generation, chosen: Mapping[str, Any]) -> RequestError:
    """The same refusal about what the caller sent. `chosen`: the options of this request, its overrides and the caller's own."""
    return RequestError(_theirs(error.field, body, chosen), error.message)


def _theirs(field: str, body: Generation, chosen: Mapping[str, Any]) -> str:
    first, _, rest = field.partition(".")
    if first == "extras":
        return f"alwayson_scripts.{rest}"
    if first == "soft_inpaint":
        return f"alwayson_scripts.Soft inpainting.{_SCRIPTS.get(rest, rest)}"
    if first == "finish":
        return _of_step(rest, body, chosen)
    if first.startswith("refiner_") and not getattr(body, first, None):
        return f"alwayson_scripts.Refiner.{first}"
    return guidance.caller_named(field) or next(_candidates(field, body, chosen), field)


def _candidates(field: str, body: Generation, chosen: Mapping[str, Any]) -> Iterator[str]:
    """What it may have come from, the likeliest first."""
    fields = [name for name in FIELDS.get(field, ()) if name in type(body).model_fields]
    yield from (name for name in fields if name in body.model_fields_set and getattr(body, name) not in (None, 0))
    yield from (name for name in fields if name in body.model_fields_set and getattr(body, name) is not None)
    for option in OPTIONS.get(field, ()):
        if option in chosen:
            yield f"override_settings.{option}" if option in (body.override_settings or {}) else f"options.{option}"
    yield from fields
    if field in type(body).model_fields:
        yield field
    yield from (f"override_settings.{option}" for option in OPTIONS.get(field, ()))


def _of_step(place: str, body: Generation, chosen: Mapping[str, Any]) -> str:
    """A step of the finish chain: the detailer's comes of ADetailer's arguments, a mended face's of `restore_faces`."""
    parts = [part for part in place.split(".") if not part.isdecimal()]
    name = parts[-1] if parts else ""
    if body.restore_faces and (name in ("model", "visibility", "fidelity") or "restore" in parts):
        return next(_candidates("restore", body, chosen))
    return f"alwayson_scripts.ADetailer.{_DETAILER.get(name, name)}".rstrip(".")
