"""NovelAI: the prompt in `Description`, the rest as JSON in `Comment`; in WebP, and hidden in the pixels, all of it as one JSON."""

import re
from typing import Any, Literal

from webui.images.dialects import Chunks, ParsedMetadata, short
from webui.images.dialects.names import sampler_fields
from webui.images.dialects.plain_text import NOVELAI
from webui.images.dialects.values import ELSEWHERE, NUMBER, TEXT, Kinds, json_object, left_over, typed

_FIELDS = {
    "scale": "guidance",
    "steps": "steps",
    "seed": "seed",
    "width": "width",
    "height": "height",
    "cfg_rescale": "guidance_options.rescale",
    "uc": "negative_prompt",
}
_KNOWN = {*_FIELDS, "sampler", "noise_schedule", "strength", "prompt", "n_samples", "request_type", "signed_hash", "version", "v4_prompt"}
_KNOWN |= {"v4_negative_prompt", "params_version", "uncond_per_vibe", "wonky_vibe_correlation", "lora_unet_weights", "lora_clip_weights"}
_KNOWN |= {"image", "mask"}
_KINDS: Kinds = {
    **dict.fromkeys((*_FIELDS, "strength"), NUMBER),
    **dict.fromkeys(("uc", "prompt", "sampler", "noise_schedule", "request_type"), TEXT),
    "v4_prompt": (dict,),
    "v4_negative_prompt": (dict,),
}
_DIGEST = re.compile(r"[A-F0-9]{8}")
_PLAIN_VALUES = {"uncond_scale": 1.0, "dynamic_thresholding_percentile": 0.999, "dynamic_thresholding_mimic_scale": 10.0}


def read(chunks: Chunks) -> ParsedMetadata | None:
    """Read NovelAI's texts."""
    whole = json_object(chunks.get("parameters", ""))
    texts: Any = whole if whole is not None and "Comment" in whole else chunks
    comment = texts.get("Comment", "")
    values = comment if isinstance(comment, dict) else json_object(str(comment))
    description = texts.get("Description")
    if not _is_novelai(texts, values):
        return None
    values, lines = typed(values or {}, _KINDS)
    if not values and not lines:
        lines = left_over({"Comment": comment}, ())
    if not isinstance(description, str):
        lines += left_over({"Description": description}, ())
        description = None
    fields = {name: values[key] for key, name in _FIELDS.items() if values.get(key) is not None}
    fields |= {"prompt": str(description or values.get("prompt") or "").strip()} | ELSEWHERE
    fields |= sampler_fields(values["sampler"], values.get("noise_schedule") or "") if "sampler" in values else {}
    source = str(texts.get("Source") or "")
    if source:
        name, _, digest = source.rpartition(" ")
        fields["checkpoint"] = name.rstrip() if _DIGEST.fullmatch(digest) else source
    lines += left_over({key: value for key, value in values.items() if _PLAIN_VALUES.get(key) != value}, _KNOWN)
    lines += [f"prompt of a character: {text}" for text in _characters(values.get("v4_prompt"))]
    lines += [f"negative prompt of a character: {text}" for text in _characters(values.get("v4_negative_prompt"))]
    lines += NOVELAI.of(fields)
    if re.search(r"[{}]", f"{fields['prompt']}{fields.get('negative_prompt', '')}"):
        lines.append("curly brackets weigh 1.05 at NovelAI; here they are text")
    if re.search(r"-?\d\s*::", f"{fields['prompt']}{fields.get('negative_prompt', '')}"):
        lines.append("numbers with two colons weigh words at NovelAI; here they are text")
    mode: Literal["txt2img", "img2img", "inpaint"] = "txt2img"
    if values.get("strength") is not None and (values.get("image") or "mg2Img" in str(values.get("request_type"))):
        mode, fields["strength"] = "img2img", values["strength"]
    if "nfill" in str(values.get("request_type")) or values.get("mask"):
        mode = "inpaint"
    return ParsedMetadata("NovelAI", fields, tuple(map(short, lines)), mode, {"mask_blur": 0})


def _is_novelai(texts: Any, values: dict[str, Any] | None) -> bool:
    """By what the comment says; where that cannot be read, by the program's name beside a description."""
    if values is not None and "sampler" in values:
        return bool(texts.get("Description") or "prompt" in values)
    return texts.get("Software") == "NovelAI" and bool(texts.get("Description") or (values or {}).get("prompt"))


def _characters(prompt: Any) -> list[str]:
    """Version 4's prompts for single characters, which stand beside the prompt."""
    caption = prompt.get("caption") if isinstance(prompt, dict) else None
    characters = caption.get("char_captions") if isinstance(caption, dict) else None
    texts = [each.get("char_caption") for each in characters if isinstance(each, dict)] if isinstance(characters, list) else []
    return [str(text) for text in texts if text]
