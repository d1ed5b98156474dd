"""A graph as the metadata reader understands it: what needs no model is done by `pictures`, and stands there as one loaded picture."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from webui.api.comfy.pictures import Link, Pictures, behind, link_of
from webui.api.comfy.pixels import PIXELS, SAID

_ENCODES = ("VAEEncode", "VAEEncodeTiled", "VAEEncodeForInpaint", "InpaintModelConditioning", "INPAINT_VAEEncodeInpaintConditioning")
_MASKED = ("VAEEncodeForInpaint", "SetLatentNoiseMask", "InpaintModelConditioning", "INPAINT_VAEEncodeInpaintConditioning")
_START, _MASK = "the start picture", "the mask"


@dataclass(frozen=True)
class Simple:
    """The graph for the reader; the links of what it starts from and of its mask; and of what comes from the sampler in the picture that
    is saved, None where nothing is done to that.
    """

    graph: dict[str, Any]
    start: Link | None
    mask: Link | None
    decoded: Link | None
    notes: tuple[str, ...]


def simplified(graph: Mapping[str, Any], saves: str) -> Simple:
    """Take the nodes that need no model out of a checked graph without loops, from both ends."""
    pictures = Pictures(graph, _never)
    made = {key: {**node, "inputs": dict(node.get("inputs", {}))} for key, node in graph.items()}
    end = link_of(made[saves]["inputs"].get("images"))
    decoded = _decoded(graph, end)
    made[saves] = {"class_type": "SaveImage", "inputs": {"images": list(decoded or end or ())}}
    order = list(behind(graph, saves))
    encode = next((key for key in order if graph[key]["class_type"] in _ENCODES and pictures.is_pure(_input(graph, key, "pixels"))), None)
    start = mask = None
    if encode is not None:
        start = _input(graph, encode, "pixels")
        made[encode]["inputs"]["pixels"] = [_START, 0]
        made[_START] = {"class_type": "LoadImage", "inputs": {"image": "start"}}
        masked = next((key for key in order if graph[key]["class_type"] in _MASKED and _leads_to(graph, key, encode)), None)
        if masked is not None and pictures.is_pure(found := _input(graph, masked, "mask")):
            mask = found
            made[masked]["inputs"]["mask"] = [_MASK, 0]
            made[_MASK] = {"class_type": "LoadImageMask", "inputs": {"image": "mask", "channel": "red"}}
    notes = tuple(SAID[kind] for kind in SAID if any(graph[key]["class_type"] == kind for key in order))
    return Simple(made, start, mask, decoded if decoded != end else None, notes)


def _never(key: str) -> Any:
    raise AssertionError(key)


def _input(graph: Mapping[str, Any], key: str, name: str) -> Link | None:
    return link_of(graph[key].get("inputs", {}).get(name))


def _decoded(graph: Mapping[str, Any], end: Link | None) -> Link | None:
    """What the VAE has decoded on the way to `end`, along the nodes that change pixels: their main input first."""
    waiting, seen = [end], set[str]()
    while waiting:
        link = waiting.pop()
        if link is None or link[0] in seen:
            continue
        seen.add(link[0])
        kind = graph[link[0]]["class_type"]
        if kind.startswith("VAEDecode"):
            return link
        if kind == "Reroute" or kind in PIXELS:
            main = PIXELS[kind][0] if kind in PIXELS else ""
            inputs = graph[link[0]].get("inputs", {})
            waiting += [link_of(value) for name, value in inputs.items() if name != main] + [link_of(inputs.get(main))]
    return None


def _leads_to(graph: Mapping[str, Any], key: str, encode: str) -> bool:
    """Whether a latent comes from this encoding by what only hands it on."""
    for _ in range(len(graph)):
        if key == encode:
            return True
        link = _input(graph, key, "samples")
        if link is None:
            return False
        key = link[0]
    return False
