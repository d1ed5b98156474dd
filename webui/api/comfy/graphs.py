"""A graph that was sent, checked and understood as one request; what is not understood is refused by name, in ComfyUI's shape."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from webui.api.comfy.inputs import INPUTS, wrong_inputs
from webui.core.fields import nested
from webui.core.request import GenerationRequest, parse_request
from webui.errors import RequestError
from webui.images.dialects import comfyui
from webui.images.dialects.comfyui_nodes import ENCODERS

MOST_NODES = 500
ALSO = (*ENCODERS, "KSamplerAdvanced", "SamplerCustom", "SamplerCustomAdvanced", "KSamplerSelect", "BasicScheduler", "KarrasScheduler")
UNDERSTOOD = frozenset({*INPUTS, *ALSO, "CFGGuider", "BasicGuider", "RandomNoise", "DisableNoise", "ExponentialScheduler", "Reroute"})
ENDS = ("SaveImage", "PreviewImage")


class GraphError(Exception):
    """A graph that cannot be made: ComfyUI's `error`, and its `node_errors` by node."""

    def __init__(self, kind: str, message: str, details: str = "", nodes: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        error = {"type": kind, "message": message, "details": details, "extra_info": {}}
        self.body = {"error": error, "node_errors": dict(nodes or {})}


@dataclass(frozen=True)
class Understood:
    """A graph as a request without its pictures: the names of the start picture and the mask, the node that saves, and notes."""

    fields: Mapping[str, Any]
    mode: str
    image: str
    mask: str
    saves: str
    notes: tuple[str, ...]

    def request(self, images: Mapping[str, str]) -> GenerationRequest:
        """The request, with the ids of its pictures. Raises `RequestError`."""
        return parse_request({**self.fields, "mode": self.mode, **images})


def understood(graph: Any) -> Understood:
    """What a graph means. Raises `GraphError`."""
    _check(graph)
    saves = next((key for kind in ENDS for key, node in graph.items() if node["class_type"] == kind), None)
    if saves is None:
        raise GraphError("prompt_no_outputs", "Prompt has no outputs", "A graph ends in SaveImage or PreviewImage.")
    _check_loop(graph, saves)
    _check_inputs(graph)
    found = comfyui.read({"prompt": json.dumps(graph)})
    if found is None or not found.fields.get("steps"):
        said = found.unmapped[0] if found is not None and found.unmapped else "No sampler leads to the picture that is saved."
        raise GraphError("prompt_outputs_failed_validation", "Prompt outputs failed validation", said)
    image, mask = _images(graph)
    mode = found.mode if found.mode != "inpaint" or mask else "img2img"
    fields = nested({key: value for key, value in found.fields.items() if key not in ("init", "mask")})
    return Understood(fields, mode, image if mode != "txt2img" else "", mask if mode == "inpaint" else "", saves, found.unmapped)


def _check(graph: Any) -> None:
    """Raise for what is no graph, for unknown nodes, for links that lead nowhere."""
    if not isinstance(graph, dict) or not graph:
        raise GraphError("no_prompt", "No prompt provided", "The body holds no graph under prompt.")
    if len(graph) > MOST_NODES:
        raise GraphError("invalid_prompt", "The graph is too large", f"A graph may have {MOST_NODES} nodes.")
    for key, node in graph.items():
        if not isinstance(node, dict) or not isinstance(node.get("class_type"), str) or not isinstance(node.get("inputs", {}), dict):
            said = "Cannot execute because a node is missing the class_type property."
            raise GraphError("missing_node_type", said, f"Node ID '#{str(key)[:50]}'")
    unknown = {key: node["class_type"] for key, node in graph.items() if node["class_type"] not in UNDERSTOOD}
    if unknown:
        key, kind = next(iter(unknown.items()))
        said = f"Cannot execute because node {kind[:100]} does not exist."
        raise GraphError("missing_node_type", said, f"Node ID '#{key}'", {key: _node_error(kind, said) for key, kind in unknown.items()})
    lost = {key: name for key, node in graph.items() for name, value in node.get("inputs", {}).items() if _is_lost(value, graph)}
    if lost:
        errors = {key: _node_error(graph[key]["class_type"], f"Its input {name} leads to no node.") for key, name in lost.items()}
        raise GraphError("prompt_outputs_failed_validation", "Prompt outputs failed validation", "A link leads to no node.", errors)


def _check_inputs(graph: Mapping[str, Any]) -> None:
    """Raise for inputs that cannot be meant."""
    if wrong := wrong_inputs(graph):
        key, found = next(iter(wrong.items()))
        said = f"Node #{str(key)[:50]}, {found['errors'][0]['details']}"
        raise GraphError("prompt_outputs_failed_validation", "Prompt outputs failed validation", said, wrong)


def _check_loop(graph: Mapping[str, Any], start: str) -> None:
    """Raise for a graph that goes in a circle, looking at each node once."""
    states: dict[str, int] = {}
    stack: list[tuple[str, bool]] = [(start, False)]
    while stack:
        key, done = stack.pop()
        if done:
            states[key] = 2
        elif states.get(key) is None:
            states[key] = 1
            stack.append((key, True))
            onward = [str(value[0]) for value in graph[key].get("inputs", {}).values() if _is_link(value)]
            if any(states.get(each) == 1 for each in onward):
                said = "Prompt outputs failed validation"
                raise GraphError("prompt_outputs_failed_validation", said, f"The graph goes in a circle at node #{key}.")
            stack += [(each, False) for each in onward if each not in states]


def _is_link(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and isinstance(value[0], str | int) and isinstance(value[1], int)


def _is_lost(value: Any, graph: Mapping[str, Any]) -> bool:
    return _is_link(value) and str(value[0]) not in graph


def _node_error(kind: str, said: str) -> dict[str, Any]:
    error = {"type": "missing_node_type", "message": said, "details": kind[:100], "extra_info": {}}
    return {"errors": [error], "dependent_outputs": [], "class_type": kind[:100]}


def _images(graph: Mapping[str, Any]) -> tuple[str, str]:
    """The names of the start picture and of the mask: by the nodes that load them."""
    loads, masks = _named(graph, "LoadImage"), _named(graph, "LoadImageMask")
    links = [(name, str(value[0])) for node in graph.values() for name, value in node.get("inputs", {}).items() if _is_link(value)]
    mask = next((masks.get(key) or loads.get(key) or "" for name, key in links if name == "mask"), "")
    used = {key for name, key in links if name != "mask"}
    image = next((name for key, name in loads.items() if key in used), next(iter(loads.values()), ""))
    return image, mask


def _named(graph: Mapping[str, Any], kind: str) -> dict[str, str]:
    """What the nodes of a kind load, by node."""
    return {key: str(node.get("inputs", {}).get("image", "")) for key, node in graph.items() if node["class_type"] == kind}


def failed(error: RequestError) -> GraphError:
    """A value that Darkroom refuses, in ComfyUI's shape."""
    said = error.message if error.message.startswith(error.field) else f"{error.field}: {error.message}"
    return GraphError("prompt_outputs_failed_validation", "Prompt outputs failed validation", said)
