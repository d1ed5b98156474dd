"""ComfyUI's graph (the `prompt` text): the last sampler node, and what feeds it."""

import json
from collections.abc import Iterator
from typing import Any

from webui.images.dialects import Chunks, Found
from webui.images.dialects.names import sampler_fields, schedule_name

Node = dict[str, Any]
Graph = dict[str, Node]

_DEPTH = 50
_UNDERSTOOD: tuple[str, ...] = (
    "KSampler",
    "CLIPTextEncode",
    "CheckpointLoader",
    "EmptyLatentImage",
    "EmptySD3LatentImage",
    "VAEDecode",
    "VAEEncode",
)
_UNDERSTOOD += ("SamplerCustom", "KSamplerSelect", "BasicScheduler", "RandomNoise", "CFGGuider", "BasicGuider")
_UNDERSTOOD += ("SaveImage", "PreviewImage", "LoraLoader", "CLIPSetLastLayer", "LoadImage", "VAELoader", "ConditioningCombine", "Primitive")


_SCHEDULERS = {
    "AlignYourStepsScheduler": "Align Your Steps",
    "BetaSamplingScheduler": "Beta",
    "ExponentialScheduler": "Exponential",
    "GITSScheduler": "Align Your Steps GITS",
    "KarrasScheduler": "Karras",
    "LaplaceScheduler": "Laplace",
    "PolyexponentialScheduler": "Polyexponential",
    "SDTurboScheduler": "Turbo",
}
"""Nodes that are a schedule by themselves."""
_OPTIONS = {"sigma_min": "sigma_min", "sigma_max": "sigma_max", "rho": "rho", "alpha": "beta_alpha", "beta": "beta_beta"}


def read(chunks: Chunks) -> Found | None:
    """Read the graph in the API's format; the `workflow` beside it only draws the editor."""
    try:
        graph = json.loads(chunks.get("prompt", ""))
    except (ValueError, RecursionError):
        return None
    if not isinstance(graph, dict) or not all(isinstance(node, dict) and "class_type" in node for node in graph.values()):
        return None
    samplers = [node for node in graph.values() if _inputs(node).keys() >= {"steps", "cfg", "sampler_name"}]
    samplers += [_gathered(graph, node) for node in graph.values() if str(node["class_type"]).startswith("SamplerCustom")]
    if not samplers:
        return None
    fields = _sampling(graph, samplers[0])
    fields |= _pictures(graph, samplers[0]) | _models(graph, samplers[0])
    mode = "img2img" if float(fields.get("strength", 1)) < 1 else "txt2img"
    if mode == "txt2img":
        fields.pop("strength", None)
    return Found("ComfyUI", fields, _left_over(graph, samplers), "img2img" if mode == "img2img" else "txt2img")


def _inputs(node: Node) -> dict[str, Any]:
    inputs = node.get("inputs")
    return inputs if isinstance(inputs, dict) else {}


def _gathered(graph: Graph, sampler: Node) -> Node:
    """A sampler in parts (guider, noise, sampler, sigmas) as one node, by the names that a whole one has."""
    own = _inputs(sampler)
    found: dict[str, Any] = {"cfg": 1.0, "latent_image": own.get("latent_image")}
    for link in (own.get("sigmas"), own.get("sampler"), own.get("noise"), own.get("guider")):
        node = next(_upstream(graph, link, set()), None)
        if node is None:
            continue
        inputs = dict(_inputs(node))
        inputs["positive"] = inputs.pop("conditioning", inputs.get("positive"))
        inputs["scheduler"] = inputs.get("scheduler", _SCHEDULERS.get(str(node["class_type"])))
        found |= {key: value for key, value in inputs.items() if value is not None}
    found |= {key: value for key, value in own.items() if key in ("cfg", "noise_seed", "positive", "negative", "model")}
    return {"class_type": sampler["class_type"], "inputs": found}


def _value(graph: Graph, value: Any, depth: int = 0) -> Any:
    """A number or text, following links to primitive nodes."""
    if isinstance(value, list) and value and depth < _DEPTH:
        inputs = _inputs(graph.get(str(value[0]), {}))
        for key in ("value", "seed", "noise_seed", "text", "string", "int", "float"):
            if key in inputs:
                return _value(graph, inputs[key], depth + 1)
        return None
    return value


def _upstream(graph: Graph, link: Any, seen: set[str]) -> Iterator[Node]:
    """The node behind a link and everything that feeds it, nearest first."""
    waiting = [link]
    while waiting:
        link = waiting.pop(0)
        name = str(link[0]) if isinstance(link, list) and link else None
        if name is None or name in seen or name not in graph:
            continue
        seen.add(name)
        yield graph[name]
        waiting += [value for value in _inputs(graph[name]).values() if isinstance(value, list)]


def _sampling(graph: Graph, sampler: Node) -> dict[str, Any]:
    inputs = {key: _value(graph, value) for key, value in _inputs(sampler).items() if key not in ("positive", "negative", "model")}
    found = {
        "steps": inputs.get("steps"),
        "guidance": inputs.get("cfg"),
        "seed": inputs.get("seed", inputs.get("noise_seed")),
        "strength": inputs.get("denoise", 1.0),
        **sampler_fields(str(inputs.get("sampler_name", ""))),
        "schedule": schedule_name(str(inputs.get("scheduler") or "")) or None,
        **{f"sampler_options.{ours}": inputs.get(theirs) for theirs, ours in _OPTIONS.items()},
        "prompt": _text(graph, _inputs(sampler).get("positive")),
        "negative_prompt": _text(graph, _inputs(sampler).get("negative")),
        "noise_source": "cpu",
        "emphasis": "No norm",
    }
    return {key: value for key, value in found.items() if value is not None}


def _text(graph: Graph, link: Any) -> str:
    """The words behind a conditioning, in the order they are met."""
    texts = []
    for node in _upstream(graph, link, set()):
        for key in ("text", "text_g", "t5xxl", "prompt"):
            text = _value(graph, _inputs(node).get(key))
            if isinstance(text, str) and "Text" in str(node["class_type"]) + str(node.get("_meta", "")):
                texts.append(text)
                break
    return ", ".join(dict.fromkeys(texts))


def _pictures(graph: Graph, sampler: Node) -> dict[str, Any]:
    """Size and batch of the empty latent, when there is one."""
    for node in _upstream(graph, _inputs(sampler).get("latent_image"), set()):
        inputs = _inputs(node)
        if "width" in inputs and "height" in inputs:
            sides = {key: _value(graph, inputs[key]) for key in ("width", "height")}
            return sides | {"batch_size": _value(graph, inputs.get("batch_size", 1))}
    return {}


def _models(graph: Graph, sampler: Node) -> dict[str, Any]:
    """Checkpoint, VAE and clip skip, wherever they stand in the graph; LoRAs become tags behind the prompt."""
    found: dict[str, Any] = {}
    tags = []
    for node in [*_upstream(graph, _inputs(sampler).get("model"), set()), *graph.values()]:
        inputs = _inputs(node)
        if isinstance(name := inputs.get("ckpt_name"), str):
            found.setdefault("checkpoint", name)
        if isinstance(name := inputs.get("vae_name"), str):
            found.setdefault("vae", name)
        if isinstance(layer := inputs.get("stop_at_clip_layer"), int):
            found.setdefault("clip_skip", -layer)
        if isinstance(name := inputs.get("lora_name"), str):
            tags.append(_lora_tag(name, inputs))
    if tags:
        found["prompt"] = " ".join([_text(graph, _inputs(sampler).get("positive")), *dict.fromkeys(tags)])
    return found


def _lora_tag(name: str, inputs: dict[str, Any]) -> str:
    stem = name.replace("\\", "/").rpartition("/")[2].rpartition(".")[0] or name
    unet, clip = inputs.get("strength_model", 1), inputs.get("strength_clip", inputs.get("strength_model", 1))
    return f"<lora:{stem}:{clip}:{unet}>"


def _left_over(graph: Graph, samplers: list[Node]) -> tuple[str, ...]:
    kinds = dict.fromkeys(str(node["class_type"]) for node in graph.values())
    lines = [f"node {kind}" for kind in kinds if not kind.startswith(_UNDERSTOOD) and kind not in _SCHEDULERS]
    return tuple(lines + [f"{len(samplers)} sampler nodes: the first is taken"] * (len(samplers) > 1))
