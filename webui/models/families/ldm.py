"""Where CompVis' latent diffusion (LDM) keeps each tensor of a single file, and what diffusers calls the same module.

Both name the same layers in the same order, so a walk over the levels gives the whole table: one row per module, not per tensor.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import torch

State = dict[str, torch.Tensor]
Row = tuple[str, str]

UNET, VAE, TEXT = "model.diffusion_model.", "first_stage_model.", "cond_stage_model.transformer."

_UNET_RESNET = (
    ("in_layers.0", "norm1"),
    ("in_layers.2", "conv1"),
    ("emb_layers.1", "time_emb_proj"),
    ("out_layers.0", "norm2"),
    ("out_layers.3", "conv2"),
    ("skip_connection", "conv_shortcut"),
)
_VAE_RESNET = (("norm1", "norm1"), ("conv1", "conv1"), ("norm2", "norm2"), ("conv2", "conv2"), ("nin_shortcut", "conv_shortcut"))
_VAE_ATTENTION = (("norm", "group_norm"), ("q", "to_q"), ("k", "to_k"), ("v", "to_v"), ("proj_out", "to_out.0"))
_UNET_ENDS = (
    ("time_embed.0", "time_embedding.linear_1"),
    ("time_embed.2", "time_embedding.linear_2"),
    ("input_blocks.0.0", "conv_in"),
    ("out.0", "conv_norm_out"),
    ("out.2", "conv_out"),
)


def unet_rows(config: Mapping[str, Any]) -> Iterator[Row]:
    """(LDM prefix, diffusers prefix) of every module of a UNet with this diffusers configuration."""
    yield from _UNET_ENDS
    if config.get("addition_embed_type"):
        yield from (("label_emb.0.0", "add_embedding.linear_1"), ("label_emb.0.2", "add_embedding.linear_2"))
    yield from _down(config)
    yield from _resnet("middle_block.0", "mid_block.resnets.0")
    yield "middle_block.1", "mid_block.attentions.0"
    yield from _resnet("middle_block.2", "mid_block.resnets.1")
    yield from _up(config)


def _down(config: Mapping[str, Any]) -> Iterator[Row]:
    kinds, layers, number = config["down_block_types"], config["layers_per_block"], 0
    for level, kind in enumerate(kinds):
        for layer in range(layers):
            number += 1
            yield from _resnet(f"input_blocks.{number}.0", f"down_blocks.{level}.resnets.{layer}")
            if "CrossAttn" in kind:
                yield f"input_blocks.{number}.1", f"down_blocks.{level}.attentions.{layer}"
        if level < len(kinds) - 1:
            number += 1
            yield f"input_blocks.{number}.0.op", f"down_blocks.{level}.downsamplers.0.conv"


def _up(config: Mapping[str, Any]) -> Iterator[Row]:
    kinds, layers, number = config["up_block_types"], config["layers_per_block"] + 1, 0
    for level, kind in enumerate(kinds):
        attention = "CrossAttn" in kind
        for layer in range(layers):
            yield from _resnet(f"output_blocks.{number}.0", f"up_blocks.{level}.resnets.{layer}")
            if attention:
                yield f"output_blocks.{number}.1", f"up_blocks.{level}.attentions.{layer}"
            number += 1
        if level < len(kinds) - 1:
            yield f"output_blocks.{number - 1}.{2 if attention else 1}.conv", f"up_blocks.{level}.upsamplers.0.conv"


def vae_rows(config: Mapping[str, Any]) -> Iterator[Row]:
    """(LDM prefix, diffusers prefix) of every module of a KL autoencoder with this diffusers configuration."""
    levels, layers = len(config["block_out_channels"]), config["layers_per_block"]
    yield from (("quant_conv", "quant_conv"), ("post_quant_conv", "post_quant_conv"))
    for part, far, near, resample, count in (("encoder", "down", "down", "down", layers), ("decoder", "up", "up", "up", layers + 1)):
        for end in (("conv_in", "conv_in"), ("norm_out", "conv_norm_out"), ("conv_out", "conv_out")):
            yield f"{part}.{end[0]}", f"{part}.{end[1]}"
        yield from _rows(f"{part}.mid.block_1", f"{part}.mid_block.resnets.0", _VAE_RESNET)
        yield from _rows(f"{part}.mid.attn_1", f"{part}.mid_block.attentions.0", _VAE_ATTENTION)
        yield from _rows(f"{part}.mid.block_2", f"{part}.mid_block.resnets.1", _VAE_RESNET)
        for level in range(levels):
            ours = level if part == "encoder" else levels - 1 - level
            for layer in range(count):
                yield from _rows(f"{part}.{far}.{level}.block.{layer}", f"{part}.{near}_blocks.{ours}.resnets.{layer}", _VAE_RESNET)
            yield f"{part}.{far}.{level}.{resample}sample.conv", f"{part}.{near}_blocks.{ours}.{resample}samplers.0.conv"


def _resnet(ldm: str, ours: str) -> Iterator[Row]:
    return _rows(ldm, ours, _UNET_RESNET)


def _rows(ldm: str, ours: str, table: Iterable[Row]) -> Iterator[Row]:
    return ((f"{ldm}.{theirs}", f"{ours}.{mine}") for theirs, mine in table)


def rename(state: State, rows: Iterable[Row], prefix: str) -> State:
    """The tensors below `prefix` under diffusers' names. A name that no row covers keeps its own, so that the loading reports it."""
    table = dict(rows)
    found: State = {}
    for name, tensor in state.items():
        if name.startswith(prefix):
            found[_renamed(name.removeprefix(prefix), table)] = tensor
    return found


def _renamed(name: str, table: Mapping[str, str]) -> str:
    parts = name.split(".")
    for length in range(len(parts) - 1, 0, -1):
        if (ours := table.get(".".join(parts[:length]))) is not None:
            return ".".join((ours, *parts[length:]))
    return name


def flatten_attention(state: State) -> State:
    """LDM's VAE does attention with 1x1 convolutions, diffusers with linear layers: the same numbers in another shape."""
    is_attention = ("to_q.weight", "to_k.weight", "to_v.weight", "to_out.0.weight")
    return {
        name: tensor.reshape(tensor.shape[:2]) if name.endswith(is_attention) and tensor.ndim == 4 else tensor
        for name, tensor in state.items()
    }


def text_state(state: Mapping[str, torch.Tensor], prefix: str = TEXT) -> State:
    """A CLIP text encoder's tensors under transformers' names; old files lack `text_model.`, all carry the useless `position_ids`."""
    found = {name.removeprefix(prefix).removeprefix("text_model."): tensor for name, tensor in state.items() if name.startswith(prefix)}
    found.pop("embeddings.position_ids", None)
    return found


_OPEN_CLIP_ENDS = {
    "token_embedding.weight": "embeddings.token_embedding.weight",
    "positional_embedding": "embeddings.position_embedding.weight",
    "ln_final.weight": "final_layer_norm.weight",
    "ln_final.bias": "final_layer_norm.bias",
}
_OPEN_CLIP_LAYER = {
    "ln_1": "layer_norm1",
    "ln_2": "layer_norm2",
    "mlp.c_fc": "mlp.fc1",
    "mlp.c_proj": "mlp.fc2",
    "attn.out_proj": "self_attn.out_proj",
}


def open_clip_state(state: Mapping[str, torch.Tensor], prefix: str) -> State:
    """The same for an encoder under OpenCLIP's names, which keep query, key and value in one matrix, and the projection transposed."""
    found: State = {}
    for name, tensor in state.items():
        if not name.startswith(prefix):
            continue
        name = name.removeprefix(prefix)
        if name in _OPEN_CLIP_ENDS:
            found[_OPEN_CLIP_ENDS[name]] = tensor
        elif name == "text_projection":
            found["text_projection.weight"] = tensor.T
        elif name.startswith("transformer.resblocks."):
            number, _, layer = name.removeprefix("transformer.resblocks.").partition(".")
            found |= _open_clip_layer(f"encoder.layers.{number}", layer, tensor)
        else:
            found[name] = tensor
    return found


def _open_clip_layer(ours: str, name: str, tensor: torch.Tensor) -> State:
    kind = name.rpartition("_")[2]
    if name in ("attn.in_proj_weight", "attn.in_proj_bias"):
        return {f"{ours}.self_attn.{part}_proj.{kind}": rows for part, rows in zip("qkv", tensor.chunk(3), strict=True)}
    module, _, kind = name.rpartition(".")
    return {f"{ours}.{_OPEN_CLIP_LAYER.get(module, module)}.{kind}": tensor}
