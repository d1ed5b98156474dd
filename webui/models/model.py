"""A loaded model: its parts, and what is done with them: `encode_prompt`, `predict`, `encode_image` and `decode`."""

from collections import OrderedDict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, cast

import torch
from torch import Tensor, nn

from webui.core.family import FamilySpec, LatentRgb, ModelDefaults
from webui.core.request import ResolvedRequest, SizeConditioning
from webui.devices.environment import large_blocks_returned
from webui.models.conditioning import Conditioning
from webui.models.depth import nearness
from webui.models.embeddings import EmbeddedWords
from webui.models.offload import Offload
from webui.models.patches import applied
from webui.models.placement import Placement
from webui.models.prediction import Prediction
from webui.models.weight_sets import Hooked, WeightPatch, WeightSets

if TYPE_CHECKING:
    from webui.prompts.tokenizer import ClipTokenizer

_ADDED = {"pooled": "text_embeds", "time_ids": "time_ids"}
"""diffusers' names of the vectors that a UNet takes."""
DEPTH = "depth_estimator"
"""The component that sees depth, by diffusers' name."""
TILE = 512
"""Pixels of a tile's side."""
LARGE = 2**17
"""Pixels from which on the VAE's tensors are so large that keeping freed memory costs more than it saves."""


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


class FamilyRules:
    """What a model's family decides about its conditioning, and how its modules are named in files. The defaults decide nothing."""

    zero_empty_negative: bool = False
    """Whether an empty negative prompt is zeros instead of the encoded empty text."""

    def vectors(self, size: SizeConditioning, width: int, height: int, *, negative: bool) -> Mapping[str, Tensor]:
        """What conditions the UNet besides the prompt, each [1, d], for a pass at this size in pixels."""
        return {}

    def unet_names(self, unet: nn.Module) -> Iterable[tuple[str, str]]:
        """(name in files, name in the module) of modules that files call otherwise."""
        return ()


@dataclass(eq=False)
class ModelState:
    """What is kept of jobs for as long as the model is loaded."""

    conditioning: OrderedDict[object, tuple[Any, int]] = field(default_factory=OrderedDict)
    """Encoded prompts and their bytes, least recently used first."""
    preview_seconds: dict[str, float] = field(default_factory=dict)
    """What a preview of one picture costs, by method."""
    seamless_jobs: int = 0
    """Jobs that make tiles just now."""
    hypernetworks: Hooked = field(default_factory=Hooked)
    """Hypernetworks that are on."""


class LoadedModel(Protocol):
    """A checkpoint in memory, shared by every mode and user: what jobs ask of it. `Model` has it all; a family's class may derive from it.

    Latents are [n, `latent_channels`, height / `downscale`, width / `downscale`].
    """

    spec: FamilySpec
    name: str
    hash: str
    variant: str
    prediction: Prediction
    place: Placement
    components: dict[str, nn.Module]
    texts: tuple[TextPart, ...]
    state: ModelState
    offload: Offload

    @property
    def weights_key(self) -> Hashable:
        """What it answers with: equal for views of one model with the same adapters."""
        ...

    def encode_prompt(self, texts: Sequence[str]) -> Sequence[Conditioning]:
        """One row for each text, of a family without CLIP encoders (`texts` is empty)."""
        ...

    def static_vectors(self, request: ResolvedRequest, size: tuple[int, int], *, negative: bool) -> Mapping[str, Tensor]:
        """What conditions every call besides the prompt, each [1, d], for a pass of this width and height in pixels."""
        ...

    def predict(self, x: Tensor, timesteps: Tensor, cond: Conditioning, concat: Tensor | None = None) -> Tensor:
        """The network's raw output, in the type of `x`."""
        ...

    def encode_image(self, pixels: Tensor, noise: Tensor | None = None) -> Tensor:
        """Latents in float32 of pictures in -1…1 [n, 3, height, width]."""
        ...

    def decode(self, latents: Tensor) -> Tensor:
        """Pictures 0…1 in float32 from latents."""
        ...


@dataclass(eq=False)
class Model:
    """One checkpoint in memory, shared by every mode and user: a denoiser over a VAE's latents. Implements `LoadedModel`.

    `prediction` is what the denoiser predicts, with its noise levels; `variant` "", "inpaint" (9 input channels), "ip2p" (8), "depth" (5).
    `components` are its modules by name, the denoiser as "unet" or "transformer", the VAE as "vae". `texts` are its CLIP text encoders, in
    the order in which their outputs are joined; `words` the textual inversions of the library.
    """

    name: str
    hash: str
    spec: FamilySpec
    prediction: Prediction
    place: Placement
    components: dict[str, nn.Module]
    offload: Offload
    variant: str = ""
    texts: tuple[TextPart, ...] = ()
    rules: FamilyRules = field(default_factory=FamilyRules)
    native: ModelDefaults = field(default_factory=ModelDefaults)
    latent_rgb: LatentRgb | None = None
    """Colours of its latents; None until they are fitted."""
    latent_space: str = ""
    """Models with the same word have interchangeable latents; the file's own name where it brings its own VAE."""
    vae_name: str = ""
    words: EmbeddedWords = field(default_factory=EmbeddedWords)
    state: ModelState = field(default_factory=ModelState)
    weights: WeightSets = field(default_factory=WeightSets)
    """The adapters that are on, and those that are kept for the next time."""
    vae_tiles: bool = False
    """Whether this view codes large images in tiles whose edges are blended: in less memory."""
    patch: WeightPatch | None = None
    """The adapters with which this view of the model answers; None: with those that are on."""

    @property
    def family(self) -> str:
        """The family's name."""
        return self.spec.name

    @property
    def unet(self) -> nn.Module:
        """The denoiser."""
        return self.components["unet"] if "unet" in self.components else self.components["transformer"]

    @property
    def vae(self) -> nn.Module:
        """The autoencoder."""
        return self.components["vae"]

    @property
    def latent_channels(self) -> int:
        """Channels of its latents."""
        return self.spec.latent.channels

    @property
    def downscale(self) -> int:
        """Pixels to a latent's side."""
        return self.spec.latent.downscale

    @property
    def scale_factor(self) -> float:
        """What the VAE's own latents are multiplied with."""
        return self.spec.latent.scale

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
        """The textual inversions that fit, by name: for each text encoder float32 [vectors, width]. Those of adapters come first."""
        return {**self.words.vectors, **(self.patch or self.weights.on).words}

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
        """What its denoiser and text encoders answer with: equal for views with the same weights."""
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
        self.components["vae"], self.vae_name = vae, name

    def encode_prompt(self, texts: Sequence[str]) -> Sequence[Conditioning]:
        """One row for each text. A family without CLIP encoders has its own; the others' prompts are encoded by `webui.prompts`."""
        raise NotImplementedError(f"{self.spec.title} has no text encoder of its own.")

    def static_vectors(self, request: ResolvedRequest, size: tuple[int, int], *, negative: bool) -> Mapping[str, Tensor]:
        """What conditions every call besides the prompt, each [1, d], for a pass of this width and height in pixels."""
        return self.rules.vectors(request.size_conditioning, *size, negative=negative)

    @torch.no_grad()
    def predict(self, x: Tensor, timesteps: Tensor, cond: Conditioning, concat: Tensor | None = None) -> Tensor:
        """The UNet's raw output, in the type of `x`, for noisy latents `x` [n, 4, h, w] at `timesteps` [n] (0 to 999, fractions allowed).

        `cond` are the encoded prompts; `concat` the further input channels of inpainting (5), pix2pix (4) and depth (1) models.
        """
        self.load(self.unet)
        inputs = x if concat is None else torch.cat([x, concat.to(x)], dim=1)
        context = cond.context.to(self.device, self.dtype)
        added = {_ADDED[name]: vector.to(self.device, self.dtype) for name, vector in cond.vectors.items()} or None
        more = {} if cond.couple is None else {"cross_attention_kwargs": {"couple": cond.couple.to(self.device, self.dtype)}}
        values = inputs.to(self.device, self.dtype)
        with applied(self.unet, cond.patches, (x.shape[-2], x.shape[-1])) if cond.patches else nullcontext():
            output: Tensor = self.unet(values, timesteps, context, added_cond_kwargs=added, return_dict=False, **more)[0]
        return output.to(x.device, x.dtype)

    @torch.no_grad()
    def encode_image(self, pixels: Tensor, noise: Tensor | None = None) -> Tensor:
        """Latents [n, 4, h/8, w/8] in float32 of pictures in −1…1 [n, 3, h, w]: the mean, or with `noise` a draw from the posterior."""
        self.offload.load(self.vae)
        with self._tiles(), self._memory_for(pixels.shape[0] * pixels.shape[-2] * pixels.shape[-1]):
            posterior = self.vae.encode(pixels.to(self.device, self._vae_dtype)).latent_dist  # type: ignore[operator]
        latents: Tensor = posterior.mean.float()
        if noise is not None:
            latents = latents + posterior.std.float() * noise.to(latents)
        return (latents - self.spec.latent.shift) * self.scale_factor if self.spec.latent.shift else latents * self.scale_factor

    def nearness(self, pixels: Tensor) -> Tensor | None:
        """How near things are in pictures -1…1 [n, 3, h, w], float32 [n, 1, …], larger being nearer; None without what sees depth."""
        if DEPTH not in self.components:
            return None
        self.offload.unload_all()
        return nearness(self.components[DEPTH], pixels, self.device)

    @torch.no_grad()
    def decode(self, latents: Tensor) -> Tensor:
        """Pictures 0…1 [n, 3, 8h, 8w] in float32 from latents."""
        self.offload.load(self.vae)
        own = latents / self.scale_factor + self.spec.latent.shift if self.spec.latent.shift else latents / self.scale_factor
        inputs = own.to(self.device, self._vae_dtype)
        with self._tiles(), self._memory_for(latents.shape[0] * latents.shape[-2] * latents.shape[-1] * self.downscale**2):
            pixels: Tensor = self.vae.decode(inputs, return_dict=False)[0]  # type: ignore[operator]
        return pixels.float().add(1).div(2).clamp(0, 1)

    def _memory_for(self, pixels: int) -> AbstractContextManager[None]:
        """How main memory is taken while the VAE works on so many pixels: a small picture needs no care."""
        return large_blocks_returned() if self.device.type == "cpu" and pixels >= LARGE else nullcontext()

    @contextmanager
    def _tiles(self) -> Iterator[None]:
        """Let diffusers' VAE work in tiles of 512 pixels, which overlap by a quarter, where this view asks for it and the VAE can."""
        vae: Any = self.vae
        if not self.vae_tiles or not hasattr(vae, "enable_tiling"):
            yield
            return
        vae.enable_tiling()
        vae.tile_sample_min_size, vae.tile_latent_min_size = TILE, TILE // self.downscale
        try:
            yield
        finally:
            vae.disable_tiling()

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
