"""A loaded model: its parts, and the three things that are done with them, `predict`, `encode_image` and `decode`."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, cast

import torch
from torch import Tensor, nn

from webui.core.request import SizeConditioning
from webui.library import Native
from webui.models.conditioning import Conditioning
from webui.models.embeddings import EmbeddedWords
from webui.models.offload import Offload
from webui.models.placement import Placement
from webui.models.prediction import Prediction
from webui.models.weight_sets import WeightPatch, WeightSets

if TYPE_CHECKING:
    from webui.prompts.tokenizer import ClipTokenizer

_ADDED = {"pooled": "text_embeds", "time_ids": "time_ids"}
"""diffusers' names of the vectors that a UNet takes."""
LatentRgb = tuple[tuple[float, float, float], ...]


@dataclass(frozen=True, eq=False)
class TextPart:
    """One of a model's text encoders, and how its output is used.

    `target` names it in adapters: "text_encoder" or "text_encoder_2". `pad` follows the end token (None: the end token again).
    `lowest_skip` is the layer from the end that clip skip 1 means; without `final_norm` a skipped layer comes out as it is.
    `embedding` is the name under which files of textual inversions keep this encoder's vectors.
    """

    target: str
    module: nn.Module
    tokenizer: "ClipTokenizer"
    pad: int | None = None
    lowest_skip: int = 1
    final_norm: bool = True
    embedding: str = "clip_l"

    @property
    def width(self) -> int:
        """Width of its vectors."""
        return int(cast(Any, self.module).config.hidden_size)


class FamilyRules(Protocol):
    """What a model's family decides about its conditioning."""

    @property
    def zero_empty_negative(self) -> bool:
        """Whether an empty negative prompt is zeros instead of the encoded empty text."""
        ...

    def vectors(self, size: SizeConditioning, width: int, height: int, *, negative: bool) -> Mapping[str, Tensor]:
        """What conditions the UNet besides the prompt, each [1, d], for a pass at this size in pixels."""
        ...


@dataclass(eq=False)
class Model:
    """One checkpoint in memory, shared by every mode and user.

    `prediction` is what the UNet predicts, with its noise levels; `variant` "" or "inpaint" (9 input channels) or "ip2p" (8).
    `texts` are its text encoders, in the order in which their outputs are joined; `words` the textual inversions of the library.
    """

    name: str
    hash: str
    family: str
    variant: str
    prediction: Prediction
    place: Placement
    unet: nn.Module
    vae: nn.Module
    texts: tuple[TextPart, ...]
    rules: FamilyRules
    native: Native
    latent_rgb: LatentRgb | None
    offload: Offload
    latent_space: str = "sd1"
    """Models with the same word have interchangeable latents; the file's own name where it brings its own VAE."""
    vae_name: str = ""
    scale_factor: float = 0.18215
    words: EmbeddedWords = field(default_factory=EmbeddedWords)
    weights: WeightSets = field(default_factory=WeightSets)
    """The adapters that are on, and those that are kept for the next time."""
    patch: WeightPatch | None = None
    """The adapters with which this view of the model answers; None: with those that are on."""
    remembered: dict[str, Any] = field(default_factory=dict)

    latent_channels = 4
    downscale = 8

    @property
    def text_encoder(self) -> nn.Module:
        """The first text encoder."""
        return self.texts[0].module

    @property
    def tokenizer(self) -> "ClipTokenizer":
        """The one that all text encoders share."""
        return self.texts[0].tokenizer

    @property
    def embeddings(self) -> Mapping[str, tuple[Tensor, ...]]:
        """The textual inversions that fit, by name: for each text encoder float32 [vectors, width]."""
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
        """Width of the context that the UNet sees."""
        return sum(part.width for part in self.texts)

    @property
    def weights_key(self) -> Hashable:
        """What its UNet and text encoders answer with: equal for views with the same weights."""
        return id(self.unet), (self.patch or self.weights.on).key

    def load(self, module: nn.Module) -> None:
        """See that a part is where it computes, with this view's weights; called before it is used."""
        if self.patch is not None:
            self.weights.put_on(self.patch, self.offload)
        self.offload.load(module)

    def change_vae(self, vae: nn.Module, name: str) -> None:
        """Use another VAE from now on."""
        self.offload.unload_all()
        self.offload.register(vae)
        self.vae, self.vae_name = vae, name

    @torch.no_grad()
    def predict(self, x: Tensor, timesteps: Tensor, cond: Conditioning, concat: Tensor | None = None) -> Tensor:
        """The UNet's raw output, in the type of `x`, for noisy latents `x` [n, 4, h, w] at `timesteps` [n] (0 to 999, fractions allowed).

        `cond` are the encoded prompts; `concat` the further input channels of inpainting (5) and pix2pix (4) models.
        """
        self.load(self.unet)
        inputs = x if concat is None else torch.cat([x, concat.to(x)], dim=1)
        context = cond.context.to(self.device, self.dtype)
        added = {_ADDED[name]: vector.to(self.device, self.dtype) for name, vector in cond.vectors.items()} or None
        output: Tensor = self.unet(inputs.to(self.device, self.dtype), timesteps, context, added_cond_kwargs=added, return_dict=False)[0]
        return output.to(x.device, x.dtype)

    @torch.no_grad()
    def encode_image(self, pixels: Tensor, noise: Tensor | None = None) -> Tensor:
        """Latents [n, 4, h/8, w/8] in float32 of pictures in −1…1 [n, 3, h, w]: the mean, or with `noise` a draw from the posterior."""
        self.offload.load(self.vae)
        posterior = self.vae.encode(pixels.to(self.device, self._vae_dtype)).latent_dist  # type: ignore[operator]
        latents: Tensor = posterior.mean.float()
        if noise is not None:
            latents = latents + posterior.std.float() * noise.to(latents)
        return latents * self.scale_factor

    @torch.no_grad()
    def decode(self, latents: Tensor) -> Tensor:
        """Pictures 0…1 [n, 3, 8h, 8w] in float32 from latents."""
        self.offload.load(self.vae)
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


def zero_terminal_snr(alphas_cumprod: Tensor) -> Tensor:
    """The schedule shifted and stretched so that it ends in pure noise (Lin et al. 2023, arXiv:2305.08891, algorithm 1).

    The last value is not zero but ComfyUI's and Forge's 4.8973451890853435e-08: sigma stays finite, at about 4,518.
    """
    roots = alphas_cumprod.sqrt()
    rescaled = ((roots - roots[-1]) * roots[0] / (roots[0] - roots[-1])) ** 2
    rescaled[-1] = 4.8973451890853435e-08
    return rescaled
