"""A graph that was sent, checked and understood as one request; what is not understood is refused by name, in ComfyUI's shape."""

import json
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from webui.api.comfy.blame import blamed
from webui.api.comfy.enlarging import UPSCALE, Enlarged, enlarged
from webui.api.comfy.inputs import wrong_inputs
from webui.api.comfy.nodes import ENDS, UNDERSTOOD, lacking
from webui.api.comfy.pictures import Link, Pictures, behind, link_of
from webui.api.comfy.pixels import SAID
from webui.api.comfy.plain import with_plain_texts
from webui.api.comfy.sent import End
from webui.api.comfy.simple import simplified
from webui.core.fields import nested
from webui.core.request import GenerationRequest, parse_request
from webui.errors import RequestError
from webui.images.dialects import comfyui

MOST_NODES = 500
MOST_JOBS = 8
"""Different pictures of one graph."""
ABSENT = "not-here/"
"""Before the names of files that are listed for clients that insist on them, and that no graph can use."""


class GraphError(Exception):
    """A graph that cannot be made: ComfyUI's `error`, and its `node_errors` by node."""

    def __init__(self, kind: str, message: str, details: str = "", nodes: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        error = {"type": kind, "message": message, "details": details, "extra_info": {}}
        self.body = {"error": error, "node_errors": dict(nodes or {})}


@dataclass(frozen=True)
class Understood:
    """What one end of a graph shows, as a request without its pictures.

    The links of the start picture and the mask, the end (and others that show what the same job gives), notes, and the networks that
    enlarge last.
    """

    fields: Mapping[str, Any]
    mode: str
    start: Link | None
    mask: Link | None
    ends: tuple[End, ...]
    notes: tuple[str, ...]
    enlarged: Enlarged | None = None

    def with_ends_of(self, other: "Understood") -> "Understood | None":
        """One job for both; None where they are two."""
        if replace(other, ends=(), notes=()) != replace(self, ends=(), notes=()):
            return None
        return replace(self, ends=(*self.ends, *other.ends), notes=tuple(dict.fromkeys((*self.notes, *other.notes))))

    def request(self, images: Mapping[str, Any]) -> GenerationRequest:
        """The request, with the ids of its pictures. Raises `RequestError`."""
        return parse_request({**self.fields, "mode": self.mode, **images})


def understood(graph: Any, upscalers: Container[str] = ()) -> list[Understood]:
    """The jobs that make what a graph shows, where these upscalers' files are here. Raises `GraphError`."""
    _check(graph)
    ends = [key for kind in ENDS for key, node in graph.items() if node["class_type"] == kind]
    if not ends:
        raise GraphError("prompt_no_outputs", "Prompt has no outputs", "A graph ends in SaveImage or PreviewImage.")
    for saves in ends:
        _check_loop(graph, saves)
    _check_inputs(graph)
    found: list[Understood] = []
    for saves in ends:
        needed = set(behind(graph, saves))
        try:
            meant = _of_end({key: node for key, node in graph.items() if key in needed}, saves, upscalers)
        except GraphError as error:
            if not found or graph[saves]["class_type"] != "PreviewImage":
                raise
            found[0] = replace(found[0], notes=(*found[0].notes, f"Node #{saves[:50]} shows nothing: {error.body['error']['details']}"))
            continue
        _add(found, meant)
    if len(found) > MOST_JOBS:
        raise invalid(f"The graph shows {len(found)} different pictures. One graph may show {MOST_JOBS}: send it in parts.")
    return found


def _add(found: list[Understood], meant: Understood) -> None:
    """Put it with the job that makes the same picture, or behind all."""
    for place, each in enumerate(found):
        if (both := each.with_ends_of(meant)) is not None:
            found[place] = both
            return
    found.append(meant)


def _of_end(graph: Mapping[str, Any], saves: str, upscalers: Container[str]) -> Understood:
    """What one end shows; the graph has nothing that it is not made of."""
    simple = simplified(graph, saves)
    if (changed := _pictures_alone(graph, saves, upscalers)) is not None:
        return replace(changed, notes=(*_without_networks(simple.notes, changed.enlarged), *changed.notes))
    found = comfyui.read({"prompt": json.dumps(with_plain_texts(simple.graph))})
    if found is None or not found.fields.get("steps"):
        said = found.unmapped[0] if found is not None and found.unmapped else "No sampler leads to the picture that is saved."
        raise invalid(said)
    if dropped := [note for note in found.unmapped if comfyui.GOES_ON in note]:
        raise invalid(f"{dropped[0]}. A second sampler can refine: the same steps, sampler and cfg, from the step where the first ends.")
    _check_end(graph, saves, simple.decoded)
    if found.mode != "txt2img" and simple.start is None:
        raise invalid("The picture to start from comes from a node that needs a model, or from none.")
    mode = found.mode if found.mode != "inpaint" or simple.mask is not None else "img2img"
    fields = nested({key: value for key, value in found.fields.items() if key not in ("init", "mask")})
    fields |= {"dynamic_prompts": False}  # ComfyUI's page chooses of {a|b} before it sends
    fields |= {"mask_blur": 0, "mask_round": False} if mode == "inpaint" else {}
    start, mask = simple.start if mode != "txt2img" else None, simple.mask if mode == "inpaint" else None
    end = End(saves, simple.decoded)
    return _sampled(Understood(fields, mode, start, mask, (end,), (*simple.notes, *found.unmapped)), graph, upscalers)


def _sampled(meant: Understood, graph: Mapping[str, Any], upscalers: Container[str]) -> Understood:
    """With the networks that enlarge what the sampler gives as a finish chain."""
    (saves,) = meant.ends
    end = link_of(graph[saves.node].get("inputs", {}).get("images"))
    if end is None or saves.decoded is None or (networks := enlarged(graph, end, saves.decoded, upscalers)) is None:
        return meant
    fields = {**meant.fields, "finish": networks.steps}
    notes = tuple(_without_networks(meant.notes, networks))
    return replace(meant, fields=fields, ends=(End(saves.node, networks.after(end)),), notes=notes)


def _without_networks(notes: Iterable[str], networks: Enlarged | None) -> list[str]:
    """Without what is said of upscale nodes, where the engine runs all of them."""
    return [note for note in notes if note != SAID[UPSCALE] or networks is None or not networks.alone]


def _pictures_alone(graph: Mapping[str, Any], saves: str, upscalers: Container[str]) -> Understood | None:
    """A graph that changes pictures without a checkpoint, as a job of Extras; None for any other."""
    end = link_of(graph[saves].get("inputs", {}).get("images"))
    if end is None or not Pictures(graph, lambda key: None).is_pure(end):  # type: ignore[arg-type, return-value]
        return None
    networks = enlarged(graph, end, None, upscalers)
    if networks is None:
        return Understood({"finish": [{"kind": "format"}]}, "extras", end, None, (End(saves),), ())
    if absent := [name for name in networks.upscalers if name not in upscalers]:
        raise invalid(f"The upscaler {absent[0].removeprefix(ABSENT)[:200]} is not here. Choose another, or do without it.")
    return Understood({}, "extras", networks.start, None, (End(saves, networks.after(end)),), (), networks)


def invalid(said: str, nodes: Mapping[str, Any] | None = None) -> GraphError:
    """A graph whose nodes are known, and which cannot run all the same."""
    return GraphError("prompt_outputs_failed_validation", "Prompt outputs failed validation", said, nodes)


def _check_end(graph: Mapping[str, Any], saves: str, decoded: Link | None) -> None:
    """Raise where what is done to the finished picture needs more than pictures."""
    end = link_of(graph[saves].get("inputs", {}).get("images"))
    if decoded is None or end is None:
        return
    cut = {**graph, decoded[0]: {"class_type": "LoadImage", "inputs": {}}}
    if not Pictures(cut, lambda key: None).is_pure(end):  # type: ignore[arg-type, return-value]
        raise invalid("What is done to the finished picture takes another one that needs a model.")


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
        errors = {key: _node_error(kind, f"Cannot execute because node {kind[:100]} does not exist.") for key, kind in unknown.items()}
        raise GraphError("missing_node_type", said, f"Node ID '#{key}' {lacking(kind)}".rstrip(), errors)
    lost = {key: name for key, node in graph.items() for name, value in node.get("inputs", {}).items() if _is_lost(value, graph)}
    if lost:
        errors = {key: _node_error(graph[key]["class_type"], f"Its input {name} leads to no node.") for key, name in lost.items()}
        raise invalid("A link leads to no node.", errors)
    absent = {key: str(value) for key, node in graph.items() for value in node.get("inputs", {}).values() if str(value).startswith(ABSENT)}
    if used := {key: name for key, name in absent.items() if graph[key]["class_type"] != "UpscaleModelLoader"}:
        raise invalid(f"{next(iter(used.values()))[len(ABSENT) : 200]} is not here. Choose another, or do without it.")


def _check_inputs(graph: Mapping[str, Any]) -> None:
    """Raise for inputs that cannot be meant."""
    if wrong := wrong_inputs(graph):
        key, found = next(iter(wrong.items()))
        said = f"Node #{str(key)[:50]}, {found['errors'][0]['details']}"
        raise invalid(said, wrong)


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
            onward = [link[0] for value in graph[key].get("inputs", {}).values() if (link := link_of(value)) is not None]
            if any(states.get(each) == 1 for each in onward):
                raise invalid(f"The graph goes in a circle at node #{key}.")
            stack += [(each, False) for each in onward if each not in states]


def _is_lost(value: Any, graph: Mapping[str, Any]) -> bool:
    link = link_of(value)
    return link is not None and link[0] not in graph


def _node_error(kind: str, said: str) -> dict[str, Any]:
    error = {"type": "missing_node_type", "message": said, "details": kind[:100], "extra_info": {}}
    return {"errors": [error], "dependent_outputs": [], "class_type": kind[:100]}


def failed(error: RequestError, graph: Mapping[str, Any], end: str) -> GraphError:
    """A value that Darkroom refuses, in ComfyUI's shape: at the node and the input that it came from, where these are known."""
    place = blamed(error, graph, end)
    if place is None:
        return invalid(error.message if error.message.startswith(error.field) else f"{error.field}: {error.message}")
    return wrong_input(graph, *place, error.message, end)


def wrong_input(graph: Mapping[str, Any], node: str, name: str, said: str, *ends: str) -> GraphError:
    """One input of one node that cannot be meant."""
    error = {"type": "invalid_input_type", "message": said, "details": f"{name}: {said}", "extra_info": {"input_name": name}}
    errors = {node: {"errors": [error], "dependent_outputs": list(ends), "class_type": graph[node]["class_type"]}}
    return invalid(f"Node #{node[:50]}, {name}: {said}", errors)
