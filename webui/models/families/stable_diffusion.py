"""What the Stable Diffusion families share: a UNet over latents, a KL autoencoder and CLIP text encoders, in CompVis' single file.

A file may carry its own configurations and tokenizer (`darkroom.unet` and kin) in its metadata: a narrower model of the same make.
Without them it is the full size, whose configurations and tokenizer ship with us.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn

from webui.core.family import FamilySpec, LatentRgb
from webui.errors import CheckpointError
from webui.models import attention
from webui.models.families import ldm
from webui.models.loading import LoadContext, prediction_beside
from webui.models.model import FamilyRules, Model, TextPart, scaled_linear_alphas, zero_terminal_snr
from webui.models.offload import Offload
from webui.models.placement import Placement
from webui.models.prediction import Prediction, diffusion
from webui.models.weights import Progress, Weights, placed
from webui.samplers.schedules import discrete_schedule

if TYPE_CHECKING:
    from webui.prompts.tokenizer import ClipTokenizer

CONFIGS = Path(__file__).parent.parent / "configs"


@dataclass(frozen=True)
class TextLayout:
    """Where a family's file keeps one text encoder, and how its output is used (see `TextPart`).

    `open_clip`: the file has OpenCLIP's names. `projects`: the encoder gives a pooled vector, through its own projection.
    """

    target: str
    prefix: str
    open_clip: bool = False
    projects: bool = False
    pad: int | None = None
    lowest_skip: int = 1
    final_norm: bool = True
    embedding: str = "clip_l"


class StableDiffusion(FamilyRules):
    """The loader of one family. A subclass names what differs; methods may be overridden where a table does not suffice."""

    spec: FamilySpec
    texts: tuple[TextLayout, ...]
    vae_configs: str = "sd1"

    @property
    def name(self) -> str:
        """The family's, and that of its folder of configurations."""
        return self.spec.name

    @property
    def title(self) -> str:
        """The family's name for people."""
        return self.spec.title

    def load(self, weights: Weights, context: LoadContext) -> Model:
        """Build the parts of a whole checkpoint and put each where the plan wants it."""
        placement, total, progress = context.placement, len(weights.tensors), context.progress
        texts = self.build_texts(weights, placement, lambda done, _: progress(done, total))
        first = sum(len(list(part.module.parameters())) for part in texts)
        vae = self.build_vae(context.vae or weights, placement, lambda done, _: progress(first + done, total))
        second = first + len(list(vae.parameters()))
        unet = self.build_unet(weights, placement, lambda done, _: progress(second + done, total))
        attention.choose(unet, placement.attention, placement.device, placement.dtype)
        offload = Offload(context.plan)
        for module in (*(part.module for part in texts), vae, unet):
            offload.register(module)
        return Model(
            name=context.file.name,
            hash=context.digest,
            spec=self.spec,
            variant=context.architecture.variant,
            prediction=self._prediction_of(weights, context),
            place=placement,
            components={**{part.target: part.module for part in texts}, "vae": vae, "unet": unet},
            texts=texts,
            rules=self,
            native=context.file.native,
            latent_rgb=self.rgb_of(weights),
            offload=offload,
            latent_space=self.latent_space(weights),
            vae_name=context.vae_name,
        )

    def _prediction_of(self, weights: Weights, context: LoadContext) -> Prediction:
        name = prediction_beside(context.file.path, self.prediction(weights) or context.architecture.prediction)
        return diffusion(name, discrete_schedule(self.alphas_cumprod(weights), self.spec.schedule_table or self.spec.name))

    def build_unet(self, weights: Weights, placement: Placement, tick: Progress) -> nn.Module:
        """The UNet of a whole checkpoint; its number of input channels tells inpainting (9) and instruct-pix2pix (8) from the plain one."""
        from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

        config = self.unet_config(weights)
        state = ldm.rename(weights.tensors, ldm.unet_rows(config), ldm.UNET)
        config["in_channels"] = self._side(weights, state, "conv_in.weight", 1)
        return self._filled(UNet2DConditionModel, config, state, weights, placement, placement.dtype, tick)

    def unet_config(self, weights: Weights) -> dict[str, Any]:
        """diffusers' configuration of this file's UNet, but for the number of input channels."""
        return self._config(weights, "unet", self.name)

    def build_vae(self, weights: Weights, placement: Placement, tick: Progress) -> nn.Module:
        """The autoencoder of a checkpoint, or of a VAE file (CompVis' names without prefix, or diffusers')."""
        from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL

        config = self._config(weights, "vae", self.vae_configs)
        prefix = ldm.VAE if any(name.startswith(ldm.VAE) for name in weights.tensors) else ""
        state = ldm.flatten_attention(ldm.rename(_vae_tensors(weights, prefix), ldm.vae_rows(config), prefix))
        return self._filled(AutoencoderKL, config, state, weights, placement, placement.vae_dtype, tick)

    def build_texts(self, weights: Weights, placement: Placement, tick: Progress) -> tuple[TextPart, ...]:
        """The text encoders, in the order in which their outputs are joined."""
        tokenizer = self.tokenizer(weights)
        return tuple(self._text(layout, weights, placement, tick, tokenizer) for layout in self.texts)

    def unet_names(self, unet: nn.Module) -> Iterator[ldm.Row]:
        """(CompVis' name, diffusers' name) of the UNet's modules: adapter files use either."""
        return ldm.unet_rows(unet.config)  # type: ignore[arg-type]

    def tokenizer(self, weights: Weights) -> "ClipTokenizer":
        """The file's own, or CLIP ViT-L's."""
        from webui.prompts import ClipTokenizer, clip_l_tokenizer

        vocabulary = weights.config("darkroom.tokenizer.vocab")
        if vocabulary is None:
            return clip_l_tokenizer()
        lines = weights.metadata.get("darkroom.tokenizer.merges", "").splitlines()
        words = min(self._words(layout, weights) for layout in self.texts)
        ids = {word: number for word, number in vocabulary.items() if type(number) is int and 0 <= number < words}
        if len(ids) < len(vocabulary):
            odd = next(word for word in vocabulary if word not in ids)
            raise CheckpointError(
                f"{weights.source}: its tokenizer numbers {odd[:40]!r} {str(vocabulary[odd])[:20]}, its text encoder has 0 to {words - 1}."
            )
        return ClipTokenizer(ids, [line for line in lines if not line.startswith("#version")])

    def _words(self, layout: TextLayout, weights: Weights) -> int:
        return self._side(weights, _text_state(layout, weights), "embeddings.token_embedding.weight", 0)

    def alphas_cumprod(self, weights: Weights) -> Tensor:
        """The noise schedule of the training, from the file's own `darkroom.scheduler` where it has one; `ztsnr` ends it in pure noise."""
        own = weights.config("darkroom.scheduler") or {}
        alphas = scaled_linear_alphas(float(str(own.get("beta_start", 0.00085))), float(str(own.get("beta_end", 0.012))))
        return zero_terminal_snr(alphas) if "ztsnr" in weights.tensors else alphas

    def prediction(self, weights: Weights) -> str | None:
        """What the UNet predicts, "eps" or "v", where only its numbers tell; None where they do not."""
        return None

    def latent_space(self, weights: Weights) -> str:
        """Whose latents these are: everybody's of the family, or the file's own."""
        return weights.source if "darkroom.vae" in weights.metadata else self.spec.latent.space

    def rgb_of(self, weights: Weights) -> LatentRgb | None:
        """The preview's map: the file's own, or the published one. None for a file with another VAE that tells none."""
        text = weights.metadata.get("darkroom.latent_rgb")
        if text is None:
            return None if "darkroom.vae" in weights.metadata else self.spec.latent.rgb
        rows = [[float(value) for value in row] for row in json.loads(text)]
        return tuple((row[0], row[1], row[2]) for row in rows)

    def _text(self, layout: TextLayout, weights: Weights, placement: Placement, tick: Progress, tokenizer: "ClipTokenizer") -> TextPart:
        from transformers import CLIPTextConfig
        from transformers.models.clip.modeling_clip import CLIPTextModel, CLIPTextModelWithProjection

        config = self._config(weights, layout.target, self.name)
        state = _text_state(layout, weights)
        if not layout.projects:
            state.pop("text_projection.weight", None)
        config["vocab_size"] = self._side(weights, state, "embeddings.token_embedding.weight", 0)
        kind = CLIPTextModelWithProjection if layout.projects else CLIPTextModel
        if layout.projects:
            config["projection_dim"] = self._side(weights, state, "text_projection.weight", 0)
            state = {name if name.startswith("text_projection.") else f"text_model.{name}": tensor for name, tensor in state.items()}

        def make(**fields: Any) -> nn.Module:
            return cast(nn.Module, kind(CLIPTextConfig(**fields, attn_implementation="sdpa")))

        model = self._filled(make, config, state, weights, placement, placement.dtype, tick)
        positions = torch.arange(config["max_position_embeddings"], device=placement.storage).expand((1, -1))
        inner = model.get_submodule("text_model") if layout.projects else model
        inner.get_submodule("embeddings").register_buffer("position_ids", positions, persistent=False)
        return TextPart(layout.target, model, tokenizer, layout.pad, layout.lowest_skip, layout.final_norm, layout.embedding)

    def _config(self, weights: Weights, part: str, folder: str) -> dict[str, Any]:
        own = weights.config(f"darkroom.{part}")
        return dict(own) if own is not None else json.loads((CONFIGS / folder / f"{part}.json").read_text())

    def _side(self, weights: Weights, state: Mapping[str, Tensor], name: str, side: int) -> int:
        tensor = state.get(name)
        if tensor is None or tensor.ndim <= side:
            raise CheckpointError(f"{weights.source} lacks {name}: it is not a whole {self.title} checkpoint.")
        return int(tensor.shape[side])

    def _filled(
        self,
        make: Callable[..., nn.Module],
        config: dict[str, Any],
        state: ldm.State,
        weights: Weights,
        placement: Placement,
        dtype: torch.dtype,
        tick: Progress,
    ) -> nn.Module:
        """Make the module without memory, then hand it the file's tensors. Raises `CheckpointError` that says what does not fit."""
        from huggingface_hub.errors import StrictDataclassError

        known = signature(make).parameters
        fields = config if any(p.kind is p.VAR_KEYWORD for p in known.values()) else {key: config[key] for key in config if key in known}
        try:
            with torch.device("meta"):
                model = make(**fields)
            _check(model, state, weights.source)
            model.load_state_dict(
                placed(state, dtype, placement.storage, placement.channels_last, tick, weights.release), strict=True, assign=True
            )
        except (TypeError, ValueError, KeyError, AttributeError, NotImplementedError, StrictDataclassError) as error:
            raise CheckpointError(f"{weights.source}: its configuration does not make a {self.title} model ({error}).") from None
        return model.eval().requires_grad_(False)


def _text_state(layout: TextLayout, weights: Weights) -> ldm.State:
    return (ldm.open_clip_state if layout.open_clip else ldm.text_state)(weights.tensors, layout.prefix)


def _vae_tensors(weights: Weights, prefix: str) -> dict[str, Tensor]:
    """Without the loss networks that training files carry."""
    found = {name: tensor for name, tensor in weights.tensors.items() if name.startswith(prefix)}
    return found if prefix else {name: tensor for name, tensor in found.items() if not name.startswith(("loss.", "model_ema."))}


def _check(model: nn.Module, state: ldm.State, source: str) -> None:
    wanted = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    missing = sorted(wanted.keys() - state.keys())
    if missing:
        raise CheckpointError(
            f"{source} lacks {len(missing)} tensors of {type(model).__name__}, the first is {missing[0]}. Choose a whole file."
        )
    for name, shape in wanted.items():
        if tuple(state[name].shape) != shape:
            raise CheckpointError(f"{source}: {name} has shape {tuple(state[name].shape)} where {shape} belongs.")
    for name in state.keys() - wanted.keys():
        del state[name]
