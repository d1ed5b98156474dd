"""SDXL (Podell et al. 2023, arXiv:2307.01952): two text encoders, whose penultimate layers are joined, and size conditioning.

Also its pruned UNets (SSD-1B, Segmind Vega, KOALA), whose depths are read from the tensors' names, and the refiner.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from webui.core.request import SizeConditioning
from webui.library.families import stable_diffusion as specs
from webui.models.families import ldm
from webui.models.families.stable_diffusion import StableDiffusion, TextLayout
from webui.models.weights import WeightSource

_CLIP_G = TextLayout(
    "text_encoder_2",
    "conditioner.embedders.1.model.",
    open_clip=True,
    projects=True,
    pad=0,
    lowest_skip=2,
    final_norm=False,
    embedding="clip_g",
)


class SDXL(StableDiffusion):
    """SDXL base, its fine-tunes, and inpainting and instruct-pix2pix models of it."""

    spec = specs.SDXL
    vae_configs = "sdxl"
    zero_empty_negative = True
    texts = (
        TextLayout("text_encoder", "conditioner.embedders.0.transformer.", lowest_skip=2, final_norm=False),
        _CLIP_G,
    )

    def unet_config(self, weights: WeightSource) -> dict[str, Any]:
        """The full size, or the depths that the names of a pruned one tell."""
        config = super().unet_config(weights)
        return config if weights.config("unet") is not None else config | unet_depths(weights.tensors, len(config["block_out_channels"]))

    def vectors(self, size: SizeConditioning, width: int, height: int, *, negative: bool) -> Mapping[str, Tensor]:
        """Original height and width, crop from top and left, target height and width, in pixels (section 2.2 of the paper)."""
        numbers = (
            size.original_height or height,
            size.original_width or width,
            size.crop_top,
            size.crop_left,
            size.target_height or height,
            size.target_width or width,
        )
        return {"time_ids": torch.tensor([numbers], dtype=torch.float32)}


class SDXLRefiner(StableDiffusion):
    """The refiner: the second encoder alone, and an aesthetic score in the place of the target size."""

    spec = specs.REFINER
    vae_configs = "sdxl"
    zero_empty_negative = True
    texts = (replace(_CLIP_G, prefix="conditioner.embedders.0.model."),)

    def vectors(self, size: SizeConditioning, width: int, height: int, *, negative: bool) -> Mapping[str, Tensor]:
        """Original height and width, crop from top and left, and the score: 6 for the prompt, 2.5 for the negative one, as in A1111."""
        score = size.negative_aesthetic_score if negative else size.aesthetic_score
        sides = size.original_height or height, size.original_width or width
        return {"time_ids": torch.tensor([(*sides, size.crop_top, size.crop_left, score)], dtype=torch.float32)}


load = SDXL().load
load_refiner = SDXLRefiner().load


def unet_depths(tensors: Mapping[str, Tensor], levels: int) -> dict[str, Any]:
    """How many transformers each block has, and how many blocks a level, where that is not SDXL's own."""
    depths = _transformers(tensors)
    layers = (sum(1 for block in _blocks(tensors, "input_blocks")) - levels) // levels
    down = [[depths.get(f"input_blocks.{1 + level * (layers + 1) + layer}.1", 0) for layer in range(layers)] for level in range(levels)]
    up = [[depths.get(f"output_blocks.{level * (layers + 1) + layer}.1", 0) for layer in range(layers + 1)] for level in range(levels)]
    middle = depths.get("middle_block.1", 0)
    config: dict[str, Any] = {"layers_per_block": layers}
    if any(name.startswith(ldm.UNET + "middle_block.") for name in tensors):
        config["mid_block_type"] = "UNetMidBlock2DCrossAttn" if middle else "UNetMidBlock2D"
    else:
        config["mid_block_type"] = None
    even = [row[0] for row in down]
    if all(len(set(row)) == 1 for row in (*down, *up)) and even == [row[0] for row in up][::-1] and middle in (0, even[-1]):
        return config | {"transformer_layers_per_block": [max(depth, 1) for depth in even]}
    return config | {
        "transformer_layers_per_block": [row if any(row) else 1 for row in down],
        "reverse_transformer_layers_per_block": [row if any(row) else 1 for row in up],
    }


def _transformers(tensors: Mapping[str, Tensor]) -> dict[str, int]:
    """Transformer blocks by the module that holds them, such as `input_blocks.4.1`."""
    found: dict[str, set[str]] = {}
    for name in tensors:
        module, mark, rest = name.removeprefix(ldm.UNET).partition(".transformer_blocks.")
        if mark and name.startswith(ldm.UNET):
            found.setdefault(module, set()).add(rest.partition(".")[0])
    return {module: len(blocks) for module, blocks in found.items()}


def _blocks(tensors: Mapping[str, Tensor], kind: str) -> set[str]:
    prefix = f"{ldm.UNET}{kind}."
    return {name.removeprefix(prefix).partition(".")[0] for name in tensors if name.startswith(prefix)}
