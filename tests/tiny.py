"""A whole SD 1.x checkpoint of a quarter of a megabyte, in CompVis' names: real parts, seeded weights, narrow channels.

The file is the same as a full-size one in everything but its widths, which its metadata tells.
"""

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
from transformers.models.clip.modeling_clip import CLIPTextModel

from webui.models.families import ldm

WIDTH = 16
UNET: dict[str, Any] = {
    "sample_size": 8,
    "in_channels": 4,
    "out_channels": 4,
    "down_block_types": ["CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"],
    "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"],
    "block_out_channels": [16, 16, 32],
    "layers_per_block": 1,
    "cross_attention_dim": WIDTH,
    "attention_head_dim": 2,
    "norm_num_groups": 8,
}
VAE: dict[str, Any] = {
    "sample_size": 64,
    "in_channels": 3,
    "out_channels": 3,
    "latent_channels": 4,
    "scaling_factor": 0.18215,
    "down_block_types": ["DownEncoderBlock2D"] * 4,
    "up_block_types": ["UpDecoderBlock2D"] * 4,
    "block_out_channels": [8, 8, 8, 8],
    "layers_per_block": 1,
    "norm_num_groups": 4,
}
TEXT: dict[str, Any] = {
    "vocab_size": 514,
    "hidden_size": WIDTH,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "max_position_embeddings": 77,
    "hidden_act": "quick_gelu",
    "bos_token_id": 512,
    "eos_token_id": 513,
    "pad_token_id": 513,
}


def vocabulary() -> dict[str, int]:
    """Byte-level BPE without merges: 256 letters (bytes that do not print lie above 255), each also as a word's end, and the two marks."""
    printing = [*range(33, 127), *range(161, 173), *range(174, 256)]
    letters = [chr(byte) for byte in printing] + [chr(256 + number) for number in range(256 - len(printing))]
    words = [*letters, *(letter + "</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    return {word: number for number, word in enumerate(words)}


def parts(seed: int = 0, in_channels: int = 4) -> tuple[nn.Module, nn.Module, nn.Module]:
    """UNet, VAE and text encoder with seeded weights."""
    torch.manual_seed(seed)
    modules = UNet2DConditionModel(**(UNET | {"in_channels": in_channels})), AutoencoderKL(**VAE), CLIPTextModel(CLIPTextConfig(**TEXT))
    unet, vae, text = (module.eval().requires_grad_(False) for module in modules)  # with gradients, torch adds in another order
    return unet, vae, text


def ldm_state(unet: nn.Module, vae: nn.Module, text: nn.Module) -> dict[str, Tensor]:
    """The three parts' tensors in CompVis' names and shapes."""
    state = {ldm.UNET + name: tensor for name, tensor in renamed(unet.state_dict(), ldm.unet_rows(UNET)).items()}
    for name, tensor in renamed(vae.state_dict(), ldm.vae_rows(VAE)).items():
        is_attention = ".attn_1." in name and name.endswith("weight") and tensor.ndim == 2
        state[ldm.VAE + name] = tensor[:, :, None, None] if is_attention else tensor
    state |= {f"{ldm.TEXT}text_model.{name}": tensor for name, tensor in text.state_dict().items()}
    return {name: tensor.detach().clone().contiguous() for name, tensor in state.items()}


def renamed(state: Mapping[str, Tensor], rows: Any) -> dict[str, Tensor]:
    back = [(ours, theirs) for theirs, ours in rows]
    result = {}
    for name, tensor in state.items():
        ours, theirs = max((row for row in back if name.startswith(row[0] + ".")), key=lambda row: len(row[0]))
        result[theirs + name.removeprefix(ours)] = tensor
    return result


def metadata(prediction: str = "eps", in_channels: int = 4) -> dict[str, str]:
    """What the file tells about itself."""
    return {
        "darkroom.format": "1",
        "darkroom.unet": json.dumps(UNET | {"in_channels": in_channels}),
        "darkroom.vae": json.dumps(VAE),
        "darkroom.text_encoder": json.dumps(TEXT),
        "darkroom.scheduler": json.dumps({"beta_start": 0.00085, "beta_end": 0.012}),
        "darkroom.tokenizer.vocab": json.dumps(vocabulary()),
        "darkroom.tokenizer.merges": "#version: 0.2\n",
        "darkroom.native": json.dumps({"width": 64, "height": 64, "steps": 4}),
        "prediction_type": prediction,
    }


def write(
    path: Path, seed: int = 0, prediction: str = "eps", in_channels: int = 4, drop: str = "-", extra: Mapping[str, Tensor] | None = None
) -> Path:
    """Write a checkpoint, without the tensors whose names begin with `drop`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    state = {name: tensor for name, tensor in ldm_state(*parts(seed, in_channels)).items() if not name.startswith(drop)}
    save_file({**state, **(extra or {})}, path, metadata=metadata(prediction, in_channels))
    return path
