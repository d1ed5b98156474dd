"""A request as the `parameters` text that A1111 and Forge write into pictures: what other programs and sites read."""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from pydantic import Field

from webui.core.canvas import areas_text
from webui.core.grid import GridPlace
from webui.core.job import Plan
from webui.core.pictures import image_seeds, one_image
from webui.core.request import Fill, FrozenModel, GenerationRequest, HiresOptions, SamplerOptions, SizeConditioning
from webui.images.dialects import guidance
from webui.images.dialects.postprocessing import pairs_of

__all__ = ["GenerationInfo", "image_seeds", "one_image", "write_parameters"]

_TITLE = re.compile(r"(?P<name>.*?)(?: \[(?P<hash>[0-9a-fA-F]+)\])?", re.DOTALL)
_DEFAULTS = SamplerOptions()

Pair = tuple[str, Any]


class GenerationInfo(FrozenModel):
    """What was true of a picture besides its request: written into it, shown by `compare`, never read back into a request."""

    job_id: str = ""
    version: str = ""
    device: str = Field("", description="The device's name, as in `NVIDIA H100`.")
    plan: Plan | None = None
    versions: dict[str, str] = Field(default_factory=dict, description="Of torch and other libraries that change pixels.")
    vae_hash: str = ""
    loras: dict[str, str] = Field(default_factory=dict, description="Names of the LoRAs used, and their hashes.")
    embeddings: dict[str, str] = Field(default_factory=dict, description="Names of the textual inversions used, and their hashes.")
    notes: tuple[str, ...] = ()
    grid: GridPlace | None = Field(None, description="Where the picture stands in a grid.")
    where: str = Field("", description="The backend that made it; empty is this machine.")
    omitted: tuple[str, ...] = Field((), description="Words of the parameters text for what that backend did not use.")
    batched_with: int = Field(0, description="How many other jobs' pictures passed through the model together with this one, at most.")


def write_parameters(request: GenerationRequest, index: int = 0, info: GenerationInfo | None = None) -> str:
    """The text for picture `index` of a resolved request."""
    alone, info = one_image(request, index), info or GenerationInfo()
    negative = f"\nNegative prompt: {alone.negative_prompt}" if alone.negative_prompt else ""
    pairs = pairs_text(pair for pair in _pairs(alone, info) if pair[0] not in info.omitted)
    return f"{alone.prompt}{negative}\n{pairs}{_templates(request)}".strip()


def _templates(request: GenerationRequest) -> str:
    """Lines behind the pairs, as A1111's Dynamic Prompts extension writes them."""
    lines = (("Template", "prompt"), ("Negative Template", "negative_prompt"))
    return "".join(f"\n{name}: {each.text}" for name, field in lines for key, each in request.templates.items() if key == field)


def pairs_text(pairs: Iterable[Pair]) -> str:
    """Pairs as a line; those without a value are left out."""
    return ", ".join(f"{key}: {_quote(value)}" for key, value in pairs if value is not None)


def _pairs(request: GenerationRequest, info: GenerationInfo) -> Iterator[Pair]:
    """In A1111's order."""
    title = _TITLE.fullmatch(request.checkpoint or "")
    yield "Steps", request.steps
    yield "Sampler", request.sampler
    yield "Schedule type", request.schedule
    yield "CFG scale", request.guidance
    yield "Seed", request.seed
    yield "Size", f"{request.width}x{request.height}" if request.width and request.height else None
    yield "Model hash", title["hash"] if title else None
    yield "Model", title["name"] if title and title["name"] else None
    if request.vae:
        yield "VAE hash", info.vae_hash or None
        yield "VAE", request.vae
    yield "Text encoder", request.text_encoder
    if request.refiner_checkpoint:
        yield "Refiner", request.refiner_checkpoint
        yield "Refiner switch at", _trim(request.refiner_switch_at)
    yield from _seeds(request)
    if request.mode != "txt2img" or request.hires:
        yield "Denoising strength", request.strength if request.hires is None else request.hires.strength
    yield "Upscaler for img2img", request.init_upscaler if request.mode != "txt2img" and request.init_upscaler != "None" else None
    yield "Conditional mask weight", _trim(request.mask_weight) if request.mode == "inpaint" and request.mask_weight != 1 else None
    yield "Clip skip", request.clip_skip if request.clip_skip > 1 else None
    yield "ENSD", request.sampler_options.ensd or None
    yield from _token_merging(request)
    yield "RNG", request.noise_source.upper() if request.noise_source != "gpu" else None
    yield "Tiling", True if request.tiling else None
    yield from guidance.pairs_of(request)
    yield from _sampling(request)
    yield from _size_conditioning(request.size_conditioning)
    yield from _hires(request.hires)
    yield from _inpaint(request)
    yield from _outpaint(request)
    yield from _canvas(request)
    yield from pairs_of(request.finish)
    yield "Lora hashes", _names(info.loras)
    yield "TI", ", ".join(info.embeddings) or None
    yield "TI hashes", _names(info.embeddings) if any(info.embeddings.values()) else None
    yield "Grid", info.grid.text if info.grid is not None else None
    yield "Where", info.where or None
    yield "Not used", "; ".join(note for note in info.notes if "does not use" in note) or None if info.where else None
    yield "Version", f"Darkroom {info.version}" if info.version else None


def _token_merging(request: GenerationRequest) -> Iterator[Pair]:
    merging = request.token_merging
    if merging is not None:
        yield "Token merging ratio", merging.ratio or None
        yield "Token merging ratio hr", merging.hires_ratio if request.hires is not None and merging.hires_ratio else None


def _seeds(request: GenerationRequest) -> Iterator[Pair]:
    if request.variation_strength > 0:
        yield "Variation seed", request.variation_seed
        yield "Variation seed strength", _trim(request.variation_strength)
    if request.seed_resize_width and request.seed_resize_height:
        yield "Seed resize from", f"{request.seed_resize_width}x{request.seed_resize_height}"


def _size_conditioning(size: SizeConditioning) -> Iterator[Pair]:
    """What differs from the default; A1111 writes none of it."""
    names = {
        "original_width": "SDXL original width",
        "original_height": "SDXL original height",
        "crop_top": "SDXL crop top",
        "crop_left": "SDXL crop left",
        "target_width": "SDXL target width",
        "target_height": "SDXL target height",
        "aesthetic_score": "Aesthetic score",
        "negative_aesthetic_score": "Negative aesthetic score",
    }
    plain = SizeConditioning()
    for field, name in names.items():
        if (value := getattr(size, field)) != getattr(plain, field):
            yield name, _trim(value)


def _sampling(request: GenerationRequest) -> Iterator[Pair]:
    options, guidance = request.sampler_options, request.guidance_options
    yield "Emphasis", request.emphasis if request.emphasis != "Original" else None
    yield ("Eta DDIM" if (request.sampler or "").startswith("DDIM") else "Eta"), _trim(options.eta)
    yield "Sigma churn", _trim(options.churn) if options.churn else None
    yield "Sigma tmin", _trim(options.churn_min) if options.churn_min else None
    yield "Sigma tmax", _trim(options.churn_max)
    yield "Sigma noise", _trim(options.noise_scale) if options.noise_scale != 1 else None
    yield "Discard penultimate sigma", options.discard_penultimate or None
    yield "Schedule max sigma", _trim(options.sigma_max)
    yield "Schedule min sigma", _trim(options.sigma_min)
    yield "Schedule rho", _trim(options.rho)
    yield "Beta schedule alpha", options.beta_alpha
    yield "Beta schedule beta", options.beta_beta
    yield "SGM noise multiplier", options.sgm_noise_multiplier or None
    yield "DDIM discretize", options.ddim_discretize if options.ddim_discretize != _DEFAULTS.ddim_discretize else None
    for key, name in (("variant", "unipc_variant"), ("skip type", "unipc_skip"), ("order", "unipc_order")):
        yield f"UniPC {key}", getattr(options, name) if getattr(options, name) != getattr(_DEFAULTS, name) else None
    yield "NGMS", _trim(guidance.min_sigma) if guidance.min_sigma else None
    yield "NGMS all steps", guidance.min_sigma_all or None
    yield "Skip Early CFG", _trim(guidance.skip_early) if guidance.skip_early else None
    yield "Pad conds", guidance.pad or None
    yield "Pad conds v0", guidance.pad_v0 or None
    yield "Extra noise", _trim(request.extra_noise) if request.extra_noise else None
    yield "Noise multiplier", _trim(request.noise_multiplier) if request.noise_multiplier != 1 else None


def _hires(hires: HiresOptions | None) -> Iterator[Pair]:
    if hires is None:
        return
    yield "Hires checkpoint", hires.checkpoint
    yield "Hires sampler", hires.sampler
    yield "Hires schedule type", hires.schedule
    yield "Hires prompt", hires.prompt or None
    yield "Hires negative prompt", hires.negative_prompt or None
    yield "Hires CFG Scale", hires.guidance
    if hires.width or hires.height:
        yield "Hires resize", f"{hires.width}x{hires.height}"
    else:
        yield "Hires upscale", _trim(hires.scale)
    yield "Hires steps", hires.steps or None
    yield "Hires upscaler", hires.upscaler


def _inpaint(request: GenerationRequest) -> Iterator[Pair]:
    if request.mode != "inpaint":
        return
    if soft := request.soft_inpaint:
        yield "Soft inpainting enabled", True
        yield "Soft inpainting schedule bias", _trim(soft.schedule_bias)
        yield "Soft inpainting preservation strength", _trim(soft.preservation)
        yield "Soft inpainting transition contrast boost", _trim(soft.contrast)
        yield "Soft inpainting mask influence", _trim(soft.mask_influence)
        yield "Soft inpainting difference threshold", _trim(soft.difference_threshold)
        yield "Soft inpainting difference contrast", _trim(soft.difference_contrast)
    yield "Mask mode", "Inpaint not masked" if request.invert_mask else None
    yield "Mask blur", request.mask_blur or None
    if request.only_masked:
        yield "Inpaint area", "Only masked"
        yield "Masked area padding", request.padding
    yield "Masked content", request.fill.value if request.fill is not Fill.ORIGINAL else None


def _outpaint(request: GenerationRequest) -> Iterator[Pair]:
    if request.outpaint is None or request.mode == "txt2img":
        return
    for side in ("left", "right", "top", "bottom"):
        yield f"Outpaint {side}", getattr(request.outpaint, side) or None
    yield "Outpaint fill", request.outpaint.fill
    yield "Outpaint overlap", request.outpaint.overlap


def _canvas(request: GenerationRequest) -> Iterator[Pair]:
    """A second prompt, regions and tiles; A1111 has none of them."""
    if request.blend is not None:
        yield "Blend prompt", request.blend.prompt
        yield "Blend share", _trim(request.blend.share)
    if request.regions is not None:
        yield "Regions", areas_text(request.regions.areas)
        yield "Regions base", _trim(request.regions.base)
        yield "Regions method", request.regions.method if request.regions.method != "latent" else None
    if request.tiles is not None:
        yield "Tiled diffusion", request.tiles.method
        yield "Tiled diffusion tile", f"{request.tiles.width}x{request.tiles.height}"
        yield "Tiled diffusion overlap", request.tiles.overlap


def _trim(number: float | None) -> float | int | None:
    """2.0 is written 2."""
    return int(number) if number is not None and number == int(number) else number


def _names(hashes: dict[str, str]) -> str | None:
    return ", ".join(f"{name}: {digest}" for name, digest in hashes.items()) or None


def _quote(value: Any) -> str:
    text = str(value)
    return json.dumps(text, ensure_ascii=False) if any(mark in text for mark in ',\n:"') else text
