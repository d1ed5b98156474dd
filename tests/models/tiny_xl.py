"""Whole SDXL, refiner and SD 2.x checkpoints of less than a megabyte, in the names of the real files: seeded weights, narrow channels."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers import CLIPTextConfig
from transformers.models.clip.modeling_clip import CLIPTextModel, CLIPTextModelWithProjection

from tests import tiny
from webui.models.families import ldm

L, G = 16, 24
POOLED = 24
UNET: dict[str, Any] = tiny.UNET | {
    "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
    "up_block_types": ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"],
    "block_out_channels": [16, 16, 32],
    "transformer_layers_per_block": [1, 2, 3],
    "cross_attention_dim": L + G,
    "attention_head_dim": [2, 2, 4],
    "use_linear_projection": True,
    "addition_embed_type": "text_time",
    "addition_time_embed_dim": 8,
    "projection_class_embeddings_input_dim": POOLED + 6 * 8,
}
REFINER_UNET = UNET | {"cross_attention_dim": G, "projection_class_embeddings_input_dim": POOLED + 5 * 8}
VAE = tiny.VAE | {"scaling_factor": 0.13025}
TEXT_L = tiny.TEXT | {"hidden_size": L, "num_hidden_layers": 3}
TEXT_G = tiny.TEXT | {"hidden_size": G, "num_hidden_layers": 3, "hidden_act": "gelu", "pad_token_id": 0, "projection_dim": POOLED}
TEXT_H = tiny.TEXT | {"hidden_size": tiny.WIDTH, "num_hidden_layers": 2, "hidden_act": "gelu", "pad_token_id": 0}


def sdxl_parts(unet_config: Mapping[str, Any] = UNET) -> tuple[nn.Module, nn.Module, nn.Module, nn.Module]:
    """UNet, VAE and both text encoders with seeded weights."""
    torch.manual_seed(7)
    made = (
        UNet2DConditionModel(**unet_config),
        AutoencoderKL(**VAE),
        CLIPTextModel(CLIPTextConfig(**TEXT_L)),
        CLIPTextModelWithProjection(CLIPTextConfig(**TEXT_G)),
    )
    unet, vae, text_l, text_g = (module.eval().requires_grad_(False) for module in made)
    return unet, vae, text_l, text_g


def open_clip(text: nn.Module, prefix: str) -> dict[str, Tensor]:
    """A text encoder's tensors as OpenCLIP names and shapes them."""
    state = {name.removeprefix("text_model."): tensor for name, tensor in text.state_dict().items()}
    ends = {"embeddings.token_embedding.weight": "token_embedding.weight", "embeddings.position_embedding.weight": "positional_embedding"}
    found = {prefix + theirs: state[ours] for ours, theirs in ends.items()}
    found |= {f"{prefix}ln_final.{kind}": state[f"final_layer_norm.{kind}"] for kind in ("weight", "bias")}
    found[prefix + "logit_scale"] = torch.tensor(4.6)
    if "text_projection.weight" in state:
        found[prefix + "text_projection"] = state["text_projection.weight"].T
    names = {
        "layer_norm1": "ln_1",
        "layer_norm2": "ln_2",
        "mlp.fc1": "mlp.c_fc",
        "mlp.fc2": "mlp.c_proj",
        "self_attn.out_proj": "attn.out_proj",
    }
    for layer in sorted({name.split(".")[2] for name in state if name.startswith("encoder.layers.")}):
        ours, theirs = f"encoder.layers.{layer}.", f"{prefix}transformer.resblocks.{layer}."
        for kind in ("weight", "bias"):
            found |= {f"{theirs}{their}.{kind}": state[f"{ours}{our}.{kind}"] for our, their in names.items()}
            found[f"{theirs}attn.in_proj_{kind}"] = torch.cat([state[f"{ours}self_attn.{part}_proj.{kind}"] for part in "qkv"])
    return found


def sdxl_state(
    unet: nn.Module, vae: nn.Module, text_l: nn.Module, text_g: nn.Module, config: Mapping[str, Any] = UNET
) -> dict[str, Tensor]:
    """The parts' tensors as a file of Stability's names them."""
    state = {ldm.UNET + name: tensor for name, tensor in tiny.renamed(unet.state_dict(), ldm.unet_rows(config)).items()}
    state |= vae_state(vae)
    state |= {f"conditioner.embedders.0.transformer.text_model.{name}": tensor for name, tensor in text_l.state_dict().items()}
    state |= open_clip(text_g, "conditioner.embedders.1.model.")
    return {name: tensor.detach().clone().contiguous() for name, tensor in state.items()}


def refiner_state(unet: nn.Module, vae: nn.Module, text_g: nn.Module) -> dict[str, Tensor]:
    """The same for the refiner, whose only encoder is SDXL's second."""
    state = {ldm.UNET + name: tensor for name, tensor in tiny.renamed(unet.state_dict(), ldm.unet_rows(REFINER_UNET)).items()}
    state |= vae_state(vae) | open_clip(text_g, "conditioner.embedders.0.model.")
    return {name: tensor.detach().clone().contiguous() for name, tensor in state.items()}


def vae_state(vae: nn.Module) -> dict[str, Tensor]:
    """The autoencoder under CompVis' names, with convolutions for attention."""
    found = {}
    for name, tensor in tiny.renamed(vae.state_dict(), ldm.vae_rows(VAE)).items():
        is_attention = ".attn_1." in name and name.endswith("weight") and tensor.ndim == 2
        found[ldm.VAE + name] = tensor[:, :, None, None] if is_attention else tensor
    return found


def metadata(**more: Mapping[str, Any]) -> dict[str, str]:
    """What the file tells of its widths."""
    configs = {"unet": UNET, "vae": VAE, "text_encoder": TEXT_L, "text_encoder_2": TEXT_G, **more}
    return tiny.metadata() | {f"darkroom.{name}": json.dumps(config) for name, config in configs.items()}


def write_sdxl(path: Path, extra: Mapping[str, Tensor] | None = None) -> Path:
    """Write an SDXL checkpoint."""
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({**sdxl_state(*sdxl_parts()), **(extra or {})}, path, metadata=metadata())
    return path


def sd2_text() -> nn.Module:
    """The text encoder of `write_sd2`, with the layer that is not used."""
    torch.manual_seed(9)
    return CLIPTextModel(CLIPTextConfig(**(TEXT_H | {"num_hidden_layers": 3}))).eval().requires_grad_(False)


def write_sd2(path: Path, bias_spread: float = 0.0) -> Path:
    """Write an SD 2.x checkpoint: SD 1.x's UNet and VAE, one OpenCLIP encoder, and the bias that tells v-prediction by its spread."""
    unet, vae, _ = tiny.parts()
    state = {name: tensor for name, tensor in tiny.ldm_state(unet, vae, sd2_text()).items() if not name.startswith(ldm.TEXT)}
    state |= open_clip(sd2_text(), "cond_stage_model.model.")
    state["model.diffusion_model.output_blocks.11.1.transformer_blocks.0.norm1.bias"] = torch.linspace(-1, 1, 16) * bias_spread
    path.parent.mkdir(parents=True, exist_ok=True)
    told = tiny.metadata() | {"darkroom.text_encoder": json.dumps(TEXT_H)}
    save_file({name: tensor.contiguous() for name, tensor in state.items()}, path, metadata=told)
    return path
