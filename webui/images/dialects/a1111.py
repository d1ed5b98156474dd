"""AUTOMATIC1111's `parameters` text, as Forge, reForge, SD.Next, Fooocus and savers of ComfyUI write it too: pairs to request fields."""

import math
import re
from collections.abc import Callable, Mapping
from typing import Any, Literal

from webui.core.canvas import read_areas
from webui.core.finish import load_steps
from webui.errors import RequestError
from webui.images.dialects import Chunks, ParsedMetadata, adetailer, guidance, postprocessing, short
from webui.images.dialects.infotext import Infotext, read_infotext, read_pairs
from webui.images.dialects.names import file_stem, lora_tag, sampler_fields, sampler_name, schedule_name, vae_name
from webui.images.dialects.plain_text import COMFYUIS_SAVERS, FOOOCUS, bare_embeddings

Value = Callable[[str], Any]
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}")


def _size(text: str) -> tuple[int, int]:
    width, height = text.lower().split("x")
    return int(width), int(height)


def _number(text: str) -> float:
    """A number, also with a decimal comma. Raises `ValueError` for one that may as well have thousands."""
    if "_" in text or _THOUSANDS.fullmatch(text):
        raise ValueError(text)
    return float(text.replace(",", ".", 1))


def _whole(text: str) -> int:
    """A whole number, also as 7.0."""
    if "_" in text:
        raise ValueError(text)
    number = float(text) if "." in text else int(text)
    if number != int(number):
        raise ValueError(text)
    return int(number)


def _areas(text: str) -> list[dict[str, object]]:
    try:
        return read_areas(text)
    except RequestError as error:
        raise ValueError(error.message) from None


def _flag(text: str) -> bool:
    return text.strip().lower() not in ("false", "0", "none", "")


PLAIN: Mapping[str, tuple[str, Value]] = {
    "Steps": ("steps", _whole),
    "CFG scale": ("guidance", _number),
    "Image CFG scale": ("image_guidance", _number),
    "Seed": ("seed", _whole),
    "Variation seed": ("variation_seed", _whole),
    "Variation seed strength": ("variation_strength", _number),
    "Denoising strength": ("strength", _number),
    "Conditional mask weight": ("mask_weight", _number),
    "Clip skip": ("clip_skip", _whole),
    "RNG": ("noise_source", str.lower),
    "Tiling": ("tiling", _flag),
    "Emphasis": ("emphasis", str),
    "VAE": ("vae", str),
    "Text encoder": ("text_encoder", str),
    "Refiner": ("refiner_checkpoint", str),
    "Refiner switch at": ("refiner_switch_at", _number),
    "Upscaler for img2img": ("init_upscaler", str),
    "Mask blur": ("mask_blur", _whole),
    "Masked content": ("fill", str),
    "Masked area padding": ("padding", _whole),
    "Noise multiplier": ("noise_multiplier", _number),
    "Extra noise": ("extra_noise", _number),
    "ENSD": ("sampler_options.ensd", _whole),
    "Eta": ("sampler_options.eta", _number),
    "Eta DDIM": ("sampler_options.eta", _number),
    "Sigma churn": ("sampler_options.churn", _number),
    "Sigma tmin": ("sampler_options.churn_min", _number),
    "Sigma tmax": ("sampler_options.churn_max", _number),
    "Sigma noise": ("sampler_options.noise_scale", _number),
    "Discard penultimate sigma": ("sampler_options.discard_penultimate", _flag),
    "Schedule max sigma": ("sampler_options.sigma_max", _number),
    "Schedule min sigma": ("sampler_options.sigma_min", _number),
    "Schedule rho": ("sampler_options.rho", _number),
    "Beta schedule alpha": ("sampler_options.beta_alpha", _number),
    "Beta schedule beta": ("sampler_options.beta_beta", _number),
    "SGM noise multiplier": ("sampler_options.sgm_noise_multiplier", _flag),
    "DDIM discretize": ("sampler_options.ddim_discretize", str),
    "UniPC variant": ("sampler_options.unipc_variant", str),
    "UniPC skip type": ("sampler_options.unipc_skip", str),
    "UniPC order": ("sampler_options.unipc_order", _whole),
    "UniPC lower order final": ("sampler_options.unipc_lower_order_final", _flag),
    "Skip Early CFG": ("guidance_options.skip_early", _number),
    "NGMS": ("guidance_options.min_sigma", _number),
    "NGMS all steps": ("guidance_options.min_sigma_all", _flag),
    "Pad conds": ("guidance_options.pad", _flag),
    "Pad conds v0": ("guidance_options.pad_v0", _flag),
    "SDXL original width": ("size_conditioning.original_width", _whole),
    "SDXL original height": ("size_conditioning.original_height", _whole),
    "SDXL crop top": ("size_conditioning.crop_top", _whole),
    "SDXL crop left": ("size_conditioning.crop_left", _whole),
    "SDXL target width": ("size_conditioning.target_width", _whole),
    "SDXL target height": ("size_conditioning.target_height", _whole),
    "Aesthetic score": ("size_conditioning.aesthetic_score", _number),
    "Negative aesthetic score": ("size_conditioning.negative_aesthetic_score", _number),
    "Hires upscale": ("hires.scale", _number),
    "Hires steps": ("hires.steps", _whole),
    "Hires upscaler": ("hires.upscaler", str),
    "Hires checkpoint": ("hires.checkpoint", str),
    "Hires sampler": ("hires.sampler", sampler_name),
    "Hires schedule type": ("hires.schedule", schedule_name),
    "Hires CFG Scale": ("hires.guidance", _number),
    "Hires prompt": ("hires.prompt", str),
    "Hires negative prompt": ("hires.negative_prompt", str),
    "Soft inpainting schedule bias": ("soft_inpaint.schedule_bias", _number),
    "Soft inpainting preservation strength": ("soft_inpaint.preservation", _number),
    "Soft inpainting transition contrast boost": ("soft_inpaint.contrast", _number),
    "Soft inpainting mask influence": ("soft_inpaint.mask_influence", _number),
    "Soft inpainting difference threshold": ("soft_inpaint.difference_threshold", _number),
    "Soft inpainting difference contrast": ("soft_inpaint.difference_contrast", _number),
    "Outpaint left": ("outpaint.left", _whole),
    "Outpaint right": ("outpaint.right", _whole),
    "Outpaint top": ("outpaint.top", _whole),
    "Outpaint bottom": ("outpaint.bottom", _whole),
    "Outpaint fill": ("outpaint.fill", str),
    "Outpaint overlap": ("outpaint.overlap", _whole),
    "Blend prompt": ("blend.prompt", str),
    "Blend share": ("blend.share", _number),
    "Regions": ("regions.areas", _areas),
    "Regions base": ("regions.base", _number),
    "Regions method": ("regions.method", str),
    "Tiled diffusion": ("tiles.method", str),
    "Tiled diffusion overlap": ("tiles.overlap", _whole),
    postprocessing.FINISH: ("finish", load_steps),
    "Token merging ratio": ("token_merging.ratio", _number),
    "Token merging ratio hr": ("token_merging.hires_ratio", _number),
    **guidance.plain_keys(_number, _whole, _flag),
}
"""Keys that are one field each, and how to read them."""

SPECIAL: Mapping[str, Callable[[str], dict[str, Any]]] = {
    "Size": lambda text: dict(zip(("width", "height"), _size(text), strict=True)),
    "Seed resize from": lambda text: dict(zip(("seed_resize_width", "seed_resize_height"), _size(text), strict=True)),
    "Tiled diffusion tile": lambda text: dict(zip(("tiles.width", "tiles.height"), _size(text), strict=True)),
    "Hires resize": lambda text: dict(zip(("hires.width", "hires.height"), _size(text), strict=True)),
    "Inpaint area": lambda text: {"only_masked": text == "Only masked"},
    "Mask mode": lambda text: {"invert_mask": text == "Inpaint not masked"},
}
_HASHES = {"Model", "Model hash", "VAE hash", "Lora hashes", "TI", "TI hashes", "Hashes", "Version", "App", "User", "Init image hash"}
KNOWN = {*_HASHES, "Batch size", "Batch pos", "Soft inpainting enabled", "Sampler", "Schedule type", "Scheduler", "First pass size"}
KNOWN |= {*guidance.ENABLED, "Grid", "Lora weights", "Raw prompt", "Raw negative prompt", *postprocessing.KEYS}
HARMLESS = {
    ("Hires Module 1", "Use same choices"),
    ("Seed resize from", "-1x-1"),
    ("Hires resize", "0x0"),
    ("Performance", "Speed"),
    ("Performance", "Quality"),
}
DEFAULTS = {"noise_source": "nv", "mask_blur": 0}
"""What A1111 means where it writes nothing: noise from CUDA's generator, and (with a mask) no blur."""
OTHERS = {"noise_source": "cpu"}
"""The same for Fooocus and ComfyUI, which write this text too."""
_TAG = re.compile(r"<\w+:([^:<>]+)")
_OLD_PIXELS = 512 * 512
_INPAINT = ("mask_blur", "fill", "only_masked", "invert_mask")
_START = ("Init image hash", "Resize mode", "Image CFG scale", "Noise multiplier")
"""Keys that only a picture made from another one has."""


def read(chunks: Chunks) -> ParsedMetadata | None:
    """Read the `parameters` text."""
    text = read_infotext(chunks.get("parameters", ""))
    pairs: dict[str, str] = {}
    repeated = [f"{key}: {value} (a second one)" for key, value in text.pairs if pairs.setdefault(key, value) != value]
    done = dict(pair for name in postprocessing.CHUNKS for pair in read_pairs(chunks.get(name, "")))
    if "Steps" not in pairs and "Seed" not in pairs:
        return _only_finished(done, chunks)
    fields: dict[str, Any] = {"prompt": text.prompt, "negative_prompt": text.negative}
    unmapped = [line for key, value in pairs.items() if not guidance.is_idle(key, pairs) and (line := _place(fields, key, value))]
    fields |= _sampling(pairs)
    if "token_merging.hires_ratio" in fields:
        fields.setdefault("token_merging.ratio", 0.0)
    if checkpoint := f"{pairs.get('Model', '')} [{pairs['Model hash']}]" if pairs.get("Model hash") else pairs.get("Model", ""):
        fields["checkpoint"] = checkpoint.strip()
    if "finish" not in fields:
        fields |= _finish(pairs | done, unmapped)
    mode = _settle(fields, pairs, unmapped)
    fooocus = pairs.get("Version", "").startswith("Fooocus") or chunks.get("fooocus_scheme") == "a1111"
    program = FOOOCUS if fooocus else COMFYUIS_SAVERS if pairs.get("Version", "").startswith("ComfyUI") else None
    plain = list(program.of(fields)) if program is not None else []
    if fooocus:
        _fooocus(fields, pairs)
    lines = (*unmapped, *repeated, *_untold_loras(fields, pairs), *_behind(text), *plain)
    defaults = DEFAULTS if program is None else OTHERS
    hashed = (entry.rpartition(":")[0].strip() for entry in pairs.get("TI hashes", pairs.get("TI", "")).split(","))
    embeddings = (*(name for name in hashed if name), *(bare_embeddings(fields) if program is not None else ()))
    return ParsedMetadata("Fooocus" if fooocus else "A1111/Forge", fields, tuple(map(short, lines)), mode, defaults, embeddings)


def _only_finished(done: Mapping[str, str], chunks: Chunks) -> ParsedMetadata | None:
    """A picture that was not generated, of which A1111's Extras tell what they did; None for any other."""
    unmapped: list[str] = []
    fields = _finish(done, unmapped)
    if not fields or chunks.get("parameters"):
        return None
    return ParsedMetadata("A1111/Forge", fields, tuple(unmapped))


def _finish(pairs: Mapping[str, str], unmapped: list[str]) -> dict[str, Any]:
    """The finish chain, where there is one."""
    try:
        steps = postprocessing.steps_of(pairs)
    except (ValueError, OverflowError):
        unmapped += [f"{key}: {value}" for key, value in pairs.items() if key in postprocessing.KEYS or adetailer.is_key(key)]
        return {}
    return {"finish": steps} if steps else {}


def _place(fields: dict[str, Any], key: str, value: str) -> str:
    """Put a pair into its field; gives the line to show when there is no place for it."""
    if key in KNOWN or (key, value) in HARMLESS or adetailer.is_key(key):
        return ""
    try:
        if key in PLAIN:
            name, read_value = PLAIN[key]
            fields[name] = read_value(value)
        elif key in SPECIAL:
            fields.update(SPECIAL[key](value))
        else:
            return f"{key}: {value}"
    except (ValueError, OverflowError):
        return f"{key}: {value}"
    return ""


def _untold_loras(fields: Mapping[str, Any], pairs: Mapping[str, str]) -> list[str]:
    """LoRAs of which the text tells the hash and no weight: no tag stands for them."""
    prompts = " ".join(str(fields.get(key, "")) for key in ("prompt", "negative_prompt", "hires.prompt", "hires.negative_prompt"))
    tags = {file_stem(name.strip()).casefold() for name in _TAG.findall(prompts)}
    named = [entry.rpartition(":")[0].strip() for entry in pairs.get("Lora hashes", "").split(",")]
    return [f"LoRA: {name} (its weight is not told)" for name in named if name and file_stem(name).casefold() not in tags]


def _behind(text: Infotext) -> list[str]:
    """Lines behind the pairs, such as the templates that dynamic prompts came from."""
    return [line for line in text.behind if line.strip()]


def _sampling(pairs: Mapping[str, str]) -> dict[str, Any]:
    """Sampler and schedule by our names, however they are spelled; the second pass's too."""
    schedule = pairs.get("Schedule type", pairs.get("Scheduler", ""))
    found = sampler_fields(pairs["Sampler"], schedule) if pairs.get("Sampler") else {"schedule": schedule_name(schedule)}
    return {key: value for key, value in found.items() if value}


def _settle(fields: dict[str, Any], pairs: Mapping[str, str], unmapped: list[str]) -> Literal["txt2img", "img2img", "inpaint"]:
    """The mode that the fields speak of; the second pass's strength is the text's only one."""
    _first_pass(fields, pairs, unmapped)
    if any(name.startswith("hires.") for name in fields):
        fields["hires.strength"] = fields.pop("strength", 0.7)
        return "txt2img"
    if any(name.startswith("soft_inpaint.") or name in _INPAINT for name in fields):
        return "inpaint"
    if pairs.keys() & {*_START}:
        return "img2img"
    if fields.get("strength") == 0:  # written by A1111 of 2022 into pictures that have no start picture
        del fields["strength"]
    return "img2img" if "strength" in fields else "txt2img"


def _first_pass(fields: dict[str, Any], pairs: Mapping[str, str], unmapped: list[str]) -> None:
    """A1111's second pass of 2022: the size is the second pass's, and the first pass's is told, or 0x0 for one of 512x512 pixels."""
    if "First pass size" not in pairs:
        return
    width, height = fields.get("width"), fields.get("height")
    try:
        first = _size(pairs["First pass size"])
    except ValueError:
        first = (-1, -1)
    if not (isinstance(width, int) and isinstance(height, int) and width > 0 and height > 0) or min(first) < 0:
        unmapped.append(f"First pass size: {pairs['First pass size']}")
        return
    if 0 in first:
        scale = math.sqrt(_OLD_PIXELS / (width * height))
        first = (math.ceil(scale * width / 64) * 64, math.ceil(scale * height / 64) * 64)
        if not fields.get("strength") or (first[0] >= width and first[1] >= height):
            fields.pop("strength", None)
            return
    fields |= {"width": first[0], "height": first[1], "hires.width": width, "hires.height": height}
    if first[0] * height != first[1] * width:
        unmapped.append("First pass size: the second pass is cut to its size by A1111's rule of today, not by that of 2022")


def _fooocus(fields: dict[str, Any], pairs: Mapping[str, str]) -> None:
    """Fooocus's own: styles are in the prompt already, LoRAs stand beside it with their weights."""
    fields["vae"] = vae_name(fields.get("vae"))
    fields["emphasis"] = fields.get("emphasis", "No norm")
    weights = (entry.rpartition(":") for entry in pairs.get("Lora weights", "").split(", ") if ":" in entry)
    tags = [lora_tag(name.strip(), weight.strip()) for name, _, weight in weights]
    fields["prompt"] = " ".join([str(fields["prompt"]), *(tag for tag in tags if tag not in fields["prompt"])]).strip()
