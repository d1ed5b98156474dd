"""Two smaller programs: Easy Diffusion (a text for each value) and Draw Things (JSON in XMP)."""

import ast
from collections.abc import Iterator, Mapping
from typing import Any

from webui.images.dialects import Chunks, ParsedMetadata
from webui.images.dialects.names import file_stem, sampler_fields, vae_name
from webui.images.dialects.values import (
    ELSEWHERE,
    NUMBER,
    TEXT,
    Kinds,
    json_object,
    left_over,
    listed,
    size_of,
    typed,
    weight_of,
    with_loras,
)

_EASY = {
    "prompt": "prompt",
    "negative_prompt": "negative_prompt",
    "seed": "seed",
    "num_inference_steps": "steps",
    "guidance_scale": "guidance",
    "width": "width",
    "height": "height",
}
_EASY_KNOWN = {*_EASY, "use_stable_diffusion_model", "sampler_name", "scheduler_name", "use_vae_model", "clip_skip", "prompt_strength"}
_EASY_KNOWN |= {"use_lora_model", "lora_alpha", "Software", "parameters"}
_DRAWN = {"c": "prompt", "uc": "negative_prompt", "scale": "guidance", "seed": "seed", "steps": "steps"}
_DRAWN_KNOWN = {*_DRAWN, "model", "sampler", "size", "strength", "lora", "v2", "seed_mode", "profile"}
_EASY_KINDS: Kinds = {
    **dict.fromkeys((*_EASY, "prompt_strength"), NUMBER),
    **dict.fromkeys(("prompt", "negative_prompt", "sampler_name", "scheduler_name", "use_stable_diffusion_model", "use_vae_model"), TEXT),
    "use_lora_model": (str, list),
    "lora_alpha": (str, int, float, list),
    "clip_skip": (str, bool),
}
_DRAWN_KINDS: Kinds = {
    **dict.fromkeys((*_DRAWN, "strength"), NUMBER),
    **dict.fromkeys(("c", "uc", "sampler", "model"), TEXT),
    "size": (str, list),
    "lora": (list,),
}


def read_easy_diffusion(chunks: Chunks) -> ParsedMetadata | None:
    """Read Easy Diffusion's values: texts of a PNG, or one JSON in EXIF."""
    values: Mapping[str, Any] = chunks if _is_easy(chunks) else json_object(chunks.get("parameters", "")) or {}
    if not _is_easy(values):
        return None
    values, lines = typed(values, _EASY_KINDS)
    fields = {name: values[key] for key, name in _EASY.items() if values.get(key) not in (None, "None", "")}
    fields |= ELSEWHERE | {
        "checkpoint": _file(values.get("use_stable_diffusion_model")),
        "vae": vae_name(_file(values.get("use_vae_model"))),
    }
    if isinstance(values.get("sampler_name"), str):
        fields |= sampler_fields(values["sampler_name"], str(values.get("scheduler_name") or ""))
    if str(values.get("clip_skip")).lower() == "true":
        fields["clip_skip"] = 2
    names, weights = (_several(values.get(key)) for key in ("use_lora_model", "lora_alpha"))
    pairs = [(name, weight_of(weights[place] if place < len(weights) else None)) for place, name in enumerate(names)]
    pairs = [(name, weight if isinstance(name, str) else None) for name, weight in pairs if name not in ("", "None", None)]
    lines += [f"LoRA: {name} (its weight is not known)" for name, weight in pairs if weight is None]
    fields["prompt"] = with_loras(fields.get("prompt"), [(str(name), weight) for name, weight in pairs if weight is not None])
    started = values.get("prompt_strength") not in (None, "None", "") and bool(values.get("init_image"))
    if started:
        fields["strength"] = values["prompt_strength"]
    lines += left_over({key: value for key, value in values.items() if value != "False"}, _EASY_KNOWN)
    return ParsedMetadata("Easy Diffusion", fields, tuple(lines), "img2img" if started else "txt2img")


def _is_easy(values: Mapping[str, Any]) -> bool:
    return "use_stable_diffusion_model" in values or {"prompt", "num_inference_steps", "guidance_scale"} <= values.keys()


def _several(value: Any) -> list[Any]:
    """A list, also one that is written as a text; anything else as the only one."""
    if isinstance(value, str) and value.startswith("[") and len(value) < 10_000:
        try:
            value = ast.literal_eval(value)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return [value]
    return value if isinstance(value, list) else [] if value is None else [value]


def _file(value: Any) -> str | None:
    return file_stem(value) if isinstance(value, str) and value not in ("", "None") else None


def read_draw_things(chunks: Chunks) -> ParsedMetadata | None:
    """Read Draw Things's JSON, which XMP holds as the user comment."""
    values = json_object(chunks.get("XMP UserComment", "")) or json_object(chunks.get("parameters", ""))
    if values is None or not {"c", "sampler"} <= values.keys():
        return None
    values, lines = typed(values, _DRAWN_KINDS)
    fields = {name: values[key] for key, name in _DRAWN.items() if values.get(key) is not None}
    fields |= ELSEWHERE | (size := size_of(values.get("size", ""))) | sampler_fields(values.get("sampler", ""))
    fields["checkpoint"] = _file(values.get("model"))
    known = list(_drawn_loras(values, lines))
    fields["prompt"] = with_loras(fields.get("prompt"), known)
    lines += left_over(values, _DRAWN_KNOWN) + left_over({"size": values.get("size")} if not size else {}, ())
    strength = weight_of(values.get("strength"))
    if strength is None:
        lines += left_over({"strength": values.get("strength")}, ())
    if strength is not None and strength < 1:
        fields["strength"] = strength
    return ParsedMetadata("Draw Things", fields, tuple(lines), "img2img" if "strength" in fields else "txt2img")


def _drawn_loras(values: Mapping[str, Any], lines: list[str]) -> Iterator[tuple[str, Any]]:
    """Names and weights; `lines` gets what is neither."""
    for each in listed(values.get("lora")):
        told = each if isinstance(each, dict) else {}
        name, weight = told.get("model"), weight_of(told.get("weight"))
        if isinstance(name, str) and name and weight is not None:
            yield name, weight
        else:
            lines += left_over({"LoRA": each}, ())
