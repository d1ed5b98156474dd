"""ADetailer's words for the detailer: keys of the parameters text, and arguments of its script in A1111's API. To steps and back."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from webui.core.detail import MOST_REGIONS, DetailStep

Pair = tuple[str, Any]


class Word(NamedTuple):
    """One of its values: the script's argument, the key behind `ADetailer `, and the step's field."""

    argument: str
    key: str
    field: str


WORDS = (
    Word("ad_model", "model", "detector"),
    Word("ad_prompt", "prompt", "prompt"),
    Word("ad_negative_prompt", "negative prompt", "negative_prompt"),
    Word("ad_confidence", "confidence", "confidence"),
    Word("ad_mask_filter_method", "method to decide top k masks", "limit_by"),
    Word("ad_mask_k", "mask only top k", "limit"),
    Word("ad_mask_k_largest", "mask only top k largest", "limit"),
    Word("ad_mask_min_ratio", "mask min ratio", "smallest"),
    Word("ad_mask_max_ratio", "mask max ratio", "largest"),
    Word("ad_x_offset", "x offset", "offset_x"),
    Word("ad_y_offset", "y offset", "offset_y"),
    Word("ad_dilate_erode", "dilate erode", "grow"),
    Word("ad_mask_merge_invert", "mask merge invert", "merge"),
    Word("ad_mask_blur", "mask blur", "mask_blur"),
    Word("ad_denoising_strength", "denoising strength", "strength"),
    Word("ad_inpaint_only_masked_padding", "inpaint padding", "padding"),
    Word("ad_inpaint_width", "inpaint width", "width"),
    Word("ad_inpaint_height", "inpaint height", "height"),
    Word("ad_steps", "steps", "steps"),
    Word("ad_cfg_scale", "CFG scale", "guidance"),
    Word("ad_checkpoint", "checkpoint", "checkpoint"),
    Word("ad_sampler", "sampler", "sampler"),
    Word("ad_scheduler", "scheduler", "schedule"),
    Word("ad_clip_skip", "clip skip", "clip_skip"),
)
SWITCHES = {
    "ad_use_inpaint_width_height": ("use inpaint width height", ("width", "height")),
    "ad_use_steps": ("use separate steps", ("steps",)),
    "ad_use_cfg_scale": ("use separate CFG scale", ("guidance",)),
    "ad_use_checkpoint": ("use separate checkpoint", ("checkpoint",)),
    "ad_use_sampler": ("use separate sampler", ("sampler", "schedule")),
    "ad_use_clip_skip": ("use separate CLIP skip", ("clip_skip",)),
}
"""Arguments that say whether others count, with their keys; a picture tells only those that do."""
HARMLESS = {
    "ad_tab_enable": (True, False),
    "ad_model_classes": ("",),
    "ad_inpaint_only_masked": (True,),
    "ad_use_vae": (False,),
    "ad_use_noise_multiplier": (False,),
    "ad_restore_face": (False,),
    "ad_controlnet_model": ("None", "", None),
}
"""Further arguments, with the values that change nothing here."""
_SAME = ("ad_vae", "ad_noise_multiplier", "ad_controlnet_module", "ad_controlnet_weight", "ad_controlnet_guidance_start")
PASSED_OVER = {*_SAME, "ad_controlnet_guidance_end", "is_api"}
"""Arguments that mean nothing without one of those."""
MERGES = {"None": "none", "Merge": "merge", "Merge and Invert": "merge and invert"}
LIMITS = {"Area": "size", "Confidence": "confidence"}
PREFIX = "ADetailer "
ORDINALS = ("", " 2nd", " 3rd", *(f" {number}th" for number in range(4, 21)))
_OLD = {"dilate/erode": "dilate erode", "inpaint full": "inpaint only masked", "inpaint full padding": "inpaint padding"}
_KNOWN = {word.key for word in WORDS}
_NAMED = re.compile(r"ADetailer (.+?)( 2nd| 3rd| \d{1,2}th)?")


def pairs_of(steps: Sequence[DetailStep]) -> Iterator[Pair]:
    """The steps as ADetailer writes them into a picture: what is as usual is left out but for what it always says."""
    usual = DetailStep()
    for step, ordinal in zip(steps, ORDINALS, strict=False):
        for word in WORDS:
            value = getattr(step, word.field)
            if word.argument == "ad_mask_k_largest" or (value == getattr(usual, word.field) and word.field not in _ALWAYS):
                continue
            yield f"{PREFIX}{word.key}{ordinal}", _written(word.field, value)
        for key, fields in SWITCHES.values():
            if any(getattr(step, field) not in ("", 0, None) for field in fields):
                yield f"{PREFIX}{key}{ordinal}", True
        yield f"{PREFIX}inpaint only masked{ordinal}", True


_ALWAYS = ("detector", "confidence", "grow", "mask_blur", "strength", "padding")


def _written(field: str, value: Any) -> Any:
    if field == "merge":
        return next(name for name, own in MERGES.items() if own == value)
    if field == "limit_by":
        return next(name for name, own in LIMITS.items() if own == value)
    return value


def is_key(key: str) -> bool:
    """Whether a picture's key is one of ADetailer's."""
    return key.startswith(PREFIX)


def steps_of(pairs: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """The steps that a picture's keys tell of, as plain data. Raises `ValueError` for numbers that are none."""
    parts: dict[str, dict[str, str]] = {}
    for key, value in pairs.items():
        if (match := _NAMED.fullmatch(key)) is not None:
            parts.setdefault(match[2] or "", {})[_OLD.get(match[1], match[1])] = value
    for ordinal in ORDINALS:
        said = parts.get(ordinal, {})
        if said.get("model", "None") != "None":
            yield {"kind": "detail", **{word.field: _read(word.field, said[word.key]) for word in WORDS if word.key in said}}


def step_of(arguments: Mapping[str, Any]) -> tuple[dict[str, Any] | None, list[str]]:
    """A step of the script's arguments as plain data (None: it is off), and the names of those that Darkroom has no use for.

    Raises `ValueError` for a number that is none.
    """
    if arguments.get("ad_model", "None") in ("None", "", None) or arguments.get("ad_tab_enable", True) is False:
        return None, []
    off = {field for name, (_, fields) in SWITCHES.items() if not arguments.get(name, False) for field in fields}
    step: dict[str, Any] = {"kind": "detail"}
    for word in WORDS:
        if word.argument in arguments and word.field not in off and arguments[word.argument] is not None:
            step[word.field] = _read(word.field, str(arguments[word.argument]))
    mapped = {word.argument for word in WORDS} | SWITCHES.keys() | PASSED_OVER
    unused = [name for name, value in arguments.items() if name not in mapped and value not in HARMLESS.get(name, ())]
    return step, unused


def _read(field: str, text: str) -> Any:
    if field == "merge":
        return MERGES.get(text, "none")
    if field == "limit_by":
        return LIMITS.get(text, "size")
    if field in ("sampler", "schedule", "checkpoint") and text.startswith("Use same "):
        return ""
    kind = type(getattr(DetailStep(), field))
    if field == "guidance" or kind is float:
        return float(text)
    if kind is not int:
        return text
    number = round(float(text))
    return min(number, MOST_REGIONS) if field == "limit" else number
