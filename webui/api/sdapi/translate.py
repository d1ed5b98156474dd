"""A1111's body as one of our requests: names, sizes, samplers, options, styles; and what had to be said about it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from webui.api.sdapi import options, restoring
from webui.api.sdapi.always import always_on
from webui.api.sdapi.bodies import Generation, Img2Img, Txt2Img
from webui.api.sdapi.fieldnames import in_callers_words
from webui.core.fields import nested
from webui.core.request import MAX_SIDE, MIN_SIDE, Fill, GenerationRequest, ResizeMode, parse_request
from webui.errors import RequestError
from webui.prompts.grammar import as_no_comment
from webui.samplers.catalog import AUTOMATIC, find_sampler, find_schedule, parse_sampler_name
from webui.services import Services
from webui.words import styles

FILLS, RESIZE_MODES = tuple(Fill), tuple(ResizeMode)
UNKNOWN_SAMPLER = "DPM++ 2M"
"""What A1111 takes in place of a sampler that it does not know."""
SAME = ("", "use same sampler", "use same scheduler", "use same checkpoint")
_COMMENT_LINE = re.compile(r"(?:^|(?<=\n))#[^\n]*(?:\n|\Z)")
_COMMENT = re.compile(r"#[^\n]*")
_NO_LORA = re.compile(r"<(?:lora|lyco|hypernet):[^>]*>")


@dataclass
class Translation:
    """The request, the options it was made with, the prompts as the caller's styles left them, and notes for the caller."""

    request: GenerationRequest
    options: dict[str, Any]
    prompt: str
    negative_prompt: str
    overrides: dict[str, Any] | None
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Pictures:
    """Ids of the uploads that the body brought."""

    init: str | None = None
    mask: str | None = None


def translate(body: Generation, pictures: Pictures, owner: str, api: Services, own: options.OwnerOptions) -> Translation:
    """The request that a body means. Raises `RequestError` and `Refusal` for what cannot be done."""
    notes = body.passed_over
    overrides = _overrides(body.override_settings, own, notes)
    chosen = {**own.set_by(owner), **(overrides or {})}
    notes += options.without_effect(chosen)
    known = api.words.styles.all().styles
    prompt, negative, missing = styles.apply(known, body.styles or (), body.prompt or "", body.negative_prompt or "")
    notes += [f"There is no style named {name[:100]!r}; it changed nothing." for name in missing]
    is_commented = chosen.get("enable_prompt_comments", True)
    if is_commented:
        prompt, negative = without_comments(prompt), without_comments(negative)
    names = Names(api, notes)
    flat = {**options.request_fields(chosen), **_common(body, chosen, names, notes)}
    meant = (prompt, negative) if is_commented else (as_no_comment(prompt), as_no_comment(negative))
    flat |= {"prompt": _networks(body, meant[0]), "negative_prompt": meant[1]}
    flat |= _from_picture(body, pictures, notes) if isinstance(body, Img2Img) else _second_pass(body, names, notes)
    if isinstance(body, Img2Img) and (ratio := chosen.get("token_merging_ratio_img2img")):
        flat["token_merging.ratio"] = ratio
    flat |= always_on(body, api, notes)
    if mended := restoring.steps_of(body.restore_faces, chosen.get(restoring.OPTION), api, notes):
        flat["finish"] = [*mended, *flat.get("finish", [])]
    flat["sampler"], flat["schedule"] = names.sampling(body.sampler_name or body.sampler_index or "Euler", body.scheduler)
    flat |= _eta(body, chosen, str(flat["sampler"]))
    try:
        request = parse_request(nested({name: value for name, value in flat.items() if value is not None}))
    except RequestError as error:
        raise in_callers_words(error, body, chosen) from None
    return Translation(request, chosen, prompt, negative, overrides, notes)


def without_comments(prompt: str) -> str:
    """The prompt without `#` and the rest of its line; a line that is nothing else goes whole."""
    return _COMMENT.sub("", _COMMENT_LINE.sub("", prompt)) if "#" in prompt else prompt


class Names:
    """Samplers and schedules by the names that A1111's clients use; an unknown one is replaced, as A1111 does, and named."""

    def __init__(self, api: Services, notes: list[str]) -> None:
        known = api.capabilities.current()
        self._samplers = {key.lower(): each.name for each in known.samplers for key in (each.name, *each.aliases)}
        self._schedules = {key.lower(): each.name for each in known.schedules for key in (each.name, *each.aliases)}
        self._notes = notes

    def sampling(self, name: str, schedule: str | None) -> tuple[str, str]:
        """(sampler, schedule); a schedule at the end of the sampler's name counts where none is given."""
        plain, inside = (name, "") if find_sampler(name) is not None else parse_sampler_name(name)
        given = (schedule or "").strip()
        return self.sampler(plain), self.schedule(given if given and given.lower() != "automatic" else inside or given)

    def sampler(self, name: str) -> str:
        """The sampler of this name, or A1111's first."""
        key = name.strip().lower()
        if find_sampler(key) is not None:
            return name
        if key in self._samplers:
            return self._samplers[key]
        self._notes.append(f"There is no sampler named {name[:100]!r}; {UNKNOWN_SAMPLER} was taken.")
        return UNKNOWN_SAMPLER

    def schedule(self, name: str) -> str:
        """The schedule of this name or label, or Automatic."""
        key = name.strip().lower()
        if not key:
            return AUTOMATIC
        known = find_schedule(key)
        if known is not None:
            return known.name
        if key in self._schedules:
            return self._schedules[key]
        self._notes.append(f"There is no schedule named {name[:100]!r}; {AUTOMATIC} was taken.")
        return AUTOMATIC


def _overrides(given: Mapping[str, Any] | None, own: options.OwnerOptions, notes: list[str]) -> dict[str, Any] | None:
    """The overrides, each in its type; a checkpoint that is not here is left out, and said."""
    if given is None:
        return None
    kept = {}
    for name, value in given.items():
        try:
            kept[name] = own.checked(name, value)
        except RequestError as error:
            if name != "sd_model_checkpoint" or not isinstance(value, str):
                raise RequestError(f"override_settings.{error.field}", error.message) from None
            notes.append(f"There is no checkpoint named {value[:100]!r}; the one in use was taken.")
    return kept


def _common(body: Generation, chosen: Mapping[str, Any], names: Names, notes: list[str]) -> dict[str, Any]:
    """The fields that both routes have."""
    batch_size = _at_least_one("batch_size", body.batch_size or 0)
    rounds = _at_least_one("n_iter", 1 if body.n_iter is None else body.n_iter)
    guidance = 7.0 if body.cfg_scale is None else body.cfg_scale
    return {
        "width": side("width", body.width),
        "height": side("height", body.height),
        "steps": _at_least_one("steps", 50 if body.steps is None else body.steps),
        "guidance": bounded("cfg_scale", guidance, 0.0, 100.0, notes),
        "seed": _seed(body.seed),
        "variation_seed": _seed(body.subseed),
        "variation_strength": bounded("subseed_strength", body.subseed_strength or 0.0, 0.0, 1.0, notes),
        "seed_resize_width": max(body.seed_resize_from_w or 0, 0),
        "seed_resize_height": max(body.seed_resize_from_h or 0, 0),
        "batch_size": batch_size,
        "batch_count": rounds,
        "tiling": body.tiling if body.tiling is not None else chosen.get("tiling"),
        "refiner_checkpoint": body.refiner_checkpoint if (body.refiner_checkpoint or "").lower() not in ("", "none") else None,
        "refiner_switch_at": body.refiner_switch_at,
        "sampler_options.churn": body.s_churn if body.s_churn is not None else chosen.get("s_churn"),
        "sampler_options.churn_min": body.s_tmin if body.s_tmin is not None else chosen.get("s_tmin"),
        "sampler_options.churn_max": (body.s_tmax if body.s_tmax is not None else chosen.get("s_tmax")) or None,
        "sampler_options.noise_scale": body.s_noise if body.s_noise is not None else chosen.get("s_noise"),
        "guidance_options.min_sigma": body.s_min_uncond if body.s_min_uncond is not None else chosen.get("s_min_uncond"),
    }


def _networks(body: Generation, prompt: str) -> str:
    return _NO_LORA.sub("", prompt) if body.disable_extra_networks else prompt


def _eta(body: Generation, chosen: Mapping[str, Any], sampler: str) -> dict[str, Any]:
    """The request's eta, else the option for this kind of sampler."""
    if body.eta is not None:
        return {"sampler_options.eta": body.eta}
    known = find_sampler(sampler)
    option = "eta_ddim" if known is not None and known.space == "timestep" else "eta_ancestral"
    return {"sampler_options.eta": chosen[option]} if option in chosen else {}


def _from_picture(body: Img2Img, pictures: Pictures, notes: list[str]) -> dict[str, Any]:
    """What img2img adds."""
    blur = body.mask_blur if body.mask_blur is not None else max(body.mask_blur_x or 0, body.mask_blur_y or 0)
    if body.mask_blur is None and body.mask_blur_x != body.mask_blur_y:
        notes.append(f"mask_blur_x and mask_blur_y are one number in Darkroom; {blur} was taken.")
    if body.latent_mask:
        notes.append("Darkroom takes no latent_mask; it changed nothing.")
    mode, fill = body.resize_mode or 0, body.inpainting_fill or 0
    if not 0 <= mode < len(RESIZE_MODES):
        notes.append(f"There is no resize_mode {mode}; 2 (Resize and fill) was taken.")
    fields: dict[str, Any] = {
        "mode": "inpaint" if pictures.mask else "img2img",
        "init": pictures.init,
        "strength": bounded("denoising_strength", body.denoising_strength, 0.0, 1.0, notes),
        "resize_mode": RESIZE_MODES[mode if 0 <= mode < len(RESIZE_MODES) else 2],
        "image_guidance": body.image_cfg_scale,
        "noise_multiplier": body.initial_noise_multiplier,
    }
    if pictures.mask is None:
        return fields
    if not 0 <= fill < len(FILLS):
        raise RequestError("inpainting_fill", f"inpainting_fill must be 0 ({FILLS[0]}) to {len(FILLS) - 1} ({FILLS[-1]}).")
    return fields | {
        "mask": pictures.mask,
        "mask_blur": blur,
        "mask_round": body.mask_round,
        "fill": FILLS[fill],
        "only_masked": bool(body.inpaint_full_res),
        "padding": body.inpaint_full_res_padding or 0,
        "invert_mask": bool(body.inpainting_mask_invert),
    }


def _second_pass(body: Txt2Img, names: Names, notes: list[str]) -> dict[str, Any]:
    """What Hires. fix adds."""
    if not body.enable_hr:
        return {}
    checkpoint = body.hr_checkpoint_name if (body.hr_checkpoint_name or "").lower() not in SAME else None
    first: dict[str, Any] = {}
    if body.firstphase_width or body.firstphase_height:
        first = {"width": side("firstphase_width", body.firstphase_width), "height": side("firstphase_height", body.firstphase_height)}
    sampler = body.hr_sampler_name if (body.hr_sampler_name or "").lower() not in SAME else None
    schedule = body.hr_scheduler if (body.hr_scheduler or "").lower() not in SAME else None
    if "hr_cfg" not in body.model_fields_set:
        notes.append("hr_cfg was not sent; as in Forge the second pass has a CFG scale of 1.")
    strength = 0.75 if body.denoising_strength is None else body.denoising_strength
    return first | {
        "hires.scale": body.hr_scale,
        "hires.width": _down(body.hr_resize_x or 0),
        "hires.height": _down(body.hr_resize_y or 0),
        "hires.steps": body.hr_second_pass_steps or 0,
        "hires.strength": bounded("denoising_strength", strength, 0.0, 1.0, notes),
        "hires.upscaler": body.hr_upscaler or "Latent",
        "hires.checkpoint": checkpoint,
        "hires.sampler": names.sampler(parse_sampler_name(sampler)[0]) if sampler else None,
        "hires.schedule": names.schedule(schedule) if schedule else None,
        "hires.guidance": body.hr_cfg if body.hr_cfg is not None else 1.0,
        "hires.prompt": body.hr_prompt or "",
        "hires.negative_prompt": body.hr_negative_prompt or "",
    }


def side(name: str, value: int | None) -> int:
    """A side, cut down to a multiple of 8. Raises `RequestError` for one that no picture may have."""
    value = 512 if value is None else value
    if not MIN_SIDE <= _down(value) <= MAX_SIDE:
        raise RequestError(name, f"It must be between {MIN_SIDE} and {MAX_SIDE}; it is {value}.")
    return _down(value)


def _down(value: int) -> int:
    return value // 8 * 8


def bounded(name: str, value: float, low: float, high: float, notes: list[str]) -> float:
    """A number within Darkroom's bounds, with a note where it was not."""
    if low <= value <= high:
        return value
    used = min(max(value, low), high)
    notes.append(f"{name} {value:g} is outside {low:g} to {high:g}; {used:g} was taken.")
    return used


def _at_least_one(name: str, value: int) -> int:
    if value < 1:
        raise RequestError(name, f"It must be at least 1; it is {value}.")
    return value


def _seed(seed: int | None) -> int:
    return -1 if seed is None else seed
