"""Easy Diffusion: a text for each value, or one JSON."""

import ast
from collections.abc import Mapping
from typing import Any

from webui.images.dialects import Chunks, ParsedMetadata
from webui.images.dialects.names import file_stem, sampler_fields, vae_name
from webui.images.dialects.plain_text import EASY_DIFFUSION
from webui.images.dialects.values import (
    ELSEWHERE,
    NUMBER,
    TEXT,
    Kinds,
    json_object,
    left_over,
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
_EASY_KINDS: Kinds = {
    **dict.fromkeys((*_EASY, "prompt_strength"), NUMBER),
    **dict.fromkeys(("prompt", "negative_prompt", "sampler_name", "scheduler_name", "use_stable_diffusion_model", "use_vae_model"), TEXT),
    "use_lora_model": (str, list),
    "lora_alpha": (str, int, float, list),
    "clip_skip": (str, bool),
}


def read(chunks: Chunks) -> ParsedMetadata | None:
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
    lines += EASY_DIFFUSION.of(fields)
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
