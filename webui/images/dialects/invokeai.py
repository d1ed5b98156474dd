"""InvokeAI: `invokeai_metadata` since version 3, `sd-metadata` before, and the command line in `Dream` of the first versions."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from webui.images.dialects import Chunks, ParsedMetadata, short
from webui.images.dialects.names import sampler_fields, vae_name
from webui.images.dialects.plain_text import INVOKEAI
from webui.images.dialects.values import (
    ELSEWHERE,
    NUMBER,
    TEXT,
    Kinds,
    json_object,
    left_over,
    listed,
    name_of,
    typed,
    weight_of,
    with_loras,
)

Mode = Literal["txt2img", "img2img", "inpaint"]
_FIELDS = {
    "positive_prompt": "prompt",
    "negative_prompt": "negative_prompt",
    "cfg_scale": "guidance",
    "cfg_rescale_multiplier": "guidance_options.rescale",
    "steps": "steps",
    "seed": "seed",
    "width": "width",
    "height": "height",
}
_KNOWN = {*_FIELDS, "scheduler", "sampler", "model", "vae", "loras", "clip_skip", "strength", "generation_mode", "app_version", "app_id"}
_KNOWN |= {"seamless_x", "seamless_y", "rand_device", "type", "prompt", "seamless", "model_weights", "model_hash", "ui", "metadata_version"}
_KINDS: Kinds = {
    **dict.fromkeys((*_FIELDS, "strength"), NUMBER),
    **dict.fromkeys(("scheduler", "sampler", "generation_mode", "type", "positive_prompt", "negative_prompt", "rand_device"), TEXT),
    **dict.fromkeys(("seamless", "seamless_x", "seamless_y"), (bool,)),
    "loras": (list,),
    "clip_skip": (int,),
}
_FLAGS = {"s": "steps", "S": "seed", "W": "width", "H": "height", "C": "cfg_scale", "A": "sampler", "f": "strength", "I": "init_image"}
_FLAG = re.compile(r"(?<!\S)--?([A-Za-z_]\w*)(?:[ =]+((?!-[A-Za-z-])\S+))?")
_NEGATIVE = re.compile(r"\[([^\[\]]*)\]")
_SYNTAX = re.compile(r"[\w)][+]{1,5}(?:[\s,)]|$)|\)-{1,5}(?:[\s,)]|$)|\)[+-]{0,5}\d|\)\.(?:and|blend|swap)\(")

_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)


def read(chunks: Chunks) -> ParsedMetadata | None:
    """Read the first of the three that is there."""
    if (values := json_object(chunks.get("invokeai_metadata", ""))) is not None:
        return _found(values) if values.keys() & {"positive_prompt", "scheduler", "seed"} else None
    if (values := json_object(chunks.get("sd-metadata", ""))) is not None and isinstance(values.get("image"), dict):
        return _found(_flattened(values))
    dream = chunks.get("Dream", "")[:100_000].lstrip()
    match = _QUOTED.match(dream)
    return None if match is None else _found(_split(match[1]) | _switches(dream[match.end() :]))


def _found(values: dict[str, Any]) -> ParsedMetadata:
    values, lines = typed(values, _KINDS)
    fields: dict[str, Any] = {name: values[key] for key, name in _FIELDS.items() if values.get(key) is not None}
    sampler = values.get("scheduler", values.get("sampler"))
    fields |= sampler_fields(sampler) if isinstance(sampler, str) else {}
    fields |= {"checkpoint": name_of(values.get("model")), "vae": vae_name(name_of(values.get("vae")))} | ELSEWHERE
    if isinstance(skipped := values.get("clip_skip"), int):
        fields["clip_skip"] = skipped + 1
    if values.get("rand_device") in ("cuda", "mps"):
        fields["noise_source"] = "gpu"
    lines += left_over(values, _KNOWN | {"init_image"})
    lines += [f"{key}: the name is not told" for key in ("model", "vae") if values.get(key) and name_of(values[key]) is None]
    lines += INVOKEAI.of(fields)
    loras = list(_loras(values, lines))
    fields["prompt"] = with_loras(fields.get("prompt"), loras)
    seamless = [bool(values.get(key, values.get("seamless"))) for key in ("seamless_x", "seamless_y")]
    if all(seamless):
        fields["tiling"] = True
    elif any(seamless):
        lines.append("seamless in one direction only")
    if _SYNTAX.search(f"{fields.get('prompt') or ''}\n{fields.get('negative_prompt') or ''}"):
        lines.append("plus and minus signs, numbers behind brackets, .and() and .blend() weigh words at InvokeAI; here they are text")
    mode = _mode(values)
    if mode != "txt2img" and values.get("strength") is not None:
        fields["strength"] = values["strength"]
    return ParsedMetadata("InvokeAI", fields, tuple(map(short, lines)), mode, {"mask_blur": 0})


def _mode(values: Mapping[str, Any]) -> Mode:
    told: str = values.get("generation_mode", values.get("type", ""))
    if "inpaint" in told or "outpaint" in told:
        return "inpaint"
    started = bool(values.get("init_image", values.get("image"))) and values.get("strength") is not None
    return "img2img" if "img2img" in told or started else "txt2img"


def _loras(values: Mapping[str, Any], lines: list[str]) -> Iterator[tuple[str, Any]]:
    """Version 3 calls a LoRA's model `lora`, later ones `model`."""
    for entry in listed(values.get("loras")):
        told = entry if isinstance(entry, dict) else {}
        name, weight = name_of(told.get("model", told.get("lora"))), weight_of(told.get("weight"))
        if name is None or weight is None:
            lines.append(f"LoRA: {entry}")
        else:
            yield name, weight


def _flattened(values: Mapping[str, Any]) -> dict[str, Any]:
    """The older JSON as the newer one: its prompt may be a list of texts with weights."""
    image = values["image"]
    prompt = image.get("prompt")
    texts = [str(part.get("prompt", "")) for part in listed(prompt) if isinstance(part, dict)] or [str(prompt or "")]
    weights = [part.get("weight", 1) for part in listed(prompt) if isinstance(part, dict)]
    found = {**{key: value for key, value in values.items() if key not in ("image", "model")}, **image, **_split(", ".join(texts))}
    if len(texts) > 1 and any(weight != weights[0] for weight in weights):
        found["weights of the prompt's parts"] = weights
    return found | {"model": values.get("model_weights")}


def _split(prompt: str) -> dict[str, Any]:
    """Words in square brackets are the negative prompt."""
    negative = ", ".join(part.strip(" ,") for part in _NEGATIVE.findall(prompt))
    return {"positive_prompt": _NEGATIVE.sub("", prompt).strip(" ,"), "negative_prompt": negative}


def _switches(text: str) -> dict[str, Any]:
    """The switches of the command line; those that are not known are kept under their own letters."""
    found: dict[str, Any] = {}
    for match in _FLAG.finditer(text):
        found[_FLAGS.get(match[1], match[1])] = match[2] if match[2] is not None else True
    return found
