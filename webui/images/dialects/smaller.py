"""Two smaller programs: Easy Diffusion (a text for each value) and Draw Things (JSON in XMP)."""

from collections.abc import Mapping
from typing import Any

from webui.images.dialects import Chunks, ParsedMetadata
from webui.images.dialects.names import file_stem, sampler_fields, vae_name
from webui.images.dialects.values import ELSEWHERE, json_object, left_over, listed, size_of, weight_of, with_loras

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


def read_easy_diffusion(chunks: Chunks) -> ParsedMetadata | None:
    """Read Easy Diffusion's values: texts of a PNG, or one JSON in EXIF."""
    values: Mapping[str, Any] = chunks if "use_stable_diffusion_model" in chunks else json_object(chunks.get("parameters", "")) or {}
    if "use_stable_diffusion_model" not in values:
        return None
    fields = {name: values[key] for key, name in _EASY.items() if values.get(key) not in (None, "None")}
    fields |= ELSEWHERE | {"checkpoint": _file(values["use_stable_diffusion_model"]), "vae": vae_name(_file(values.get("use_vae_model")))}
    if isinstance(values.get("sampler_name"), str):
        fields |= sampler_fields(values["sampler_name"], str(values.get("scheduler_name") or ""))
    if str(values.get("clip_skip")).lower() == "true":
        fields["clip_skip"] = 2
    names, weights = ([value] if isinstance(value, str) else listed(value) for value in map(values.get, ("use_lora_model", "lora_alpha")))
    pairs = [(name, weight_of(weights[place] if place < len(weights) else None)) for place, name in enumerate(names)]
    lines = [f"LoRA: {name} (its weight is not known)" for name, weight in pairs if weight is None]
    fields["prompt"] = with_loras(fields.get("prompt"), [(str(name), weight) for name, weight in pairs if weight is not None and name])
    started = values.get("prompt_strength") not in (None, "None", "") and bool(values.get("init_image"))
    if started:
        fields["strength"] = values["prompt_strength"]
    lines += left_over({key: value for key, value in values.items() if value != "False"}, _EASY_KNOWN)
    return ParsedMetadata("Easy Diffusion", fields, tuple(lines), "img2img" if started else "txt2img")


def _file(value: Any) -> str | None:
    return file_stem(value) if isinstance(value, str) and value not in ("", "None") else None


def read_draw_things(chunks: Chunks) -> ParsedMetadata | None:
    """Read Draw Things's JSON, which XMP holds as the user comment."""
    values = json_object(chunks.get("XMP UserComment", "")) or json_object(chunks.get("parameters", ""))
    if values is None or not {"c", "sampler"} <= values.keys():
        return None
    fields = {name: values[key] for key, name in _DRAWN.items() if values.get(key) is not None}
    fields |= ELSEWHERE | size_of(values.get("size", "")) | sampler_fields(str(values["sampler"]))
    fields["checkpoint"] = _file(values.get("model"))
    loras = [each for each in listed(values.get("lora")) if isinstance(each, dict)]
    known = [(str(each["model"]), weight) for each in loras if each.get("model") and (weight := weight_of(each.get("weight"))) is not None]
    fields["prompt"] = with_loras(fields.get("prompt"), known)
    lines = left_over(values, _DRAWN_KNOWN)
    strength = weight_of(values.get("strength"))
    if strength is not None and strength < 1:
        fields["strength"] = strength
    return ParsedMetadata("Draw Things", fields, tuple(lines), "img2img" if "strength" in fields else "txt2img")
