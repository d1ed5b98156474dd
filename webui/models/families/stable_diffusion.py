"""What the Stable Diffusion families share: a UNet over latents, a KL autoencoder and CLIP text encoders, in CompVis' single file.

A file may carry its own configurations and tokenizer (`darkroom.unet` and kin) in its metadata: a narrower model of the same make.
Without them it is the full size, whose configurations and tokenizer ship with us.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn

from webui.core.family import FamilySpec, LatentRgb
from webui.errors import CheckpointError
from webui.models import attention, half_weights, quantized
from webui.models.copies import Wanted, copied
from webui.models.families import ldm
from webui.models.loading import LoadContext, prediction_beside
from webui.models.model import FamilyRules, Model, TextPart, scaled_linear_alphas, zero_terminal_snr
from webui.models.offload import Offload
from webui.models.packing import packable
from webui.models.placement import Placement
from webui.models.prediction import Prediction, diffusion
from webui.models.stop_points import add_stop_points
from webui.models.weights import Progress, WeightSource, take_scales
from webui.samplers.schedules import discrete_schedule

if TYPE_CHECKING:
    from webui.prompts.tokenizer import ClipTokenizer

MISSING = {
    "vae": "has no VAE inside. Choose a VAE file.",
    "text": "has no text encoder inside. Choose a checkpoint of its family as text encoder.",
}
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

    def load(self, weights: WeightSource, context: LoadContext) -> Model:
        """Build the parts of a whole checkpoint and put each where the plan wants it."""
        placement, total, progress = context.placement, len(weights.tensors), context.progress
        self._check_parts(weights, context)
        texts = self.build_texts(context.texts or weights, placement, lambda done, _: progress(done, total))
        first = sum(len(list(part.module.parameters())) for part in texts)
        vae = self.build_vae(context.vae or weights, placement, lambda done, _: progress(first + done, total))
        second = first + len(list(vae.parameters()))
        unet = self.build_unet(weights, placement, lambda done, _: progress(second + done, total))
        attention.choose(unet, placement.attention, placement.device, placement.dtype)
        for network in (unet, vae):
            add_stop_points(network)
        depth = self.build_depth(weights)
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
            components={**{part.target: part.module for part in texts}, "vae": vae, "unet": unet, **depth},
            texts=texts,
            rules=self,
            native=context.file.native,
            latent_rgb=self.rgb_of(weights),
            offload=offload,
            latent_space=self.latent_space(weights),
            vae_name=context.vae_name,
        )

    def _check_parts(self, weights: WeightSource, context: LoadContext) -> None:
        """Raises `CheckpointError` that says which part the file lacks and nobody chose another file for."""
        chosen = {"vae": context.vae, "text": context.texts}
        for part in self.spec.lacks(weights.header.shapes):
            if chosen[part] is None:
                raise CheckpointError(f"{weights.source} {MISSING[part]}")

    def _prediction_of(self, weights: WeightSource, context: LoadContext) -> Prediction:
        name = prediction_beside(context.file.path, self.prediction(weights) or context.architecture.prediction)
        return diffusion(name, discrete_schedule(self.alphas_cumprod(weights), self.spec.schedule_table or self.spec.name))

    def build_unet(self, weights: WeightSource, placement: Placement, tick: Progress) -> nn.Module:
        """The UNet of a whole checkpoint; its number of input channels tells inpainting (9), pix2pix (8) and depth (5) from plain ones."""
        from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

        config = self.unet_config(weights)
        own = weights.component("unet")
        state = ldm.rename(weights.tensors, ldm.unet_rows(config), ldm.UNET) if own is None else own
        config["in_channels"] = self._side(weights, state, "conv_in.weight", 1)
        return self._filled(UNet2DConditionModel, config, state, weights, placement, placement.dtype, tick)

    def build_depth(self, weights: WeightSource) -> dict[str, nn.Module]:
        """What a family's checkpoints carry to see depth, by its name among the components: by default nothing."""
        return {}

    def unet_config(self, weights: WeightSource) -> dict[str, Any]:
        """diffusers' configuration of this file's UNet, but for the number of input channels."""
        return self._config(weights, "unet", self.name)

    def build_vae(self, weights: WeightSource, placement: Placement, tick: Progress) -> nn.Module:
        """The autoencoder of a checkpoint, or of a VAE file (CompVis' names without prefix, or diffusers')."""
        from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL

        config = self._config(weights, "vae", self.vae_configs)
        own = weights.component("vae")
        prefix = ldm.VAE if own is None and any(name.startswith(ldm.VAE) for name in weights.tensors) else ""
        tensors = _vae_tensors(weights, prefix) if own is None else own
        state = ldm.flatten_attention(ldm.rename(tensors, ldm.vae_rows(config), prefix))
        return self._filled(AutoencoderKL, config, state, weights, placement, placement.vae_dtype, tick)

    def build_texts(self, weights: WeightSource, placement: Placement, tick: Progress) -> tuple[TextPart, ...]:
        """The text encoders, in the order in which their outputs are joined."""
        tokenizer = self.tokenizer(weights)
        return tuple(self._text(layout, weights, placement, tick, tokenizer) for layout in self.texts)

    def unet_names(self, unet: nn.Module) -> Iterator[ldm.Row]:
        """(CompVis' name, diffusers' name) of the UNet's modules: adapter files use either."""
        return ldm.unet_rows(unet.config)  # type: ignore[arg-type]

    def tokenizer(self, weights: WeightSource) -> "ClipTokenizer":
        """The file's own, or CLIP ViT-L's."""
        from webui.prompts import ClipTokenizer, clip_l_tokenizer

        vocabulary = weights.config("tokenizer.vocab")
        if vocabulary is None:
            return clip_l_tokenizer()
        words = min(self._words(layout, weights) for layout in self.texts)
        ids = {word: number for word, number in vocabulary.items() if type(number) is int and 0 <= number < words}
        if len(ids) < len(vocabulary):
            odd = next(word for word in vocabulary if word not in ids)
            raise CheckpointError(
                f"{weights.source}: its tokenizer numbers {odd[:40]!r} {str(vocabulary[odd])[:20]}, its text encoder has 0 to {words - 1}."
            )
        return ClipTokenizer.from_texts(ids, weights.text("tokenizer.merges") or "")

    def _words(self, layout: TextLayout, weights: WeightSource) -> int:
        return self._side(weights, _text_state(layout, weights), "embeddings.token_embedding.weight", 0)

    def alphas_cumprod(self, weights: WeightSource) -> Tensor:
        """The noise schedule of the training, from the file's own `darkroom.scheduler` where it has one; `ztsnr` ends it in pure noise."""
        own = weights.config("scheduler") or {}
        alphas = scaled_linear_alphas(float(str(own.get("beta_start", 0.00085))), float(str(own.get("beta_end", 0.012))))
        ends_in_noise = "ztsnr" in weights.tensors or own.get("rescale_betas_zero_snr") is True
        return zero_terminal_snr(alphas) if ends_in_noise else alphas

    def prediction(self, weights: WeightSource) -> str | None:
        """What the UNet predicts, "eps" or "v", where only its numbers tell; None where they do not."""
        return None

    def latent_space(self, weights: WeightSource) -> str:
        """Whose latents these are: everybody's of the family, or the file's own."""
        return weights.source if self._has_own_vae(weights) else self.spec.latent.space

    def _has_own_vae(self, weights: WeightSource) -> bool:
        """Whether the VAE is not the family's: a file that tells its configuration, or a folder whose VAE is of another size."""
        own = weights.config("vae")
        return own is not None and own.get("block_out_channels") != self._shipped("vae", self.vae_configs).get("block_out_channels")

    def rgb_of(self, weights: WeightSource) -> LatentRgb | None:
        """The preview's map: the file's own, or the published one. None for a file with another VAE that tells none."""
        text = weights.text("latent_rgb")
        if text is None:
            return None if self._has_own_vae(weights) else self.spec.latent.rgb
        rows = [[float(value) for value in row] for row in json.loads(text)]
        return tuple((row[0], row[1], row[2]) for row in rows)

    def _text(
        self, layout: TextLayout, weights: WeightSource, placement: Placement, tick: Progress, tokenizer: "ClipTokenizer"
    ) -> TextPart:
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

    def _config(self, weights: WeightSource, part: str, folder: str) -> dict[str, Any]:
        """The part's own configuration, or the family's. Of a folder's only what ours have too: it tells also who wrote it."""
        own = weights.config(part)
        if own is None:
            return self._shipped(part, folder)
        if weights.component(part) is None or not part.startswith("text"):
            return dict(own)
        return known_fields(own, self._shipped(part, folder))

    def _shipped(self, part: str, folder: str) -> dict[str, Any]:
        shipped: dict[str, Any] = json.loads((CONFIGS / folder / f"{part}.json").read_text())
        return shipped

    def _side(self, weights: WeightSource, state: Mapping[str, Tensor], name: str, side: int) -> int:
        tensor = state.get(name)
        if tensor is None or tensor.ndim <= side:
            raise CheckpointError(f"{weights.source} lacks {name}: it is not a whole {self.title} checkpoint.")
        return int(tensor.shape[side])

    def _filled(
        self,
        make: Callable[..., nn.Module],
        config: dict[str, Any],
        state: ldm.State,
        weights: WeightSource,
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
            _take(model, state, weights, placement, dtype, tick)
        except (TypeError, ValueError, KeyError, AttributeError, NotImplementedError, StrictDataclassError) as error:
            raise CheckpointError(f"{weights.source}: its configuration does not make a {self.title} model ({error}).") from None
        return model.eval().requires_grad_(False)


def _take(model: nn.Module, state: ldm.State, weights: WeightSource, placement: Placement, dtype: torch.dtype, tick: Progress) -> None:
    """Hand a module without memory its tensors; the denoiser's large ones, or those of 16 bits, kept small where the plan wants them so."""
    scales = take_scales(state)
    _check(model, state, weights.source)

    def read(tensor: Tensor, name: str, wanted: torch.dtype = dtype, channels_last: bool = False) -> Tensor:
        one = {name: scales[name]} if name in scales else {}
        return dict(copied({name: tensor}, Wanted(wanted, placement.storage, channels_last), weights.release, one))[name]

    small: set[str] = set()
    if placement.weights == "int8" and type(model).__name__ == "UNet2DConditionModel":
        small = quantized.fill(model, state, read)
    elif placement.weights == "half" and not type(model).__name__.startswith("Autoencoder"):
        small = half_weights.fill(model, state, partial(read, channels_last=placement.channels_last), dtype)
    rest = {name: tensor for name, tensor in state.items() if name not in small}
    channels_last = placement.channels_last and not placement.packed  # what is laid out anew is so in half the time from plain order
    packs = packable(model) if placement.packed and dtype == torch.bfloat16 else {}
    plain, wanted = {}, Wanted(dtype, placement.storage, channels_last, packs.keys())
    for number, (name, made) in enumerate(copied(rest, wanted, weights.release, scales)):
        if name in packs:
            packs[name](made)  # at once: the next plain weight lies where this one did, so that no page is taken twice
        else:
            plain[name] = made
        if number % 32 == 0:
            tick(number, len(rest))
    model.load_state_dict(plain, strict=not small and not packs, assign=True)


def known_fields(own: Mapping[str, Any], shipped: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration's own values of what ours have too."""
    return {key: own.get(key, value) for key, value in shipped.items()}


def _text_state(layout: TextLayout, weights: WeightSource) -> ldm.State:
    own = weights.component(layout.target)
    if own is not None:
        return ldm.text_state(own, "")
    return (ldm.open_clip_state if layout.open_clip else ldm.text_state)(weights.tensors, layout.prefix)


def _vae_tensors(weights: WeightSource, prefix: str) -> dict[str, Tensor]:
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
