"""SwarmUI's JSON: `{"sui_image_params": {…}}` in the `parameters` text."""

import json
from typing import Any

from webui.images.dialects import Chunks, Found
from webui.images.dialects.names import sampler_fields, schedule_name

_FIELDS = {
    "prompt": "prompt",
    "negativeprompt": "negative_prompt",
    "model": "checkpoint",
    "steps": "steps",
    "cfgscale": "guidance",
    "seed": "seed",
    "width": "width",
    "height": "height",
    "vae": "vae",
    "variationseed": "variation_seed",
    "variationseedstrength": "variation_strength",
    "initimagecreativity": "strength",
    "maskblur": "mask_blur",
    "seamlesstileable": "tiling",
    "batchsize": "batch_size",
}
_KNOWN = {"sampler", "scheduler", "clipstopatlayer", "aspectratio", "images", "swarm_version", "sidelength", "loras", "loraweights"}


def read(chunks: Chunks) -> Found | None:
    """Read SwarmUI's parameters."""
    try:
        data = json.loads(chunks.get("parameters", ""))
        values = data["sui_image_params"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    if not isinstance(values, dict):
        return None
    fields = {_FIELDS[key]: value for key, value in values.items() if key in _FIELDS}
    fields |= _named(values)
    unmapped = tuple(f"{key}: {value}" for key, value in values.items() if key not in _FIELDS and key not in _KNOWN)
    return Found("SwarmUI", fields, unmapped, "img2img" if "strength" in fields else "txt2img")


def _named(values: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {"noise_source": "cpu", "emphasis": "No norm"}
    if values.get("sampler"):
        found |= sampler_fields(str(values["sampler"]))
    if values.get("scheduler"):
        found["schedule"] = schedule_name(str(values["scheduler"]))
    layer = values.get("clipstopatlayer")
    if isinstance(layer, int) and layer < 0:
        found["clip_skip"] = -layer
    if tags := _lora_tags(values):
        found["prompt"] = f"{values.get('prompt', '')} {tags}"
    return found


def _lora_tags(values: dict[str, Any]) -> str:
    names, weights = _listed(values.get("loras")), _listed(values.get("loraweights"))
    weights += ["1"] * (len(names) - len(weights))
    return " ".join(f"<lora:{name}:{weight}>" for name, weight in zip(names, weights, strict=False))


def _listed(value: Any) -> list[str]:
    parts = value if isinstance(value, list) else str(value).split(",") if value else []
    return [str(part).strip() for part in parts]
