"""Classifier-free guidance and its friends, on predictions of the clean latent."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torch import Tensor

from webui.core.request import GuidanceOptions


def combine(uncond: Tensor, conds: Sequence[Tensor], weights: Sequence[float | Tensor], scale: float) -> Tensor:
    """Guidance over several prompts: uncond + Σ weight · scale · (cond − uncond) (Ho & Salimans 2022; Liu et al. 2022 for AND)."""
    result = uncond
    for cond, weight in zip(conds, weights, strict=True):
        result = result + (cond - uncond) * (weight * scale)
    return result


def unguided(conds: Sequence[Tensor], weights: Sequence[float | Tensor]) -> Tensor:
    """What a call without the negative prompt gives: the prompts' predictions by their weights, as Forge adds them."""
    if len(conds) == 1 and isinstance(weights[0], float | int) and weights[0] == 1.0:
        return conds[0]
    total = conds[0] * weights[0]
    for cond, weight in zip(conds[1:], weights[1:], strict=True):
        total = total + cond * weight
    return total


def combine_edit(
    uncond: Tensor, image_only: Tensor, conds: Sequence[Tensor], weights: Sequence[float | Tensor], scale: float, image_scale: float
) -> Tensor:
    """InstructPix2Pix's two scales (Brooks et al. 2022, equation 3): for the instruction and for the picture."""
    result = uncond + image_scale * (image_only - uncond)
    for cond, weight in zip(conds, weights, strict=True):
        result = result + (cond - image_only) * (weight * scale)
    return result


def diffusion_still(x: Tensor, sigma: Tensor) -> Tensor:
    """The clean latent that a velocity of zero stands for in a diffusion model: x / (1 + sigma²)."""
    return x / (sigma**2 + 1).to(x.dtype)


def rescale(
    guided: Tensor, cond: Tensor, amount: float, x: Tensor, sigma: Tensor, still_of: Callable[[Tensor, Tensor], Tensor] = diffusion_still
) -> Tensor:
    """Pull the guided prediction back to the conditional one's standard deviation (Lin et al. 2023, equations 15 and 16).

    The paper does so to the velocity; in predictions of the clean latent that is their distance from what a velocity of zero stands for
    (`Prediction.still`).
    """
    if not amount:
        return guided
    still = still_of(x, sigma.view(-1, *[1] * (x.ndim - 1)))
    dimensions = tuple(range(1, guided.ndim))
    wanted, had = (cond - still).std(dimensions, keepdim=True), (guided - still).std(dimensions, keepdim=True)
    return still + (guided - still) * (amount * wanted / had.clamp(min=1e-12) + 1 - amount)


@dataclass(frozen=True)
class SkipRule:
    """Which model calls go without the negative prompt."""

    options: GuidanceOptions
    total: int

    def skips(self, call: int, sigma: float) -> bool:
        """Early calls ("Ignore negative prompt during early sampling"), and low noise levels (NGMS): every other call, or all of them."""
        if self.options.skip_early > 0 and call / max(self.total, 1) <= self.options.skip_early:
            return True
        low = self.options.min_sigma > 0 and sigma < self.options.min_sigma
        return low and (self.options.min_sigma_all or call % 2 == 1)
