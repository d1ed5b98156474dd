"""Change only a part: the mask on the latents, what fills it at the start, the blend at every step, and inpainting models' channels."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from webui.core.request import Fill, ResolvedRequest
from webui.errors import RequestError
from webui.generation.img2img import Source, rounds
from webui.generation.profiles import profile_of
from webui.generation.tensors import mask_tensor, to_tensor
from webui.library.families import NEEDS_PICTURE
from webui.models.model import Model
from webui.samplers.process import VARIANCE_EXPLODING

Noise = Callable[[], Tensor]
AddNoise = Callable[[Tensor, Tensor, Tensor], Tensor]
"""(clean latents, unit noise, sigma) → noisy latents: `NoiseProcess.add_noise`."""
Blend = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]
"""(denoised, start latents, mask, sigma [batch]) → what the sampler goes on with."""


@dataclass(frozen=True)
class MaskedDenoiser:
    """A denoiser that changes only where `mask` is 1.

    Before each call the rest is replaced by the start picture at that noise level, after it by the start picture itself,
    as Forge does; so the model sees the surroundings as they will be. Samplers of timesteps (`by_noise`) go on with the noise that was
    found in what the model saw, taken from their own x: with a soft mask that is another picture. `add_noise` is the model's.
    """

    denoise: Callable[..., Tensor]
    start: Tensor
    mask: Tensor
    noise: Noise
    blend: Blend
    by_noise: bool = False
    add_noise: AddNoise = VARIANCE_EXPLODING.add_noise

    def __call__(self, x: Tensor, sigma: Tensor, **extra: object) -> Tensor:
        around = self.add_noise(self.start, self.noise(), sigma.reshape(-1, 1, 1, 1))
        seen = x * self.mask + around * (1 - self.mask)
        denoised = self.blend(self.denoise(seen, sigma, **extra), self.start, self.mask, sigma)
        return denoised + (x - seen) if self.by_noise else denoised


def hard_blend(denoised: Tensor, start: Tensor, mask: Tensor, _sigma: Tensor) -> Tensor:
    """The start picture wherever the mask is black."""
    return denoised * mask + start * (1 - mask)


def mask_latents(source: Source, request: ResolvedRequest, like: Tensor) -> Tensor | None:
    """The mask [1, 1, h, w] on the latents' grid; None when everything changes."""
    if source.mask is None:
        return None
    return profile_of(request).mask_grid(source.mask, like, rounded=rounds(request))


def fill_latents(latents: Tensor, mask: Tensor | None, request: ResolvedRequest, noises: Sequence[Tensor]) -> Tensor:
    """The batch's start latents with "latent noise" (each picture's own) or "latent nothing" in the masked part."""
    batch = latents if len(latents) == len(noises) else latents.repeat(len(noises), 1, 1, 1)
    if mask is None or request.fill not in (Fill.LATENT_NOISE, Fill.LATENT_NOTHING):
        return batch
    kept = batch * (1 - mask)
    return kept + torch.stack(list(noises)).to(batch) * mask if request.fill is Fill.LATENT_NOISE else kept


def inpaint_channels(source: Source | None, request: ResolvedRequest, model: Model, like: Tensor) -> Tensor:
    """The five further channels [1, 5, h, w] of an inpainting model: the mask, and the picture without its masked part.

    Without a picture everything is masked: grey. `mask_weight` below 1 lets the masked part shine through.
    """
    height, width = like.shape[-2] * model.downscale, like.shape[-1] * model.downscale
    pixels = torch.zeros(1, 3, height, width) if source is None else to_tensor([source.image])
    mask = (
        torch.ones(1, 1, *pixels.shape[-2:]) if source is None or source.mask is None else mask_tensor(source.mask, rounded=rounds(request))
    )
    seen = pixels if source is None else torch.lerp(pixels, pixels * (1 - mask), request.mask_weight)
    latents = torch.nn.functional.interpolate(model.encode_image(seen), size=like.shape[-2:], mode="bilinear")
    return torch.cat([torch.nn.functional.interpolate(mask, size=like.shape[-2:]).to(latents), latents], dim=1)


def edit_channels(source: Source | None, model: Model, like: Tensor) -> Tensor:
    """The four further channels of an instruct-pix2pix model: the picture's latents, without their scale. Black without a picture."""
    if source is None:
        return torch.zeros(1, model.latent_channels, *like.shape[-2:])
    latents = model.encode_image(to_tensor([source.image])) / model.scale_factor
    return torch.nn.functional.interpolate(latents, size=like.shape[-2:], mode="bilinear")


def depth_channel(source: Source | None, model: Model, like: Tensor) -> Tensor:
    """The further channel of a depth model: how near things are in the picture, from -1, the farthest, to 1.

    Nothing is nearer than anything else in a picture where all is equally far: 0. Raises `RequestError` without a picture.
    """
    if source is None:
        raise RequestError("checkpoint", NEEDS_PICTURE.format(model.name))
    near = model.nearness(to_tensor([source.image]))
    if near is None:
        raise RequestError("checkpoint", f"{model.name} has nothing inside that sees depth. Choose the whole file.")
    near = torch.nn.functional.interpolate(near, size=like.shape[-2:], mode="bicubic")
    low, high = near.aminmax()
    return (near - low) / (high - low) * 2 - 1 if high > low else torch.zeros_like(near)
