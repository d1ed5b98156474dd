"""Which node and which of its inputs a refusal is about, where it was our request that was refused."""

from collections.abc import Iterator, Mapping
from typing import Any

from webui.api.comfy.pictures import LOADERS, behind, link_of
from webui.errors import RequestError
from webui.images.dialects.comfyui_guidance import PARTS

_INPUTS: Mapping[str, tuple[str, ...]] = {
    "batch_size": ("batch_size", "amount"),
    "batch_count": ("batch_size", "amount"),
    "checkpoint": ("ckpt_name",),
    "clip_skip": ("stop_at_clip_layer",),
    "guidance": ("cfg",),
    "height": ("height",),
    "model": ("model_name",),
    "negative_prompt": ("text", "text_g", "prompt"),
    "prompt": ("text", "text_g", "prompt", "lora_name"),
    "refiner_checkpoint": ("ckpt_name",),
    "sampler": ("sampler_name",),
    "scale": ("scale_by", "width"),
    "schedule": ("scheduler",),
    "seed": ("seed", "noise_seed"),
    "steps": ("steps",),
    "strength": ("denoise",),
    "upscaler": ("model_name", "upscale_method"),
    "vae": ("vae_name",),
    "width": ("width",),
    **dict.fromkeys(("image", "images", "init", "inputs", "mask"), tuple(dict.fromkeys(LOADERS.values()))),
}
"""Which inputs one of our request's fields is made of."""
_SIDES = {"prompt": "positive", "negative_prompt": "negative"}
_LAST = ("hires", "finish", "refiner_checkpoint")
"""What comes of nodes behind the first of their kind."""


def blamed(error: RequestError, graph: Mapping[str, Any], end: str) -> tuple[str, str] | None:
    """(node, input) that a refusal is about, of those that `end` is made of: one whose value it quotes, else the first of its kind."""
    first, last = error.field.partition(".")[0], error.field.rpartition(".")[2]
    if first in PARTS.values():
        found = [each for each in _with(graph, end, last) if PARTS.get(graph[each[0]]["class_type"]) == first]
    else:
        found = [each for name in _INPUTS.get(last, ()) for each in _with(graph, end, name)]
    if (side := _SIDES.get(last)) is not None:
        behind_it = set(_behind_input(graph, end, side))
        found = [each for each in found if each[0] in behind_it] or found
    quoted = [each for each in found if f"{_value(graph, each)!r}" in error.message or f"{_value(graph, each)}" in error.message]
    chosen = (quoted or found)[-1 if first in _LAST else 0 :][:1]
    return chosen[0] if chosen else None


def _with(graph: Mapping[str, Any], end: str, name: str) -> Iterator[tuple[str, str]]:
    """The nodes on the way that have a value of this input, those nearest to the loaders first."""
    for key in reversed(list(behind(graph, end))):
        inputs = graph[key].get("inputs", {})
        if name in inputs and link_of(inputs[name]) is None:
            yield key, name


def _behind_input(graph: Mapping[str, Any], end: str, name: str) -> Iterator[str]:
    for key in behind(graph, end):
        if (link := link_of(graph[key].get("inputs", {}).get(name))) is not None:
            yield from behind(graph, link[0])


def _value(graph: Mapping[str, Any], place: tuple[str, str]) -> Any:
    return graph[place[0]]["inputs"][place[1]]
