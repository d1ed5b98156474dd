"""A loaded model: its parts, and the three things that are done with them, `predict`, `encode_image` and `decode`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn

from webui.library import Native
from webui.pipelines.embeddings import EmbeddedWords
from webui.pipelines.offload import Offload
from webui.pipelines.place import Place

if TYPE_CHECKING:
    from webui.prompts.tokenizer import ClipTokenizer

LatentRgb = tuple[tuple[float, float, float], ...]


@dataclass(eq=False)
class Model:
    """One checkpoint in memory, shared by every mode and user.

    `prediction` is what the UNet predicts ("eps" or "v"), `variant` "" or "inpaint" (9 input channels) or "ip2p" (8).
    `words` are the textual inversions of the library.
    """

    name: str
    hash: str
    family: str
    variant: str
    prediction: str
    place: Place
    unet: nn.Module
    vae: nn.Module
    text_encoder: nn.Module
    tokenizer: "ClipTokenizer"
    alphas_cumprod: Tensor
    native: Native
    latent_rgb: LatentRgb | None
    offload: Offload
    latent_space: str = "sd1"
    """Models with the same word have interchangeable latents; the file's own name where it brings its own VAE."""
    vae_name: str = ""
    scale_factor: float = 0.18215
    words: EmbeddedWords = field(default_factory=EmbeddedWords)
    remembered: dict[str, Any] = field(default_factory=dict)
    """What adapters keep between jobs: the changed weights of the last set."""

    latent_channels = 4
    downscale = 8

    @property
    def embeddings(self) -> Mapping[str, Tensor]:
        """The textual inversions that fit, by name: float32 [vectors, width]."""
        return self.words.vectors

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        return self.place.device

    @property
    def dtype(self) -> torch.dtype:
        """What the UNet computes in."""
        return self.place.dtype

    @property
    def text_width(self) -> int:
        """Width of the text encoder's vectors."""
        return int(cast(Any, self.text_encoder).config.hidden_size)

    def change_vae(self, vae: nn.Module, name: str) -> None:
        """Use another VAE from now on."""
        self.offload.home()
        self.offload.adopt(vae)
        self.vae, self.vae_name = vae, name

    @torch.no_grad()
    def predict(self, x: Tensor, timesteps: Tensor, cond: Tensor, concat: Tensor | None = None) -> Tensor:
        """The UNet's raw output, in the type of `x`, for noisy latents `x` [n, 4, h, w] at `timesteps` [n] (0 to 999, fractions allowed).

        `cond` [n, tokens, width] is the encoded prompt; `concat` the further input channels of inpainting (5) and pix2pix (4) models.
        """
        self.offload.need(self.unet)
        inputs = x if concat is None else torch.cat([x, concat.to(x)], dim=1)
        output: Tensor = self.unet(inputs.to(self.device, self.dtype), timesteps, cond.to(self.device, self.dtype), return_dict=False)[0]
        return output.to(x.device, x.dtype)

    @torch.no_grad()
    def encode_image(self, pixels: Tensor, noise: Tensor | None = None) -> Tensor:
        """Latents [n, 4, h/8, w/8] in float32 of pictures in −1…1 [n, 3, h, w]: the mean, or with `noise` a draw from the posterior."""
        self.offload.need(self.vae)
        posterior = self.vae.encode(pixels.to(self.device, self._vae_dtype)).latent_dist  # type: ignore[operator]
        latents: Tensor = posterior.mean.float()
        if noise is not None:
            latents = latents + posterior.std.float() * noise.to(latents)
        return latents * self.scale_factor

    @torch.no_grad()
    def decode(self, latents: Tensor) -> Tensor:
        """Pictures 0…1 [n, 3, 8h, 8w] in float32 from latents."""
        self.offload.need(self.vae)
        inputs = (latents / self.scale_factor).to(self.device, self._vae_dtype)
        pixels: Tensor = self.vae.decode(inputs, return_dict=False)[0]  # type: ignore[operator]
        return pixels.float().add(1).div(2).clamp(0, 1)

    @property
    def _vae_dtype(self) -> torch.dtype:
        return self.place.vae_dtype


def scaled_linear_alphas(start: float = 0.00085, end: float = 0.012, steps: int = 1000) -> Tensor:
    """The cumulative products of 1 − beta that Stable Diffusion was trained with (Rombach et al. 2022: beta linear in its square root).

    In float64: the lowest noise level is a small difference from 1, and a Brownian path knows its last digit.
    """
    betas = torch.linspace(start**0.5, end**0.5, steps, dtype=torch.float64) ** 2
    return torch.cumprod(1 - betas, dim=0)
