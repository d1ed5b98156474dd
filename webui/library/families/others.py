"""Families that are known by name and not loaded yet, and the kinds of files that are no checkpoints."""

from collections.abc import Callable

from webui.core.family import FamilySpec, Header
from webui.library.control_kinds import control_sort
from webui.library.lora_keys import lora_kinds, lora_layers

UNET = "model.diffusion_model."
Fits = Callable[[Header], bool]
_LORA_ENDS = (".lora_down.weight", ".lora_A.weight", ".lora.down.weight", ".lokr_w1", ".lokr_w1_a", ".hada_w1_a")
"""A LoRA may have its model's own names before these."""


def starts(*prefixes: str) -> Fits:
    """Whether a tensor's name begins with one of these."""
    return lambda header: header.begins(*prefixes)


def _half_a_lora(header: Header) -> bool:
    """Whether a file has LoRA's tensors, be they whole pairs or not: it is listed as one, with what is left out of it."""
    return any(name.endswith(_LORA_ENDS) for name in header.shapes)


def _known(name: str, title: str, *prefixes: str) -> FamilySpec:
    fits = starts(*prefixes)
    return FamilySpec(name, title, detect=lambda header: "" if fits(header) and not _half_a_lora(header) else None, whole=False)


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
    ("controlnet", lambda header: bool(control_sort(header.shapes))),
    ("vae", starts("decoder.mid.", "decoder.mid_block.", "first_stage_model.")),
    ("embedding", starts("emb_params", "string_to_param", "clip_l", "clip_g")),
    (
        "text_encoder",
        starts("text_model.encoder.", "encoder.block.0.layer.0.SelfAttention.", "transformer.resblocks.", "model.layers.0.self_attn."),
    ),
    ("text_encoder", starts("enc.blk.0.attn_", "blk.0.attn_q.")),
    ("face_restorer", starts("fuse_convs_dict.", "stylegan_decoder")),
    ("upscaler", starts("body.0.rdb1.", "model.1.sub.0.", "layers.0.residual_group.", "body.0.conv1x1.")),
    ("vae_approx", lambda header: "3.conv.0.weight" in header.shapes or "decoder.layers.1.conv.0.weight" in header.shapes),
)
"""The first that fits counts. GGUF files of text encoders have llama.cpp's names."""
