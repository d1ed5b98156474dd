"""Families that are known by name and not loaded yet, and the kinds of files that are no checkpoints."""

from collections.abc import Callable

from webui.core.family import FamilySpec, Header
from webui.library.lora_keys import lora_kinds, lora_layers

UNET = "model.diffusion_model."
Fits = Callable[[Header], bool]


def starts(*prefixes: str) -> Fits:
    """Whether a tensor's name begins with one of these."""
    return lambda header: any(name.startswith(prefixes) for name in header.shapes)


def _half_a_lora(header: Header) -> bool:
    """Whether a file has LoRA's tensors, be they whole pairs or not: it is listed as one, with what is left out of it."""
    return any(name.endswith((".lora_down.weight", ".lora_A.weight", ".lora.down.weight")) for name in header.shapes)


def _known(name: str, title: str, *prefixes: str) -> FamilySpec:
    fits = starts(*prefixes)
    return FamilySpec(name, title, detect=lambda header: "" if fits(header) else None, whole=False)


OTHER_FAMILIES = (
    _known("sd3", "Stable Diffusion 3", UNET + "joint_blocks."),
    _known("flux", "Flux", "double_blocks.", UNET + "double_blocks."),
    _known("auraflow", "AuraFlow", UNET + "double_layers."),
    _known("lumina2", "Lumina 2", UNET + "cap_embedder.", "cap_embedder."),
    _known("qwen-image", "Qwen-Image", "transformer_blocks.0.attn.add_q_proj.", UNET + "transformer_blocks.0.attn.add_q_proj."),
    _known("wan", "Wan", "blocks.0.cross_attn.", UNET + "blocks.0.cross_attn."),
    _known("unet-only", "a UNet without text encoder or VAE", UNET + "input_blocks."),
)
OTHER_KINDS: tuple[tuple[str, Fits], ...] = (
    ("lora", lambda header: _half_a_lora(header) or any(lora_kinds(parts) for parts in lora_layers(header.shapes).values())),
    ("controlnet", starts("control_model.", "controlnet_cond_embedding.")),
    ("vae", starts("decoder.mid.", "decoder.mid_block.", "first_stage_model.")),
    ("embedding", starts("emb_params", "string_to_param", "clip_l", "clip_g")),
)
