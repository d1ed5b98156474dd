"""IA3 (Liu et al. 2022, arXiv:2205.05638), as LyCORIS writes it: W ∘ (1 + s·w), one number for each output, or for each input."""

from torch import Tensor

from .parts import Parts


def transform(parts: Parts, weight: Tensor, strength: float) -> Tensor:
    """The weight with its rows or columns scaled."""
    on_input = parts.number("on_input") != 0
    sides = (1, weight.shape[1]) if on_input else (len(weight), 1)
    factors = parts.get("ia3", weight).reshape(*sides, *[1] * (weight.ndim - 2))
    return weight * (1 + strength * factors)
