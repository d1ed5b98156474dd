"""ComfyUI's nodes that change guidance, or the inside of the network, as parts of the request. Their inputs have the fields' names."""

from collections.abc import Mapping
from typing import Any

from webui.core.fields import specs
from webui.images.dialects.comfyui_graph import Node, Walk
from webui.images.dialects.comfyui_values import number_of, text_of
from webui.images.dialects.guidance import model_of

PARTS: Mapping[str, str] = {
    "DynamicThresholdingFull": "dynamic_thresholding",
    "FreeU_V2": "freeu",
    "PatchModelAddDownscale": "hrfix",
    "PerturbedAttentionGuidance": "pag",
    "SelfAttentionGuidance": "sag",
}
"""The part of the request that a node is. `FreeU`, the first version, strengthens otherwise and is none of them."""
NOT_TOLD: Mapping[str, tuple[str, ...]] = {
    "freeu": ("start", "end"),
    "pag": ("attenuation", "start_step", "end_step"),
    "sag": ("threshold",),
}
"""What the nodes have no input for; our defaults are what they do."""
_TYPES = {"float": "FLOAT", "int": "INT", "bool": "BOOLEAN"}


def inputs_of(kind: str) -> dict[str, str]:
    """A node's own inputs in its order, and ComfyUI's types of them."""
    part = PARTS[kind]
    return {name: _TYPES.get(spec.kind, "STRING") for name, spec in specs(model_of(part)).items() if name not in NOT_TOLD.get(part, ())}


def part_of(walk: Walk, node: Node) -> dict[str, Any] | None:
    """The values of the part that a node is; None where one of them is not known, which is noted."""
    values: dict[str, Any] = {}
    for name, kind in inputs_of(node.kind).items():
        value, what = node.inputs.get(name), f"node {node.kind}, {name}"
        if kind in ("FLOAT", "INT"):
            value = number_of(walk, value, what)
        elif kind == "STRING":
            value = text_of(walk, value, what)
        elif not isinstance(value, bool):
            value = None
        if value is None:
            walk.note(f"node {node.kind}: its {name} is not known")
            return None
        values[name] = value
    return values
