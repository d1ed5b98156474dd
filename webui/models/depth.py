"""How near things are in a picture: MiDaS' DPT-Hybrid (Ranftl et al. 2021, arXiv:2103.13413), which SD 2's depth checkpoint carries.

transformers has the parts. Its own call takes squares of one size alone; a picture is seen here in its shape, as the network was trained.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

SEEN, MULTIPLE = 384, 32
"""Pixels of a side that the network was trained on, and what the other is a multiple of."""

State = dict[str, Tensor]
Row = tuple[str, str]

_BLOCK = (
    ("norm1", "layernorm_before"),
    ("norm2", "layernorm_after"),
    ("attn.proj", "attention.output.dense"),
    ("mlp.fc1", "intermediate.dense"),
    ("mlp.fc2", "output.dense"),
)
_STEM = (("stem.conv", "embedder.convolution"), ("stem.norm", "embedder.norm"))
_JOINED = re.compile(r"pretrained\.model\.blocks\.(\d+)\.attn\.qkv\.(weight|bias)")
_ALONE = {"cls_token": "cls_token", "pos_embed": "position_embeddings"}
_UNIT = ("conv1", "norm1", "conv2", "norm2", "conv3", "norm3", "downsample.conv", "downsample.norm")


def make(config: Mapping[str, Any]) -> nn.Module:
    """The network of transformers' configuration."""
    from transformers import DPTConfig
    from transformers.models.dpt.modeling_dpt import DPTForDepthEstimation

    return cast(nn.Module, DPTForDepthEstimation(DPTConfig(**config, is_hybrid=True)))


def rows(config: Mapping[str, Any]) -> Iterator[Row]:
    """(MiDaS' prefix, transformers' prefix) of every module of the network with this configuration."""
    ours, theirs = "dpt.embeddings.backbone.bit.", "pretrained.model.patch_embed.backbone."
    yield from ((theirs + their, ours + our) for their, our in _STEM)
    for stage, depth in enumerate(config["backbone_config"]["depths"]):
        for unit in range(depth):
            for part in _UNIT:
                yield f"{theirs}stages.{stage}.blocks.{unit}.{part}", f"{ours}encoder.stages.{stage}.layers.{unit}.{part}"
    yield "pretrained.model.patch_embed.proj", "dpt.embeddings.projection"
    yield "pretrained.model.norm", "dpt.layernorm"
    for block in range(config["num_hidden_layers"]):
        for their, our in _BLOCK:
            yield f"pretrained.model.blocks.{block}.{their}", f"dpt.encoder.layer.{block}.{our}"
    yield from _neck()


def _neck() -> Iterator[Row]:
    """Of the four levels the two coarser ones come from the transformer; the levels are joined from the coarsest on."""
    for level in (2, 3):
        yield f"pretrained.act_postprocess{level + 1}.0.project.0", f"neck.reassemble_stage.readout_projects.{level}.0"
        yield f"pretrained.act_postprocess{level + 1}.3", f"neck.reassemble_stage.layers.{level}.projection"
        yield f"pretrained.act_postprocess{level + 1}.4", f"neck.reassemble_stage.layers.{level}.resize"
    for level in range(4):
        theirs, ours = f"scratch.refinenet{level + 1}", f"neck.fusion_stage.layers.{3 - level}"
        yield f"scratch.layer{level + 1}_rn", f"neck.convs.{level}"
        yield f"{theirs}.out_conv", f"{ours}.projection"
        for unit in (1, 2):
            for conv in (1, 2):
                yield f"{theirs}.resConfUnit{unit}.conv{conv}", f"{ours}.residual_layer{unit}.convolution{conv}"
    yield from ((f"scratch.output_conv.{layer}", f"head.head.{layer}") for layer in (0, 2, 4))


def renamed(state: Mapping[str, Tensor], config: Mapping[str, Any]) -> State:
    """MiDaS' tensors under transformers' names, with query, key and value apart. What is of neither keeps its name."""
    table = dict(rows(config))
    table |= {f"pretrained.model.{their}": f"dpt.embeddings.{our}" for their, our in _ALONE.items()}
    found: State = {}
    for name, tensor in state.items():
        module, _, kind = name.rpartition(".")
        if joined := _JOINED.fullmatch(name):
            attention = f"dpt.encoder.layer.{joined[1]}.attention.attention"
            parts = zip(("query", "key", "value"), tensor.tensor_split(3), strict=True)
            found |= {f"{attention}.{part}.{kind}": each for part, each in parts}
        else:
            found[table.get(name) or (f"{table[module]}.{kind}" if module in table else name)] = tensor
    return found


def seen_size(width: int, height: int) -> tuple[int, int]:
    """(width, height) in which MiDaS looks at a picture: scaled by the side that has to change least to be 384, to multiples of 32."""
    scale = min(SEEN / width, SEEN / height, key=lambda each: abs(1 - each))
    wide, high = (max(round(side * scale / MULTIPLE), 1) * MULTIPLE for side in (width, height))
    return wide, high


@torch.no_grad()
def nearness(network: nn.Module, pixels: Tensor, device: torch.device) -> Tensor:
    """How near each pixel is, larger being nearer, float32 [n, 1, h, w] of the size that MiDaS looks at, for pictures -1…1 [n, 3, …].

    The network's weights may rest in 16 bits and in main memory: it computes with copies in float32 on the device, which end with the call.
    """
    width, height = seen_size(pixels.shape[-1], pixels.shape[-2])
    seen = interpolate(pixels.to(device, torch.float32), size=(height, width), mode="bicubic")
    return _run(_at_work(network, device), seen)


def _at_work(network: nn.Module, device: torch.device) -> nn.Module:
    with torch.device("meta"):
        twin = type(network)(cast(Any, network).config)
    twin.load_state_dict({name: tensor.to(device, torch.float32) for name, tensor in network.state_dict().items()}, assign=True)
    return twin.eval().requires_grad_(False)


def _run(network: Any, pixels: Tensor) -> Tensor:
    """The parts of transformers' network one after another: its embeddings for any size, its neck told the grid."""
    patch = network.config.patch_size
    first = network.dpt.embeddings(pixels, interpolate_pos_encoding=True)
    levels, hidden = list(first.intermediate_activations), first.last_hidden_states
    for number, layer in enumerate(network.dpt.encoder.layer):
        hidden = layer(hidden)
        if number in network.config.backbone_out_indices[2:]:
            levels.append(hidden)
    joined = network.neck(levels, pixels.shape[-2] // patch, pixels.shape[-1] // patch)
    found: Tensor = network.head(joined)
    return found[:, None]
