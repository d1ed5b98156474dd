"""A model's layers by every name that adapter files have for them."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from torch import nn

from webui.models.model import Model

UNET, TEXT, SECOND_TEXT = "unet", "text_encoder", "text_encoder_2"
_WRAPPER = "base_model_model_"
"""PEFT's own name for what it wraps."""
_PARTS = (
    ("lora_unet_", UNET),
    ("lycoris_", UNET),
    ("oft_unet_", UNET),
    ("model_diffusion_model_", UNET),
    ("diffusion_model_", UNET),
    ("unet_", UNET),
    ("lora_te2_", SECOND_TEXT),
    ("text_encoder_2_", SECOND_TEXT),
    ("text_encoders_clip_g_transformer_", SECOND_TEXT),
    ("text_encoders_clip_g_", SECOND_TEXT),
    ("clip_g_transformer_", SECOND_TEXT),
    ("clip_g_", SECOND_TEXT),
    ("lora_te1_", TEXT),
    ("lora_te_", TEXT),
    ("text_encoder_", TEXT),
    ("text_encoders_clip_l_transformer_", TEXT),
    ("text_encoders_clip_h_transformer_", TEXT),
    ("text_encoders_clip_l_", TEXT),
    ("text_encoders_clip_h_", TEXT),
    ("clip_l_transformer_", TEXT),
    ("clip_h_transformer_", TEXT),
    ("clip_l_", TEXT),
    ("clip_h_", TEXT),
    ("cond_stage_model_transformer_", TEXT),
)
"""How files begin a layer's name, and the part of the model that is meant. The longer ones stand before their own beginnings."""
_BLOCK = re.compile(r"^(input|output)_blocks_(\d+)_")


@dataclass(frozen=True)
class Layer:
    """A layer that an adapter may change.

    `part` is the UNet or one of the text encoders. `block` is its place in CompVis' UNet (IN00 to IN11, M00, OUT00 to OUT11), BASE in a
    text encoder, empty outside of the blocks.
    """

    module: nn.Module
    part: str
    block: str


class LayerNames:
    """Finds a model's layers by diffusers', transformers' and CompVis' names, with the beginnings that trainers put before them."""

    def __init__(self, model: Model) -> None:
        self._layers: dict[str, dict[str, Layer]] = {UNET: dict(_unet_layers(model))}
        for part in model.texts:
            self._layers.setdefault(part.target, {}).update(_text_layers(part.target, part.module))
        if TEXT not in self._layers and SECOND_TEXT in self._layers:  # the refiner's only encoder is SDXL's second
            self._layers[TEXT] = self._layers[SECOND_TEXT]

    def find(self, target: str) -> Layer | None:
        """The layer that a file names so, None where the model has none."""
        name = _plain(target).removeprefix(_WRAPPER)
        part = next(((start, part) for start, part in _PARTS if name.startswith(start)), None)
        if part is not None:
            return self._layers.get(part[1], {}).get(_without_processor(name.removeprefix(part[0])))
        bare = _without_processor(name)
        return next((layers[bare] for layers in self._layers.values() if bare in layers), None)


def _unet_layers(model: Model) -> Iterator[tuple[str, Layer]]:
    theirs = {ours: theirs for theirs, ours in model.rules.unet_names(model.unet)}
    for name, module in model.unet.named_modules():
        compvis = _plain(_renamed(name, theirs))
        layer = Layer(module, UNET, _block(compvis))
        yield _plain(name), layer
        if compvis:
            yield compvis, layer
        if name.endswith(".to_out.0"):  # diffusers' attention processors had one layer where there are two modules now
            yield _plain(name.removesuffix(".0")), layer


def _text_layers(part: str, module: nn.Module) -> Iterator[tuple[str, Layer]]:
    for name, inner in module.named_modules():
        plain, layer = name.removeprefix("text_model."), Layer(inner, part, "BASE")
        yield _plain(plain), layer
        yield _plain(f"text_model.{plain}"), layer


def _renamed(name: str, table: Mapping[str, str]) -> str:
    """A module's name in CompVis' words, empty where it has none there."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        if (theirs := table.get(".".join(parts[:length]))) is not None:
            return ".".join((theirs, *parts[length:]))
    return ""


def _block(compvis: str) -> str:
    if match := _BLOCK.match(compvis):
        return f"{'IN' if match[1] == 'input' else 'OUT'}{int(match[2]):02}"
    return "M00" if compvis.startswith("middle_block_") else ""


def _without_processor(name: str) -> str:
    """diffusers once trained attention processors, which stand between the attention and its layers."""
    return name.replace("_processor_to_", "_to_")


def _plain(name: str) -> str:
    return name.replace(".", "_")
