"""Checkpoint, LoRAs, clip skip and VAE of a sampler in ComfyUI's graph: along its model's and its text encoder's links."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from webui.images.dialects.comfyui_graph import MAX_DEPTH, Link, Node, Walk
from webui.images.dialects.comfyui_guidance import PARTS, part_of
from webui.images.dialects.comfyui_nodes import CHECKPOINTS, EFFICIENT, HARMLESS_PATCHES
from webui.images.dialects.comfyui_values import number_of, text_of
from webui.images.dialects.names import lora_tag, vae_name

_NUMBERED = re.compile(r"(?:lora_name|lora)_(\d+)")
_PORTS = {"model": ("model",), "clip": ("clip",)}
Weights = dict[tuple[str, str, str], tuple[Any, Any]]
"""The model's and the text encoder's weight by (node, entry, name)."""


@dataclass
class Chain:
    """What lies behind a model's or a text encoder's link, nearest first."""

    checkpoint: str | None = None
    loras: Weights = field(default_factory=dict)
    clip_skip: int = 1
    rescale: float | None = None
    parts: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def guidance(self) -> dict[str, Any]:
        """The request's fields of what is done to guidance and inside the network."""
        found = {f"{part}.{name}": value for part, values in self.parts.items() for name, value in values.items()}
        return found | {"guidance_options.rescale": self.rescale}


def chain_of(walk: Walk, link: Link | None, port: str, what: str = "") -> Chain:
    """Follow a link of type `port` (model or clip) to its loader; one that ends before is noted under the name `what`."""
    chain, seen = Chain(), set[str]()
    what = what or ("Checkpoint" if port == "model" else "Text encoder")
    while (found := walk.at(link)) is not None and found[0].id not in seen:
        node = found[0]
        seen.add(node.id)
        chain.loras |= dict(_loras(walk, node, port))
        if name := _checkpoint(node):
            chain.checkpoint = name
            if node.kind in EFFICIENT:
                _efficient(walk, node, chain)
            return chain
        _changed(walk, node, chain, port)
        link = node.link(*_PORTS[port])
        if link is None:
            walk.note(f"{what}: comes from node {node.kind}")
            return chain
    walk.note(f"{what}: {'is not linked' if found is None else 'its links go in a circle'}")
    return chain


def _checkpoint(node: Node) -> str | None:
    for key in CHECKPOINTS:
        value = node.inputs.get(key)
        if isinstance(value, dict):
            value = value.get("content")
        if isinstance(value, str) and value:
            return value
    return None


def _efficient(walk: Walk, node: Node, chain: Chain) -> None:
    layer = number_of(walk, node.inputs.get("clip_skip"), "Clip skip")
    if isinstance(layer, int) and layer < 0:
        chain.clip_skip = -layer


def _changed(walk: Walk, node: Node, chain: Chain, port: str) -> None:
    """What a node between sampler and loader does besides LoRAs."""
    if node.kind == "CLIPSetLastLayer":
        layer = number_of(walk, node.inputs.get("stop_at_clip_layer"), "Clip skip")
        if isinstance(layer, int) and layer < 0 and chain.clip_skip == 1:
            chain.clip_skip = -layer
    elif node.kind == "RescaleCFG" and chain.rescale is None:
        chain.rescale = number_of(walk, node.inputs.get("multiplier"), "CFG rescale")
    elif node.kind in PARTS and PARTS[node.kind] not in chain.parts:
        if (values := part_of(walk, node)) is not None:
            chain.parts[PARTS[node.kind]] = values
    elif not ("lora" in node.kind.lower() or node.kind in HARMLESS_PATCHES) or (node.kind == "ModelSamplingDiscrete" and port == "model"):
        walk.note(f"node {node.kind}")


def _loras(walk: Walk, node: Node, port: str) -> Iterator[tuple[tuple[str, str, str], tuple[Any, Any]]]:
    """The LoRAs that a node loads, and those of the stacks that are linked to it."""
    yield from _own_loras(walk, node)
    stack, seen = walk.at(node.link("lora_stack")), {node.id}
    while stack is not None and stack[0].id not in seen:
        seen.add(stack[0].id)
        entries = list(_own_loras(walk, stack[0]))
        yield from entries
        if not entries and "lora" not in stack[0].kind.lower():
            walk.note(f"LoRA: comes from node {stack[0].kind}")
        stack = walk.at(stack[0].link("lora_stack"))


def _own_loras(walk: Walk, node: Node) -> Iterator[tuple[tuple[str, str, str], tuple[Any, Any]]]:
    for entry, name, model, clip in _entries(walk, node):
        if name and name != "None":
            weights = [number_of(walk, value, f"LoRA {name}") for value in (model, clip)]
            if None in weights:
                walk.note(f"LoRA: {name} (its weight is not known)")
            elif any(weights):
                yield (node.id, entry, name), (weights[0], weights[1])


def _entries(walk: Walk, node: Node) -> Iterator[tuple[str, str, Any, Any]]:
    """(entry, file, model's weight, text encoder's weight) as the loaders and stacks in use write them."""
    inputs = node.inputs
    if "lora_name" in inputs:
        name = inputs["lora_name"]
        name = name.get("content") if isinstance(name, dict) else text_of(walk, name, "LoRA")
        model = inputs.get("strength_model", inputs.get("lora_model_strength", inputs.get("strength", 1)))
        both = inputs.get("strength_clip", inputs.get("lora_clip_strength", model))
        yield "", str(name or ""), model, 0 if node.kind == "LoraLoaderModelOnly" else both
    for key, value in inputs.items():
        if isinstance(value, dict) and isinstance(value.get("lora"), str):
            if value.get("on", True):
                weight = value.get("strength", 1)
                yield key, value["lora"], weight, weight if value.get("strengthTwo") is None else value["strengthTwo"]
        elif isinstance(value, str) and (match := _NUMBERED.fullmatch(key)):
            yield from _stacked(node, match[1], value)


def _stacked(node: Node, number: str, name: str) -> Iterator[tuple[str, str, Any, Any]]:
    """One row of a stack: rows beyond its count, and rows that are off, are left."""
    inputs = node.inputs
    count = inputs.get("lora_count")
    if (isinstance(count, int) and int(number) > count) or inputs.get(f"switch_{number}") == "Off":
        return
    simple = inputs.get("input_mode") == "simple"
    model = (
        [f"lora_wt_{number}"] if simple else [f"model_str_{number}", f"model_weight_{number}", f"strength_{number}", f"lora_wt_{number}"]
    )
    clip = [f"lora_wt_{number}"] if simple else [f"clip_str_{number}", f"clip_weight_{number}"]
    weight = next((inputs[key] for key in model if key in inputs), 1)
    yield number, name, weight, next((inputs[key] for key in clip if key in inputs), weight)


def lora_tags(model: Chain, clip: Chain | None) -> list[str]:
    """Tags for what is on the model's and on the text encoder's way; `clip` is None where that way is unknown, as on the model's."""
    keys = dict.fromkeys([*reversed(model.loras), *reversed(clip.loras if clip else {})])
    tags = []
    for key in keys:
        unet = model.loras[key][0] if key in model.loras else 0
        source = model if clip is None else clip
        text = source.loras[key][1] if key in source.loras else 0
        tags.append(lora_tag(key[2], text, unet))
    return tags


def vae_of(walk: Walk, link: Link | None, checkpoint: str | None) -> str | None:
    """The VAE's name; None for the checkpoint's own."""
    for _ in range(MAX_DEPTH):
        found = walk.at(link)
        if found is None:
            walk.note("VAE: is not linked")
            return None
        node, slot = found
        if "vae_name" in node.inputs:
            return vae_name(text_of(walk, node.inputs["vae_name"], "VAE"))
        if name := _checkpoint(node):
            if checkpoint is not None and name != checkpoint:
                walk.note(f"VAE: that of the checkpoint {name}")
            return None
        onward = node.link("optional_vae", "vae")
        if onward is None:
            walk.note(f"VAE: comes from node {node.kind}")
            return None
        link = onward
    walk.note("VAE: its links go in a circle")
    return None
