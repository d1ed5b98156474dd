"""LoRA (Hu et al. 2021, arXiv:2106.09685): W + s·alpha/rank · up·down; LoCon's convolutions may have a core between the two."""

import torch
from torch import Tensor

from .parts import Parts, shaped


def delta(parts: Parts, weight: Tensor) -> Tensor:
    """alpha/rank · up·down, in the shape of the weight."""
    up, down = parts.matrix("up", weight), parts.matrix("down", weight)
    if "mid" in parts:
        product = torch.einsum("or,rqyx,qi->oiyx", up, parts.get("mid", weight), down)
    else:
        product = up @ down
    return shaped(product, weight).mul_(parts.scale(len(down)))


def transform(parts: Parts, weight: Tensor, strength: float) -> Tensor:
    """The weight with it on; where there is no core, in the tensor that the product was made in."""
    if "mid" in parts:
        return weight.add(delta(parts, weight), alpha=strength)
    up, down = parts.matrix("up", weight), parts.matrix("down", weight)
    flat = weight.reshape(len(weight), -1)
    if (len(up), down.shape[1]) != tuple(flat.shape):
        raise ValueError("another layer's shape")
    product = (up @ down).mul_(strength * parts.scale(len(down)))  # rounded before it is added, as Forge does: addmm is 7 dB further off
    return product.add_(flat).reshape(weight.shape)


def bias(parts: Parts, weight: Tensor, strength: float) -> Tensor:
    """PEFT's `lora_B` may have a bias, which its output adds."""
    return weight.add(parts.get("up_bias", weight), alpha=strength * parts.scale(len(parts.tensors["down"])))
