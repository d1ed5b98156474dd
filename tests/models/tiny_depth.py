"""SD 2's depth checkpoint of two megabytes: five channels, and a narrow MiDaS (DPT-Hybrid) under the names of the real file.

`midas` computes with the file's own names, after the papers: what the program makes of them is held against it.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional as F

from tests import tiny
from tests.models import tiny_xl
from webui.models.families import ldm

PREFIX = "depth_model.model."
WIDTH, HEADS, BLOCKS, FUSED = 32, 2, 4, 16
STAGES = ((1, 128), (1, 128), (2, 128))
"""Units and channels of the residual network's stages; a unit is a quarter as wide inside."""
CONFIG: dict[str, Any] = {
    "hidden_size": WIDTH,
    "num_hidden_layers": BLOCKS,
    "num_attention_heads": HEADS,
    "intermediate_size": 64,
    "layer_norm_eps": 1e-6,
    "backbone_out_indices": [0, 1, 2, 3],
    "backbone_featmap_shape": [1, 128, 24, 24],
    "neck_hidden_sizes": [128, 128, WIDTH, WIDTH],
    "fusion_hidden_size": FUSED,
    "reassemble_factors": [1, 1, 1, 0.5],
    "backbone_config": {
        "model_type": "bit",
        "embedding_size": 32,
        "hidden_sizes": [channels for _, channels in STAGES],
        "depths": [units for units, _ in STAGES],
        "layer_type": "bottleneck",
        "global_padding": "same",
        "embedding_dynamic_padding": True,
        "out_features": ["stage1", "stage2", "stage3"],
    },
}


def shapes() -> dict[str, tuple[int, ...]]:
    """The names of MiDaS' tensors, and narrow shapes."""
    found: dict[str, tuple[int, ...]] = {}
    convolutions: dict[str, tuple[int, ...]] = {}
    stem = "pretrained.model.patch_embed.backbone."
    norms = {f"{stem}stem.norm": 32}
    convolutions[f"{stem}stem.conv"] = (32, 3, 7, 7)
    before = 32
    for stage, (units, channels) in enumerate(STAGES):
        for unit in range(units):
            name = f"{stem}stages.{stage}.blocks.{unit}."
            inner = channels // 4
            convolutions |= {
                f"{name}conv1": (inner, before, 1, 1),
                f"{name}conv2": (inner, inner, 3, 3),
                f"{name}conv3": (channels, inner, 1, 1),
            }
            norms |= {f"{name}norm1": inner, f"{name}norm2": inner, f"{name}norm3": channels}
            if unit == 0:
                convolutions[f"{name}downsample.conv"], norms[f"{name}downsample.norm"] = (channels, before, 1, 1), channels
            before = channels
    linears: dict[str, tuple[int, ...]] = {"pretrained.model.patch_embed.proj": (WIDTH, before, 1, 1)}
    for block in range(BLOCKS):
        name = f"pretrained.model.blocks.{block}."
        norms |= {f"{name}norm1": WIDTH, f"{name}norm2": WIDTH}
        linears |= {f"{name}attn.qkv": (3 * WIDTH, WIDTH), f"{name}attn.proj": (WIDTH, WIDTH)}
        linears |= {f"{name}mlp.fc1": (64, WIDTH), f"{name}mlp.fc2": (WIDTH, 64)}
    norms["pretrained.model.norm"] = WIDTH
    linears["pretrained.model.head"] = (10, WIDTH)  # of its training on other pictures: not used
    for level in (3, 4):
        linears[f"pretrained.act_postprocess{level}.0.project.0"] = (WIDTH, 2 * WIDTH)
        linears[f"pretrained.act_postprocess{level}.3"] = (WIDTH, WIDTH, 1, 1)
    linears["pretrained.act_postprocess4.4"] = (WIDTH, WIDTH, 3, 3)
    for level, channels in enumerate((128, 128, WIDTH, WIDTH), 1):
        convolutions[f"scratch.layer{level}_rn"] = (FUSED, channels, 3, 3)
        linears[f"scratch.refinenet{level}.out_conv"] = (FUSED, FUSED, 1, 1)
        for unit in (1, 2):
            linears |= {f"scratch.refinenet{level}.resConfUnit{unit}.conv{conv}": (FUSED, FUSED, 3, 3) for conv in (1, 2)}
    linears |= {"scratch.output_conv.0": (FUSED // 2, FUSED, 3, 3), "scratch.output_conv.2": (32, FUSED // 2, 3, 3)}
    linears["scratch.output_conv.4"] = (1, 32, 1, 1)
    found |= {f"{name}.weight": shape for name, shape in (convolutions | linears).items()}
    found |= {f"{name}.bias": shape[:1] for name, shape in linears.items()}
    found |= {f"{name}.{kind}": (width,) for name, width in norms.items() for kind in ("weight", "bias")}
    return found | {"pretrained.model.cls_token": (1, 1, WIDTH), "pretrained.model.pos_embed": (1, 1 + 24 * 24, WIDTH)}


def state() -> dict[str, Tensor]:
    """Seeded numbers for all of them, such that what is nearer differs from what is far."""
    source = torch.Generator().manual_seed(21)
    made = {}
    for name, shape in shapes().items():
        spread = 1 / max(torch.Size(shape[1:]).numel(), 1) ** 0.5 if len(shape) > 1 else 0.1
        made[name] = torch.randn(shape, generator=source) * spread + (1.0 if "norm" in name and name.endswith("weight") else 0.0)
    made["scratch.output_conv.4.bias"] = torch.tensor([2.0])
    return made


def midas(tensors: Mapping[str, Tensor], pixels: Tensor) -> Tensor:
    """What DPT-Hybrid says of pictures in -1…1 whose sides are multiples of 32: larger is nearer."""

    def at(name: str, kind: str = "weight") -> Tensor:
        return tensors[f"{name}.{kind}"]

    def same(x: Tensor, kernel: int, stride: int) -> Tensor:
        pads = [max((-(-side // stride) - 1) * stride + kernel - side, 0) for side in x.shape[-2:]]
        return F.pad(x, (pads[1] // 2, pads[1] - pads[1] // 2, pads[0] // 2, pads[0] - pads[0] // 2))

    def standard(x: Tensor, name: str, stride: int = 1) -> Tensor:
        weight = at(name)
        spread, mean = torch.var_mean(weight, dim=(1, 2, 3), keepdim=True, unbiased=False)
        return F.conv2d(same(x, weight.shape[-1], stride), (weight - mean) / (spread + 1e-8).sqrt(), stride=stride)

    def normed(x: Tensor, name: str) -> Tensor:
        return F.group_norm(x, 32, at(name), at(name, "bias"))

    def linear(x: Tensor, name: str) -> Tensor:
        return F.linear(x, at(name), at(name, "bias"))

    def conv(x: Tensor, name: str, **how: int) -> Tensor:
        return F.conv2d(x, at(name), tensors.get(f"{name}.bias"), **how)

    def layer_norm(x: Tensor, name: str) -> Tensor:
        return F.layer_norm(x, (WIDTH,), at(name), at(name, "bias"), 1e-6)

    backbone = "pretrained.model.patch_embed.backbone."
    x = F.relu(normed(standard(pixels, f"{backbone}stem.conv", 2), f"{backbone}stem.norm"))
    x = F.max_pool2d(same(x, 3, 2), 3, 2)
    levels = []
    for stage, (units, _) in enumerate(STAGES):
        for unit in range(units):
            name, stride = f"{backbone}stages.{stage}.blocks.{unit}.", 2 if stage and not unit else 1
            short = x if unit else normed(standard(x, f"{name}downsample.conv", stride), f"{name}downsample.norm")
            inner = F.relu(normed(standard(x, f"{name}conv1"), f"{name}norm1"))
            inner = F.relu(normed(standard(inner, f"{name}conv2", stride), f"{name}norm2"))
            x = F.relu(normed(standard(inner, f"{name}conv3"), f"{name}norm3") + short)
        levels.append(x)
    grid = x.shape[-2:]
    tokens = conv(x, "pretrained.model.patch_embed.proj").flatten(2).transpose(1, 2)
    places = tensors["pretrained.model.pos_embed"]
    plane = places[:, 1:].reshape(1, 24, 24, WIDTH).permute(0, 3, 1, 2)
    plane = F.interpolate(plane, size=grid, mode="bilinear").permute(0, 2, 3, 1).reshape(1, -1, WIDTH)
    tokens = torch.cat([tensors["pretrained.model.cls_token"].expand(len(x), -1, -1), tokens], 1) + torch.cat([places[:, :1], plane], 1)
    hooked = []
    for block in range(BLOCKS):
        name = f"pretrained.model.blocks.{block}."
        parts = linear(layer_norm(tokens, f"{name}norm1"), f"{name}attn.qkv").unflatten(-1, (3, HEADS, -1)).permute(2, 0, 3, 1, 4)
        looked = F.scaled_dot_product_attention(*parts).transpose(1, 2).flatten(2)
        tokens = tokens + linear(looked, f"{name}attn.proj")
        tokens = tokens + linear(F.gelu(linear(layer_norm(tokens, f"{name}norm2"), f"{name}mlp.fc1")), f"{name}mlp.fc2")
        hooked.append(tokens)
    for level, seen in ((3, hooked[-2]), (4, hooked[-1])):
        name = f"pretrained.act_postprocess{level}."
        both = torch.cat([seen[:, 1:], seen[:, :1].expand_as(seen[:, 1:])], -1)
        plane = F.gelu(linear(both, f"{name}0.project.0")).transpose(1, 2).unflatten(2, grid)
        plane = conv(plane, f"{name}3")
        levels[2:] = [plane] if level == 3 else [levels[2], conv(plane, f"{name}4", stride=2, padding=1)]
    joined = None
    for level in (4, 3, 2, 1):
        name = f"scratch.refinenet{level}."

        def unit(x: Tensor, which: str) -> Tensor:
            inner = conv(F.relu(x), f"{which}.conv1", padding=1)
            return conv(F.relu(inner), f"{which}.conv2", padding=1) + x

        new = conv(levels[level - 1], f"scratch.layer{level}_rn", padding=1)
        joined = new if joined is None else joined + unit(new, f"{name}resConfUnit1")
        joined = F.interpolate(unit(joined, f"{name}resConfUnit2"), scale_factor=2, mode="bilinear", align_corners=True)
        joined = conv(joined, f"{name}out_conv")
    x = F.interpolate(conv(joined, "scratch.output_conv.0", padding=1), scale_factor=2, mode="bilinear", align_corners=True)
    return F.relu(conv(F.relu(conv(x, "scratch.output_conv.2", padding=1)), "scratch.output_conv.4"))


def write(path: Path, midas: Mapping[str, Tensor], config: Mapping[str, Any] = CONFIG, dtype: torch.dtype = torch.float32) -> Path:
    """Write the checkpoint with these tensors of MiDaS."""
    unet, vae, _ = tiny.parts(5, 5)
    tensors = {name: tensor for name, tensor in tiny.ldm_state(unet, vae, tiny_xl.sd2_text()).items() if not name.startswith(ldm.TEXT)}
    tensors |= tiny_xl.open_clip(tiny_xl.sd2_text(), "cond_stage_model.model.")
    tensors |= {PREFIX + name: tensor for name, tensor in midas.items()}
    told = tiny.metadata(in_channels=5) | {"darkroom.text_encoder": json.dumps(tiny_xl.TEXT_H)}
    told["darkroom.depth_estimator"] = json.dumps(config)
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: tensor.to(dtype).contiguous() for name, tensor in tensors.items()}, path, metadata=told)
    return path
