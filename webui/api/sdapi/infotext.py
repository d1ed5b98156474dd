"""`infotext`: a parameters text whose values stand in for the fields that a body leaves out."""

from collections.abc import Callable
from typing import Any

from pydantic import ValidationError

from webui.api.sdapi import guidance
from webui.api.sdapi.bodies import Generation
from webui.core.request import Fill
from webui.errors import RequestError
from webui.images.dialects.infotext import read_infotext

Read = Callable[[str], Any]
FILLS = [str(each) for each in Fill]


def _size(text: str) -> tuple[str, str]:
    width, _, height = text.partition("x")
    return width, height


FIELDS: dict[str, str] = {
    "Steps": "steps",
    "Sampler": "sampler_name",
    "Schedule type": "scheduler",
    "CFG scale": "cfg_scale",
    "Seed": "seed",
    "Variation seed": "subseed",
    "Variation seed strength": "subseed_strength",
    "Denoising strength": "denoising_strength",
    "Hires upscale": "hr_scale",
    "Hires upscaler": "hr_upscaler",
    "Hires steps": "hr_second_pass_steps",
    "Hires checkpoint": "hr_checkpoint_name",
    "Hires sampler": "hr_sampler_name",
    "Hires schedule type": "hr_scheduler",
    "Hires prompt": "hr_prompt",
    "Hires negative prompt": "hr_negative_prompt",
    "Hires CFG Scale": "hr_cfg",
    "Refiner": "refiner_checkpoint",
    "Refiner switch at": "refiner_switch_at",
    "Mask blur": "mask_blur",
    "Masked area padding": "inpaint_full_res_padding",
    "Tiling": "tiling",
}
SIZES = {
    "Size": ("width", "height"),
    "Hires resize": ("hr_resize_x", "hr_resize_y"),
    "Seed resize from": ("seed_resize_from_w", "seed_resize_from_h"),
}
OPTIONS: dict[str, tuple[str, Read]] = {
    "Clip skip": ("CLIP_stop_at_last_layers", int),
    "ENSD": ("eta_noise_seed_delta", int),
    "RNG": ("randn_source", str),
    "VAE": ("sd_vae", str),
    "Emphasis": ("emphasis", str),
    "Eta": ("eta_ancestral", float),
    "Eta DDIM": ("eta_ddim", float),
    "Schedule max sigma": ("sigma_max", float),
    "Schedule min sigma": ("sigma_min", float),
    "Schedule rho": ("rho", float),
    "Token merging ratio": ("token_merging_ratio", float),
    "Token merging ratio hr": ("token_merging_ratio_hr", float),
}


def filled(body: Generation) -> Generation:
    """The body with what its infotext says of fields that were not sent. Raises `RequestError` for a text that cannot be read."""
    if not body.infotext:
        return body
    read = read_infotext(body.infotext)
    pairs = dict(read.pairs)
    found: dict[str, Any] = {"prompt": read.prompt, "negative_prompt": read.negative}
    found |= {FIELDS[key]: value for key, value in pairs.items() if key in FIELDS}
    for key, names in SIZES.items():
        if "x" in pairs.get(key, ""):
            found |= dict(zip(names, _size(pairs[key]), strict=True))
    if "Hires upscaler" in pairs or "Hires upscale" in pairs or "Hires resize" in pairs:
        found["enable_hr"] = True
    if pairs.get("Masked content") in FILLS:
        found["inpainting_fill"] = FILLS.index(pairs["Masked content"])
    if "Inpaint area" in pairs:
        found["inpaint_full_res"] = pairs["Inpaint area"] == "Only masked"
    sent = body.model_dump(exclude_unset=True)
    if scripts := guidance.scripts_of(pairs):
        found["alwayson_scripts"] = sent["alwayson_scripts"] = {**scripts, **sent.get("alwayson_scripts", {})}
    overrides = {**_options(pairs), **(sent.get("override_settings") or {})}
    try:
        return type(body).model_validate({**found, **sent, **({"override_settings": overrides} if overrides else {})})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise RequestError("infotext", f"Its {first['loc'][0]} cannot be read.") from None


def _options(pairs: dict[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, (name, read) in OPTIONS.items():
        if key not in pairs:
            continue
        try:
            found[name] = read(pairs[key])
        except ValueError:
            raise RequestError("infotext", f"Its {key} cannot be read.") from None
    if "Model" in pairs:
        found["sd_model_checkpoint"] = pairs["Model"] + (f" [{pairs['Model hash']}]" if pairs.get("Model hash") else "")
    return found
