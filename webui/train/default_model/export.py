"""One file in Stable Diffusion's own (LDM) tensor names, with everything a loader needs in its metadata.

`read` is the way back, for a warm start and for the bench.
"""

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file

from webui.core.request import FrozenModel
from webui.train.default_model.networks import SCHEDULER, Shape, text_config, unet_config, vae_config
from webui.train.default_model.vocabulary import Vocabulary

UNET, VAE, TEXT = "model.diffusion_model.", "first_stage_model.", "cond_stage_model.transformer.text_model."
Weights = dict[str, torch.Tensor]
_ATTENTION = re.compile(r"(encoder|decoder)\.mid\.attn_1\.(q|k|v|proj_out)\.weight$")


class Native(FrozenModel):
    """The request that suits the model; the page takes it when the model is loaded."""

    width: int = 128
    height: int = 128
    steps: int = 20
    sampler: str = "DPM++ 2M"
    schedule: str = "Karras"
    guidance: float = 4.0


def unet_names(shape: Shape) -> dict[str, str]:
    """Prefixes in diffusers' UNet → prefixes in Stable Diffusion's."""
    names = {
        "time_embedding.linear_1.": "time_embed.0.",
        "time_embedding.linear_2.": "time_embed.2.",
        "conv_in.": "input_blocks.0.0.",
        "conv_norm_out.": "out.0.",
        "conv_out.": "out.2.",
        "mid_block.resnets.0.": "middle_block.0.",
        "mid_block.attentions.0.": "middle_block.1.",
        "mid_block.resnets.1.": "middle_block.2.",
    }
    layers, levels = shape.unet_layers, len(shape.unet)
    for level in range(levels):
        for layer in range(layers):
            names[f"down_blocks.{level}.resnets.{layer}."] = f"input_blocks.{level * (layers + 1) + layer + 1}.0."
            names[f"down_blocks.{level}.attentions.{layer}."] = f"input_blocks.{level * (layers + 1) + layer + 1}.1."
        names[f"down_blocks.{level}.downsamplers.0.conv."] = f"input_blocks.{(level + 1) * (layers + 1)}.0.op."
        for layer in range(layers + 1):
            names[f"up_blocks.{level}.resnets.{layer}."] = f"output_blocks.{level * (layers + 1) + layer}.0."
            names[f"up_blocks.{level}.attentions.{layer}."] = f"output_blocks.{level * (layers + 1) + layer}.1."
        place = 1 if level == 0 else 2
        names[f"up_blocks.{level}.upsamplers.0.conv."] = f"output_blocks.{level * (layers + 1) + layers}.{place}.conv."
    return names


_UNET_RESNET = {
    "norm1.": "in_layers.0.",
    "conv1.": "in_layers.2.",
    "norm2.": "out_layers.0.",
    "conv2.": "out_layers.3.",
    "time_emb_proj.": "emb_layers.1.",
    "conv_shortcut.": "skip_connection.",
}


def vae_names(shape: Shape) -> dict[str, str]:
    """Prefixes in diffusers' autoencoder → prefixes in Stable Diffusion's."""
    levels = len(shape.vae)
    names: dict[str, str] = {}
    for half in ("encoder", "decoder"):
        names[f"{half}.conv_norm_out."] = f"{half}.norm_out."
        names[f"{half}.mid_block.resnets.0."] = f"{half}.mid.block_1."
        names[f"{half}.mid_block.resnets.1."] = f"{half}.mid.block_2."
        names[f"{half}.mid_block.attentions.0."] = f"{half}.mid.attn_1."
    for level in range(levels):
        names[f"encoder.down_blocks.{level}.resnets."] = f"encoder.down.{level}.block."
        names[f"encoder.down_blocks.{level}.downsamplers.0."] = f"encoder.down.{level}.downsample."
        names[f"decoder.up_blocks.{level}.resnets."] = f"decoder.up.{levels - 1 - level}.block."
        names[f"decoder.up_blocks.{level}.upsamplers.0."] = f"decoder.up.{levels - 1 - level}.upsample."
    return names


_VAE_INNER = {
    "conv_shortcut.": "nin_shortcut.",
    "group_norm.": "norm.",
    "to_q.": "q.",
    "to_k.": "k.",
    "to_v.": "v.",
    "to_out.0.": "proj_out.",
}


def _rename(key: str, outer: Mapping[str, str], inner: Mapping[str, str]) -> str:
    for old, new in outer.items():
        if key.startswith(old):
            rest = key[len(old) :]
            return new + _inside(rest, inner)
    return key


def _inside(rest: str, inner: Mapping[str, str]) -> str:
    for old, new in inner.items():
        at = rest.find(old)
        if at == 0 or (at > 0 and rest[:at].rstrip(".").isdigit()):
            return rest[:at] + new + rest[at + len(old) :]
    return rest


def _maps(shape: Shape, unet: Weights, vae: Weights, text: Weights) -> dict[str, tuple[str, torch.Tensor]]:
    """LDM name → (diffusers name, tensor)."""
    outer, vae_outer = unet_names(shape), vae_names(shape)
    found = {UNET + _rename(key, outer, _UNET_RESNET if ".resnets." in key else {}): (key, tensor) for key, tensor in unet.items()}
    found |= {VAE + _rename(key, vae_outer, _VAE_INNER): (key, tensor) for key, tensor in vae.items()}
    return found | {TEXT + key: (key, tensor) for key, tensor in text.items() if not key.endswith("position_ids")}


def metadata(shape: Shape, vocabulary: Vocabulary, native: Native, facts: Mapping[str, str]) -> dict[str, str]:
    """Everything but the weights: configs, tokenizer, native request, and what `facts` tells about the training."""
    return {
        "darkroom.format": "1",
        "darkroom.shape": shape.model_dump_json(),
        "darkroom.unet": json.dumps(unet_config(shape)),
        "darkroom.vae": json.dumps(vae_config(shape)),
        "darkroom.text_encoder": json.dumps(text_config(shape)),
        "darkroom.scheduler": json.dumps(SCHEDULER),
        "darkroom.tokenizer.vocab": vocabulary.vocab_json,
        "darkroom.tokenizer.merges": vocabulary.merges_txt,
        "darkroom.native": native.model_dump_json(),
        "prediction_type": "v_prediction",
        "modelspec.sai_model_spec": "1.0.0",
        "modelspec.architecture": "stable-diffusion-v1",
        "modelspec.prediction_type": "v",
        "modelspec.resolution": f"{native.width}x{native.height}",
        **{f"modelspec.{key}": value for key, value in facts.items()},
    }


def write(path: Path, shape: Shape, unet: Weights, vae: Weights, text: Weights, about: dict[str, str]) -> None:
    """The fp16 file, whole or not at all."""
    tensors: Weights = {}
    for name, (_, tensor) in _maps(shape, unet, vae, text).items():
        value = tensor.detach().to("cpu", torch.float16)
        tensors[name] = (value[:, :, None, None] if _ATTENTION.search(name) and value.ndim == 2 else value).contiguous().clone()
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    save_file(tensors, part, metadata=about)
    part.chmod(0o644)
    os.replace(part, path)


class Exported(FrozenModel):
    """A file read back: its shape and the three state dicts in float32, under diffusers' names."""

    model_config = {"arbitrary_types_allowed": True, "frozen": True}

    shape: Shape
    metadata: dict[str, str]
    unet: dict[str, Any]
    vae: dict[str, Any]
    text: dict[str, Any]


def read(path: Path) -> Exported:
    """The inverse of `write`, by building the name table of the file's own shape."""
    from webui.train.default_model.networks import build_text, build_unet, build_vae

    with safe_open(path, "pt") as file:
        about = dict(file.metadata() or {})
        shape = Shape.model_validate_json(about["darkroom.shape"])
        with torch.device("meta"):
            empty = [build(shape).state_dict() for build in (build_unet, build_vae, build_text)]
        parts: list[Weights] = [{}, {}, {}]
        for name, (key, like) in _maps(shape, *empty).items():
            part = parts[0] if name.startswith(UNET) else parts[1] if name.startswith(VAE) else parts[2]
            part[key] = file.get_tensor(name).float().reshape(like.shape)
    return Exported(shape=shape, metadata=about, unet=parts[0], vae=parts[1], text=parts[2])
