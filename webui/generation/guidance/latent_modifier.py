"""Latent modifiers: the prediction's velocity made softer or sharper, its extremes tamed, its contrast pulled back.

Three of the changes of Clybius' ComfyUI-Latent-Modifiers, in Forge's order: sharpness, tone mapping, rescaling.
"""

import torch
from torch import Tensor
from torch.nn.functional import pad

from webui.core.guidance import LatentModifier
from webui.generation.guiders import GuidanceCall, GuidancePart, GuidanceRun, noise_prediction
from webui.models.prediction import EpsPrediction

LEFT_OUT = "The latent modifier was left out: it is for diffusion models, and this checkpoint is a rectified flow."
IDLE = "The latent modifier changed nothing: at CFG scale 1 there is no negative prompt."
_TINY = 1e-10
_REACH, _SPREAD = 6, 3.0
"""Latent pixels that the blur reaches, and its spread in places and in values."""


def make(run: GuidanceRun) -> GuidancePart | None:
    """The modifier for a run that asks for it; a note instead where it means nothing."""
    options = run.request.latent_modifier
    prediction = noise_prediction(run, LEFT_OUT, IDLE) if options is not None else None
    return Modifier(options, prediction) if options is not None and prediction is not None else None


class Modifier(GuidancePart):
    """Takes the place of classifier-free guidance's formula."""

    def __init__(self, options: LatentModifier, prediction: EpsPrediction) -> None:
        self._options, self._prediction = options, prediction
        self.formula = self._guided

    def _guided(self, call: GuidanceCall, cond: Tensor, uncond: Tensor) -> Tensor:
        options, sigma = self._options, call.sigma.view(-1, 1, 1, 1).to(call.x.dtype)
        still, length = call.x / (sigma**2 + 1), (sigma**2 + 1) ** 0.5 / sigma
        v_cond, v_uncond = ((still - each) * length for each in (cond, uncond))
        if options.sharpness_multiplier:
            timestep = self._prediction.timestep(call.sigma).view(-1, 1, 1, 1)
            v_cond = softened(v_cond, 0.001 * options.sharpness_multiplier * (1 - timestep / 999))
        noise = v_cond - v_uncond
        if options.tonemap_multiplier:
            noise = tonemapped(noise, options.tonemap_multiplier, options.tonemap_percentile)
        whole = v_uncond + call.guidance.scale * noise
        if options.rescale_cfg_phi:
            ratio = v_cond.std((1, 2, 3), keepdim=True) / whole.std((1, 2, 3), keepdim=True).clamp(min=_TINY)
            whole = options.rescale_cfg_phi * whole * ratio + (1 - options.rescale_cfg_phi) * whole
        return still - whole / length


def softened(v: Tensor, amount: Tensor) -> Tensor:
    """A blur that keeps edges, mixed in by an amount for each picture; below 0 it sharpens."""
    return amount * bilateral(v) + (1 - amount) * v


def bilateral(v: Tensor) -> Tensor:
    """A bilateral blur over 13 × 13 latent pixels, edges mirrored; the difference of two places is that of all channels together."""
    height, width = v.shape[-2:]
    y, x = min(_REACH, height - 1), min(_REACH, width - 1)
    mirrored = pad(v, [x, x, y, y], mode="reflect")
    total, counted = torch.zeros_like(v), torch.zeros_like(v[:, :1])
    for row in range(-y, y + 1):
        for column in range(-x, x + 1):
            other = mirrored[..., y + row : y + row + height, x + column : x + column + width]
            difference = (other - v).abs().sum(1, keepdim=True)
            weight = torch.exp(-(difference**2 + row**2 + column**2) / (2 * _SPREAD**2))
            total, counted = total + other * weight, counted + weight
    return total / counted


def tonemapped(noise: Tensor, multiplier: float, percentile: float) -> Tensor:
    """Reinhard's curve on the lengths over channels: long ones are bent, short ones stay."""
    length = torch.linalg.vector_norm(noise, dim=1, keepdim=True) + _TINY
    dimensions = (1, 2, 3)
    top = (3 * length.std(dimensions, keepdim=True) * 100 / percentile + length.mean(dimensions, keepdim=True)) * multiplier
    result: Tensor = noise / length * top * (length / top) / (length / top + 1)
    return result
