"""InvokeAI, NovelAI and Fooocus, as the `sd-parsers` library reads them.

Only its parsers are used, on texts that we took out of the file: its own extractors keep the last picture in a global.
"""

import json
import re
from typing import Any

from sd_parsers.data import PromptInfo
from sd_parsers.exceptions import ParserError
from sd_parsers.parsers import FooocusParser, InvokeAIParser, NovelAIParser

from webui.images.dialects import Chunks, Found
from webui.images.dialects.names import sampler_fields, schedule_name

_FIELDS = {
    "cfg_scale": "guidance",
    "scale": "guidance",
    "steps": "steps",
    "seed": "seed",
    "width": "width",
    "height": "height",
    "strength": "strength",
    "cfg_rescale": "guidance_options.rescale",
    "cfg_rescale_multiplier": "guidance_options.rescale",
    "clip_skip": "clip_skip",
    "vae": "vae",
}
_KNOWN = {"scheduler", "noise_schedule", "resolution", "prompt", "full_prompt", "full_negative_prompt", "generation_mode", "app_version"}
_KNOWN |= {"app", "app_id", "version", "metadata_scheme", "fooocus_scheme", "created_by", "base_model", "base_model_hash", "n_samples"}
_KNOWN |= {"seamless_x", "seamless_y", "rand_device", "type", "signed_hash", "request_type"}
_SIZE = re.compile(r"(\d+)\D+(\d+)")


def read(chunks: Chunks) -> Found | None:
    """Read by the first of the three that knows the texts."""
    for source, parser in (("InvokeAI", InvokeAIParser), ("NovelAI", NovelAIParser), ("Fooocus", FooocusParser)):
        try:
            info = parser().parse(dict(chunks))
        except (ParserError, ValueError, TypeError, AttributeError, KeyError, IndexError, RecursionError):
            continue
        if info.samplers:
            return _found(source, info)
    return None


def _found(source: str, info: PromptInfo) -> Found:
    sampler = info.samplers[0]
    values = {**info.metadata, **sampler.parameters}
    fields = {name: _scalar(values[key]) for key, name in _FIELDS.items() if key in values and _scalar(values[key]) is not None}
    fields |= {"prompt": info.full_prompt, "negative_prompt": info.full_negative_prompt, **sampler_fields(str(sampler.name))}
    fields |= {"noise_source": "cpu", "emphasis": "No norm"}
    fields |= _size(values)
    schedule = str(values.get("noise_schedule") or (values.get("scheduler") if source == "Fooocus" else "") or "")
    if name := schedule_name(schedule):
        fields["schedule"] = name
    if sampler.model is not None:
        fields["checkpoint"] = sampler.model.name or f"[{sampler.model.hash}]"
    if source == "InvokeAI" and fields.get("clip_skip") is not None:
        fields["clip_skip"] = int(fields["clip_skip"]) + 1
    started = source != "Fooocus" and "strength" in fields and bool(values.get("init_image", values.get("image")))
    if not started:
        fields.pop("strength", None)
    return Found(source, fields, _left_over(source, values), "img2img" if started else "txt2img")


def _scalar(value: Any) -> Any:
    """Plain values; an object with a name (InvokeAI's VAE) is its name."""
    if isinstance(value, dict):
        return value.get("name", value.get("model_name"))
    return value if isinstance(value, (str, int, float)) else None


def _size(values: dict[str, Any]) -> dict[str, int]:
    match = _SIZE.search(str(values.get("resolution", "")))
    return {"width": int(match[1]), "height": int(match[2])} if match else {}


def _left_over(source: str, values: dict[str, Any]) -> tuple[str, ...]:
    skipped = {key for key in values if key in _FIELDS or key in _KNOWN}
    lines = [f"{key}: {_short(value)}" for key, value in values.items() if key not in skipped and value not in (None, "", [], {}, False)]
    if source == "NovelAI":
        lines.append("curly brackets weigh 1.05 at NovelAI; here they are text")
    return tuple(lines)


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 100 else f"{text[:97]}…"
