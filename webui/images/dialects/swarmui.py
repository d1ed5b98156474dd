"""SwarmUI's JSON: `{"sui_image_params": {…}}` in the `parameters` text."""

from typing import Any

from webui.images.dialects import Chunks, ParsedMetadata
from webui.images.dialects.names import sampler_fields, schedule_name, vae_name
from webui.images.dialects.plain_text import SWARMUI
from webui.images.dialects.values import ELSEWHERE, NUMBER, TEXT, Kinds, json_object, left_over, same_noise, typed, weight_of, with_loras

_FIELDS = {
    "prompt": "prompt",
    "negativeprompt": "negative_prompt",
    "model": "checkpoint",
    "steps": "steps",
    "cfgscale": "guidance",
    "seed": "seed",
    "width": "width",
    "height": "height",
    "variationseed": "variation_seed",
    "variationseedstrength": "variation_strength",
    "initimagecreativity": "strength",
    "seamlesstileable": "tiling",
    "batchsize": "batch_size",
}
_KNOWN = {"sampler", "scheduler", "clipstopatlayer", "aspectratio", "images", "swarm_version", "sidelength", "loras", "loraweights"}
_KNOWN |= {*_FIELDS, "vae", "automaticvae", "date", "generation_time", "imageformat", "nopreviews", "personalnote", "initimage", "maskblur"}

_KINDS: Kinds = {
    **dict.fromkeys(_FIELDS, NUMBER),
    **dict.fromkeys(("prompt", "negativeprompt", "model", "sampler", "scheduler", "vae"), TEXT),
    **dict.fromkeys(("loras", "loraweights"), (list, str)),
    "clipstopatlayer": (int,),
    "seamlesstileable": (str, bool),
}


def read(chunks: Chunks) -> ParsedMetadata | None:
    """Read SwarmUI's parameters."""
    values = (json_object(chunks.get("parameters", "")) or {}).get("sui_image_params")
    if not isinstance(values, dict):
        return None
    values, lines = typed(values, _KINDS)
    fields = {_FIELDS[key]: value for key, value in values.items() if key in _FIELDS} | {"vae": vae_name(values.get("vae"))}
    lines += left_over(values, _KNOWN)
    lines += SWARMUI.of(fields)
    fields |= _named(values, lines)
    lines += same_noise("SwarmUI", fields.get("batch_size"))
    if isinstance(fields.get("tiling"), str) and fields["tiling"].lower() not in ("true", "false"):
        lines.append(f"seamlesstileable: {fields.pop('tiling')}")
    if "<" in str(values.get("prompt", "")).replace("<lora:", ""):
        lines.append("tags in angle brackets are SwarmUI's own; here they are taken out")
    return ParsedMetadata("SwarmUI", fields, tuple(lines), "img2img" if "strength" in fields else "txt2img")


def _named(values: dict[str, Any], lines: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = dict(ELSEWHERE)
    if values.get("scheduler"):
        found["schedule"] = schedule_name(str(values["scheduler"]))
    if values.get("sampler"):
        found |= sampler_fields(str(values["sampler"]), found.get("schedule", ""))
    layer = values.get("clipstopatlayer")
    if isinstance(layer, int) and layer < 0:
        found["clip_skip"] = -layer
    names, weights = _listed(values.get("loras")), _listed(values.get("loraweights"))
    lines += [f"LoRA: {name}" for name in names if not isinstance(name, str)]
    pairs = [(name, weight_of(weights[place]) if place < len(weights) else 1) for place, name in enumerate(names) if isinstance(name, str)]
    lines += [f"LoRA: {name} (its weight is not known)" for name, weight in pairs if weight is None]
    found["prompt"] = with_loras(values.get("prompt"), [(name, f"{weight:g}") for name, weight in pairs if weight is not None])
    return found


def _listed(value: Any) -> list[Any]:
    parts = value if isinstance(value, list) else str(value).split(",") if value else []
    return [part.strip() if isinstance(part, str) else part for part in parts]
