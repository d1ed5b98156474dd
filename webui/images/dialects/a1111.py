"""AUTOMATIC1111's and Forge's `parameters` text: prompt, "Negative prompt:", and a last line of `key: value, …`."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from webui.images.dialects import Chunks, Found

NEGATIVE = "Negative prompt:"
_PAIR = re.compile(r'(?<!\s)\s*(\w[\w \-/+.]{0,80}?):\s*("(?:\\.|[^\\"])*"|[^,]*)(?:,|$)')
_MINIMUM_PAIRS = 3

Value = Callable[[str], Any]


def _size(text: str) -> tuple[int, int]:
    width, height = text.lower().split("x")
    return int(width), int(height)


def _flag(text: str) -> bool:
    return text.strip().lower() not in ("false", "0", "none", "")


PLAIN: Mapping[str, tuple[str, Value]] = {
    "Steps": ("steps", int),
    "Sampler": ("sampler", str),
    "Schedule type": ("schedule", str),
    "CFG scale": ("guidance", float),
    "Image CFG scale": ("image_guidance", float),
    "Seed": ("seed", int),
    "Variation seed": ("variation_seed", int),
    "Variation seed strength": ("variation_strength", float),
    "Denoising strength": ("strength", float),
    "Conditional mask weight": ("mask_weight", float),
    "Clip skip": ("clip_skip", int),
    "RNG": ("noise_source", str.lower),
    "Tiling": ("tiling", _flag),
    "Emphasis": ("emphasis", str),
    "VAE": ("vae", str),
    "Mask blur": ("mask_blur", int),
    "Masked content": ("fill", str),
    "Masked area padding": ("padding", int),
    "Noise multiplier": ("noise_multiplier", float),
    "Extra noise": ("extra_noise", float),
    "ENSD": ("sampler_options.ensd", int),
    "Eta": ("sampler_options.eta", float),
    "Eta DDIM": ("sampler_options.eta", float),
    "Sigma churn": ("sampler_options.churn", float),
    "Sigma tmin": ("sampler_options.churn_min", float),
    "Sigma tmax": ("sampler_options.churn_max", float),
    "Sigma noise": ("sampler_options.noise_scale", float),
    "Discard penultimate sigma": ("sampler_options.discard_penultimate", _flag),
    "Schedule max sigma": ("sampler_options.sigma_max", float),
    "Schedule min sigma": ("sampler_options.sigma_min", float),
    "Schedule rho": ("sampler_options.rho", float),
    "Beta schedule alpha": ("sampler_options.beta_alpha", float),
    "Beta schedule beta": ("sampler_options.beta_beta", float),
    "SGM noise multiplier": ("sampler_options.sgm_noise_multiplier", _flag),
    "DDIM discretize": ("sampler_options.ddim_discretize", str),
    "UniPC variant": ("sampler_options.unipc_variant", str),
    "UniPC skip type": ("sampler_options.unipc_skip", str),
    "UniPC order": ("sampler_options.unipc_order", int),
    "UniPC lower order final": ("sampler_options.unipc_lower_order_final", _flag),
    "Skip Early CFG": ("guidance_options.skip_early", float),
    "NGMS": ("guidance_options.min_sigma", float),
    "NGMS all steps": ("guidance_options.min_sigma_all", _flag),
    "Pad conds": ("guidance_options.pad", _flag),
    "Pad conds v0": ("guidance_options.pad_v0", _flag),
    "Hires upscale": ("hires.scale", float),
    "Hires steps": ("hires.steps", int),
    "Hires upscaler": ("hires.upscaler", str),
    "Hires sampler": ("hires.sampler", str),
    "Hires schedule type": ("hires.schedule", str),
    "Hires CFG Scale": ("hires.guidance", float),
    "Hires prompt": ("hires.prompt", str),
    "Hires negative prompt": ("hires.negative_prompt", str),
    "Soft inpainting schedule bias": ("soft_inpaint.schedule_bias", float),
    "Soft inpainting preservation strength": ("soft_inpaint.preservation", float),
    "Soft inpainting transition contrast boost": ("soft_inpaint.contrast", float),
    "Soft inpainting mask influence": ("soft_inpaint.mask_influence", float),
    "Soft inpainting difference threshold": ("soft_inpaint.difference_threshold", float),
    "Soft inpainting difference contrast": ("soft_inpaint.difference_contrast", float),
}
"""Keys that are one field each, and how to read them."""

SPECIAL: Mapping[str, Callable[[str], dict[str, Any]]] = {
    "Size": lambda text: dict(zip(("width", "height"), _size(text), strict=True)),
    "Seed resize from": lambda text: dict(zip(("seed_resize_width", "seed_resize_height"), _size(text), strict=True)),
    "Hires resize": lambda text: dict(zip(("hires.width", "hires.height"), _size(text), strict=True)),
    "Inpaint area": lambda text: {"only_masked": text == "Only masked"},
    "Mask mode": lambda text: {"invert_mask": text == "Inpaint not masked"},
}
KNOWN = {"Model", "Model hash", "VAE hash", "Lora hashes", "TI", "TI hashes", "Hashes", "Version", "Soft inpainting enabled"}
KNOWN |= {"Init image hash", "Batch size", "Batch pos", "Module 1", "User", "App"}
HARMLESS = {("Hires Module 1", "Use same choices")}
DEFAULTS = {"noise_source": "nv", "mask_blur": 0}
"""What A1111 means where it writes nothing: noise from CUDA's generator, and (with a mask) no blur."""


def read(chunks: Chunks) -> Found | None:
    """Read the `parameters` text."""
    text = chunks.get("parameters", "")
    prompt, negative, pairs = split_text(text)
    if "Steps" not in pairs and "Seed" not in pairs:
        return None
    fields: dict[str, Any] = {"prompt": prompt, "negative_prompt": negative}
    unmapped = [line for key, value in pairs.items() if (line := _place(fields, key, value))]
    checkpoint = f"{pairs.get('Model', '')} [{pairs['Model hash']}]" if pairs.get("Model hash") else pairs.get("Model", "")
    if checkpoint.strip():
        fields["checkpoint"] = checkpoint.strip()
    mode = _settle(fields)
    return Found("A1111/Forge", fields, tuple(unmapped), mode, DEFAULTS)


def split_text(text: str) -> tuple[str, str, dict[str, str]]:
    """(prompt, negative prompt, the last line's pairs). A last line with fewer than three pairs belongs to the prompt."""
    lines = text.strip().split("\n")
    pairs = dict(_pairs(lines[-1]))
    if len(pairs) < _MINIMUM_PAIRS:
        pairs = {}
    else:
        lines = lines[:-1]
    body = "\n".join(lines)
    marker = re.search(rf"(?:^|\n){NEGATIVE}", body)
    if marker is None:
        return body.strip(), "", pairs
    return body[: marker.start()].strip(), body[marker.end() :].strip(), pairs


def _pairs(line: str) -> Iterator[tuple[str, str]]:
    position = 0
    while position < len(line):
        match = _PAIR.match(line, position)
        if match is not None:
            yield match[1].strip(), _unquote(match[2].strip())
        comma = line.find(",", position)
        position = match.end() if match else comma + 1 if comma >= 0 else len(line)


def _unquote(value: str) -> str:
    if value[:1] != '"':
        return value
    try:
        return str(json.loads(value))
    except ValueError:
        return value


def _place(fields: dict[str, Any], key: str, value: str) -> str:
    """Put a pair into its field; gives the line to show when there is no place for it."""
    if key in KNOWN or (key, value) in HARMLESS:
        return ""
    try:
        if key in PLAIN:
            name, read_value = PLAIN[key]
            fields[name] = read_value(value)
        elif key in SPECIAL:
            fields.update(SPECIAL[key](value))
        else:
            return f"{key}: {value}"
    except ValueError:
        return f"{key}: {value}"
    return ""


def _settle(fields: dict[str, Any]) -> Any:
    """The mode that the fields speak of; the second pass's strength is the text's only one."""
    if any(name.startswith("hires.") for name in fields):
        fields["hires.strength"] = fields.pop("strength", 0.7)
        return "txt2img"
    if any(name.startswith("soft_inpaint.") or name in ("mask_blur", "fill", "only_masked", "invert_mask") for name in fields):
        return "inpaint"
    return "img2img" if "strength" in fields else "txt2img"
