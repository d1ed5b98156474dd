"""The three networks of the default model, as diffusers and transformers configs.

GroupNorm has 8 groups instead of Stable Diffusion's 32: with 32 channels, 32 groups are an instance norm, which throws away each
channel's mean and so the colour of a plain area (the study's first VAE knew one colour axis only). Group counts have no tensors, so
the names of the weights stay Stable Diffusion's.
"""

from contextlib import AbstractContextManager
from typing import Any

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from torch import nn
from transformers import CLIPTextConfig, CLIPTextModel

from webui.core.request import FrozenModel

WIDTH = 192
HEAD = 32
TOKENS = 77
SCALE = 0.18215
LATENT = 4
FACTOR = 8


class Shape(FrozenModel):
    """How large the networks are; the defaults are the shipped model's."""

    unet: tuple[int, ...] = (32, 96, 128, 128)
    unet_layers: int = 1
    vae: tuple[int, ...] = (16, 32, 64, 64)
    vae_layers: int = 1
    text_layers: int = 4
    width: int = WIDTH
    vocabulary: int = 8192
    size: int = 128


TINY = Shape(unet=(32, 32), vae=(16, 16, 16, 16), text_layers=1, width=32, vocabulary=600, size=32)
"""For tests: every kind of layer, almost no weights."""


def unet_config(shape: Shape) -> dict[str, Any]:
    levels = len(shape.unet)
    return {
        "sample_size": shape.size // FACTOR,
        "in_channels": LATENT,
        "out_channels": LATENT,
        "block_out_channels": list(shape.unet),
        "layers_per_block": shape.unet_layers,
        "down_block_types": ["CrossAttnDownBlock2D"] * (levels - 1) + ["DownBlock2D"],
        "up_block_types": ["UpBlock2D"] + ["CrossAttnUpBlock2D"] * (levels - 1),
        "attention_head_dim": [channels // HEAD for channels in shape.unet],
        "cross_attention_dim": shape.width,
        "norm_num_groups": 8,
    }


def vae_config(shape: Shape) -> dict[str, Any]:
    levels = len(shape.vae)
    return {
        "sample_size": shape.size,
        "in_channels": 3,
        "out_channels": 3,
        "latent_channels": LATENT,
        "block_out_channels": list(shape.vae),
        "layers_per_block": shape.vae_layers,
        "down_block_types": ["DownEncoderBlock2D"] * levels,
        "up_block_types": ["UpDecoderBlock2D"] * levels,
        "norm_num_groups": 8,
        "scaling_factor": SCALE,
    }


def text_config(shape: Shape) -> dict[str, Any]:
    return {
        "vocab_size": shape.vocabulary,
        "hidden_size": shape.width,
        "intermediate_size": shape.width * 4,
        "projection_dim": shape.width,
        "num_hidden_layers": shape.text_layers,
        "num_attention_heads": max(1, shape.width // (2 * HEAD)),
        "max_position_embeddings": TOKENS,
        "hidden_act": "quick_gelu",
        "bos_token_id": shape.vocabulary - 2,
        "eos_token_id": shape.vocabulary - 1,
        "pad_token_id": shape.vocabulary - 1,
    }


SCHEDULER: dict[str, Any] = {
    "num_train_timesteps": 1000,
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "prediction_type": "v_prediction",
    "clip_sample": False,
    "set_alpha_to_one": False,
    "steps_offset": 1,
}


def alphas_cumprod() -> torch.Tensor:
    """Stable Diffusion's schedule ("scaled_linear"): betas whose roots are evenly spaced."""
    roots = torch.linspace(
        SCHEDULER["beta_start"] ** 0.5, SCHEDULER["beta_end"] ** 0.5, SCHEDULER["num_train_timesteps"], dtype=torch.float64
    )
    return torch.cumprod(1 - roots**2, 0).float()


def device_of(module: nn.Module) -> torch.device:
    return next(module.parameters()).device


def precision(module: nn.Module) -> AbstractContextManager[Any]:
    """Bfloat16 where the processor has units for it (a GPU, or a CPU with AMX or avx512_bf16), float32 elsewhere.

    Weights and optimisers stay float32. With avx512_bf16 alone the autoencoder's step takes 79 ms a picture instead of 135, the UNet's
    24 instead of 27 (one thread).
    """
    kind = device_of(module).type
    has_units = kind == "cuda" or torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported()
    return torch.autocast(kind, torch.bfloat16, enabled=has_units)


def build_vae(shape: Shape) -> nn.Module:
    vae: nn.Module = AutoencoderKL(**vae_config(shape))
    return vae


def build_unet(shape: Shape) -> nn.Module:
    unet: nn.Module = UNet2DConditionModel(**unet_config(shape))
    return unet.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def build_text(shape: Shape) -> nn.Module:
    text: nn.Module = CLIPTextModel(CLIPTextConfig(**text_config(shape)))
    return text
