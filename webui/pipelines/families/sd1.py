"""Stable Diffusion 1.x: one CLIP text encoder, a UNet with 4-channel latents, a KL autoencoder, in CompVis' single file.

A file may carry its own configurations and tokenizer (`darkroom.unet` and kin) in its metadata: a narrower model of the same make.
Without them it is the full size, whose configurations and tokenizer ship with us.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import nn

from webui.errors import CheckpointError
from webui.pipelines.families import ldm
from webui.pipelines.model import LatentRgb, scaled_linear_alphas
from webui.pipelines.place import Place
from webui.pipelines.weights import Progress, Weights, placed

if TYPE_CHECKING:
    from webui.prompts.tokenizer import ClipTokenizer

VARIANTS = ("", "inpaint", "ip2p")
CONFIGS = Path(__file__).parent.parent / "configs" / "sd1"
LATENT_RGB = ((0.298, 0.207, 0.208), (0.187, 0.286, 0.173), (-0.158, 0.189, 0.264), (-0.184, -0.271, -0.473), (0.0, 0.0, 0.0))
"""Colours in −1…1 of the four latent channels, and the bias: a fit that is public since 2022 (discuss.huggingface.co, topic 23204)."""


def build_unet(weights: Weights, place: Place, tick: Progress) -> nn.Module:
    """The UNet of a whole checkpoint; its number of input channels tells inpainting (9) and instruct-pix2pix (8) from the plain one (4)."""
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

    config = _config(weights, "unet")
    state = ldm.rename(weights.tensors, ldm.unet_rows(config), ldm.UNET)
    config["in_channels"] = _side(weights, state, "conv_in.weight", 1)
    return _filled(UNet2DConditionModel, config, state, weights.source, place, place.dtype, tick)


def build_vae(weights: Weights, place: Place, tick: Progress) -> nn.Module:
    """The autoencoder of a checkpoint, or of a VAE file (CompVis' names without prefix, or diffusers')."""
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL

    config = _config(weights, "vae")
    prefix = ldm.VAE if any(name.startswith(ldm.VAE) for name in weights.tensors) else ""
    state = ldm.flatten_attention(ldm.rename(_vae_tensors(weights, prefix), ldm.vae_rows(config), prefix))
    return _filled(AutoencoderKL, config, state, weights.source, place, place.vae_dtype, tick)


def build_text_encoder(weights: Weights, place: Place, tick: Progress) -> nn.Module:
    """CLIP's text transformer; some files have a few words more than the configuration says."""
    from transformers import CLIPTextConfig
    from transformers.models.clip.modeling_clip import CLIPTextModel

    config = _config(weights, "text_encoder")
    state = ldm.text_state(weights.tensors)
    config["vocab_size"] = _side(weights, state, "embeddings.token_embedding.weight", 0)

    def make(**fields: Any) -> nn.Module:
        return cast(nn.Module, CLIPTextModel(CLIPTextConfig(**fields, attn_implementation="sdpa")))

    model = _filled(make, config, state, weights.source, place, place.dtype, tick)
    positions = torch.arange(config["max_position_embeddings"], device=place.storage).expand((1, -1))
    model.get_submodule("embeddings").register_buffer("position_ids", positions, persistent=False)
    return model


def unet_names(unet: nn.Module) -> Iterator[ldm.Row]:
    """(CompVis' name, diffusers' name) of the UNet's modules: adapter files use either."""
    return ldm.unet_rows(unet.config)  # type: ignore[arg-type]


def tokenizer(weights: Weights) -> "ClipTokenizer":
    """The file's own, or CLIP ViT-L's."""
    from webui.prompts import ClipTokenizer, clip_l_tokenizer

    vocabulary = weights.config("darkroom.tokenizer.vocab")
    if vocabulary is None:
        return clip_l_tokenizer()
    lines = weights.metadata.get("darkroom.tokenizer.merges", "").splitlines()
    words = _side(weights, ldm.text_state(weights.tensors), "embeddings.token_embedding.weight", 0)
    ids = {word: number for word, number in vocabulary.items() if type(number) is int and 0 <= number < words}
    if len(ids) < len(vocabulary):
        odd = next(word for word in vocabulary if word not in ids)
        raise CheckpointError(
            f"{weights.source}: its tokenizer numbers {odd[:40]!r} {str(vocabulary[odd])[:20]}, its text encoder has 0 to {words - 1}."
        )
    return ClipTokenizer(ids, [line for line in lines if not line.startswith("#version")])


def alphas_cumprod(weights: Weights) -> torch.Tensor:
    """The noise schedule of the training, from the file's own `darkroom.scheduler` where it has one."""
    own = weights.config("darkroom.scheduler") or {}
    return scaled_linear_alphas(float(str(own.get("beta_start", 0.00085))), float(str(own.get("beta_end", 0.012))))


def latent_space(weights: Weights) -> str:
    """Whose latents these are: everybody's SD 1.x, or the file's own."""
    return weights.source if "darkroom.vae" in weights.metadata else "sd1"


def latent_rgb(weights: Weights) -> LatentRgb | None:
    """The preview's map: the file's own, or the published one. None for a file with another VAE that tells none."""
    text = weights.metadata.get("darkroom.latent_rgb")
    if text is None:
        return None if "darkroom.vae" in weights.metadata else LATENT_RGB
    rows = [[float(value) for value in row] for row in json.loads(text)]
    return tuple((row[0], row[1], row[2]) for row in rows)


def _config(weights: Weights, part: str) -> dict[str, Any]:
    own = weights.config(f"darkroom.{part}")
    return dict(own) if own is not None else json.loads((CONFIGS / f"{part}.json").read_text())


def _vae_tensors(weights: Weights, prefix: str) -> dict[str, torch.Tensor]:
    """Without the loss networks that training files carry."""
    found = {name: tensor for name, tensor in weights.tensors.items() if name.startswith(prefix)}
    return found if prefix else {name: tensor for name, tensor in found.items() if not name.startswith(("loss.", "model_ema."))}


def _side(weights: Weights, state: Mapping[str, torch.Tensor], name: str, side: int) -> int:
    tensor = state.get(name)
    if tensor is None or tensor.ndim <= side:
        raise CheckpointError(f"{weights.source} lacks {name}: it is not a whole Stable Diffusion 1.x checkpoint.")
    return int(tensor.shape[side])


def _filled(
    make: Callable[..., nn.Module], config: dict[str, Any], state: ldm.State, source: str, place: Place, dtype: torch.dtype, tick: Progress
) -> nn.Module:
    """Make the module without memory, then hand it the file's tensors. Raises `CheckpointError` that says what does not fit."""
    from huggingface_hub.errors import StrictDataclassError

    known = signature(make).parameters
    fields = config if any(p.kind is p.VAR_KEYWORD for p in known.values()) else {key: config[key] for key in config if key in known}
    try:
        with torch.device("meta"):
            model = make(**fields)
        _check(model, state, source)
        model.load_state_dict(placed(state, dtype, place.storage, place.channels_last, tick), strict=True, assign=True)
    except (TypeError, ValueError, KeyError, AttributeError, NotImplementedError, StrictDataclassError) as error:
        raise CheckpointError(f"{source}: its configuration does not make a Stable Diffusion 1.x model ({error}).") from None
    return model.eval().requires_grad_(False)


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
