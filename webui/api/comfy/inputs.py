"""Whether each of a graph's inputs can be meant: a value that cannot is refused at its node."""

from collections.abc import Iterator, Mapping
from typing import Any

from webui.api.comfy.nodes import INPUTS, LINKED, OPTIONAL, outputs_of

_ANYWHERE = {"seed": "INT", "noise_seed": "INT", "steps": "INT", "width": "INT", "height": "INT", "batch_size": "INT"}
_ANYWHERE |= {"start_at_step": "INT", "end_at_step": "INT", "cfg": "FLOAT", "denoise": "FLOAT"}
"""Inputs that mean the same at every sampler and latent."""
_RANGES: Mapping[str, tuple[float, float]] = {"steps": (1, 1000), "denoise": (0, 1)}
_LARGEST = 2**64


def wrong_inputs(graph: Mapping[str, Any]) -> dict[str, Any]:
    """ComfyUI's `node_errors` of a graph whose nodes are known and whose links lead to nodes: empty where every input can be meant."""
    found = {key: list(_wrong(node, graph)) for key, node in graph.items()}
    return {
        key: {"errors": errors, "dependent_outputs": [], "class_type": graph[key]["class_type"]} for key, errors in found.items() if errors
    }


def _wrong(node: Mapping[str, Any], graph: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    types = _ANYWHERE | INPUTS.get(node["class_type"], {})
    may_lack = OPTIONAL.get(node["class_type"], ())
    for name, value in node.get("inputs", {}).items():
        if value is None and name in may_lack:
            continue
        said = _said(name, types[name], value, graph) if name in types else ""
        if said:
            kind = "return_type_mismatch" if types[name] in LINKED else "invalid_input_type"
            yield {"type": kind, "message": said, "details": f"{name}: {said}", "extra_info": {"input_name": name}}


def _said(name: str, kind: str, value: Any, graph: Mapping[str, Any]) -> str:
    """Why a value cannot be meant; empty where it can."""
    linked = isinstance(value, list) and len(value) == 2 and isinstance(value[0], str | int) and isinstance(value[1], int)
    if kind in LINKED:
        if not linked:
            return f"It must be a link to a node that gives {kind}."
        given = _given(graph[str(value[0])]["class_type"], value[1])
        return "" if given in (kind, None) else f"Output {value[1]} of node #{value[0]} gives {given or 'nothing'}, not {kind}."
    if kind in ("INT", "FLOAT"):
        return _number(name, kind, value)
    if kind == "STRING" and linked and _given(graph[str(value[0])]["class_type"], value[1]) == "STRING":
        return ""
    if kind == "STRING" and (value is None or isinstance(value, list | dict)):
        return "It must be text."
    return ""


def _given(kind: str, slot: int) -> str | None:
    """What an output gives: empty for one that a node does not have, None where that is not known here."""
    if kind not in INPUTS:
        return None
    outputs = outputs_of(kind)
    return outputs[slot] if 0 <= slot < len(outputs) else ""


def _number(name: str, kind: str, value: Any) -> str:
    must = "It must be a whole number." if kind == "INT" else "It must be a number."
    try:
        number = value if isinstance(value, int | float) and not isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        return must
    if isinstance(value, bool) or not abs(number) < _LARGEST or (kind == "INT" and number != int(number)):
        return must if isinstance(value, bool) or number != number or abs(number) < _LARGEST else "This number is too large."
    low, high = _RANGES.get(name, (-_LARGEST, _LARGEST))
    return "" if low <= number <= high else f"It must be between {low:g} and {high:g}."
