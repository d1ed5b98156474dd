"""Every kind of change, by the name that `lora_kinds` has for it, and what a layer's tensors make of it."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial

from torch import Tensor

from webui import WeightChange, lora_kinds

from . import glora, ia3, loha, lokr, lora, orthogonal, orthogonal_inputs, whole
from .dora import decomposed
from .parts import Parts

Delta = Callable[[Parts, Tensor], Tensor]
"""alpha ÷ rank times what the adapter adds to a weight."""
Transform = Callable[[Parts, Tensor, float], Tensor]
DELTAS: dict[str, Delta] = {"lora": lora.delta, "loha": loha.delta, "lokr": lokr.delta, "glora": glora.delta}
TRANSFORMS: dict[str, Transform] = {
    "lora": lora.transform,
    "oft": orthogonal.transform,
    "oft_inputs": orthogonal_inputs.rotate(turned_kernels=False),
    "ia3": ia3.transform,
    "norm": whole.add("norm"),
    "diff": whole.add("diff"),
    "set": whole.replace,
}
BIASES: dict[str, Transform] = {"lora": lora.bias, "norm": whole.add("norm_bias"), "diff": whole.add("diff_bias")}


def changes(layer: str, names: Mapping[str, str], tensors: Mapping[str, Tensor]) -> Iterator[WeightChange]:
    """What a layer's tensors change: its weight, its bias, or both."""
    parts = Parts({part: tensors[name] for part, name in names.items()})
    for kind, parameter, keys in lora_kinds(names):
        found = BIASES[kind] if parameter == "bias" else _transform(kind, parts)
        if kind == "oft_inputs" and layer.startswith("lora_"):  # OneTrainer's names
            found = orthogonal_inputs.rotate(turned_kernels=True)
        yield WeightChange(layer, parameter=parameter, keys=keys, transform=partial(found, parts))


def _transform(kind: str, parts: Parts) -> Transform:
    if kind not in DELTAS or (kind == "lora" and not {"dora_scale", "magnitude"} & parts.tensors.keys()):
        return TRANSFORMS.get(kind) or partial(_added, DELTAS[kind])
    if "dora_scale" in parts or "magnitude" in parts:
        return partial(decomposed, DELTAS[kind])
    return partial(_added, DELTAS[kind])


def _added(delta: Delta, parts: Parts, weight: Tensor, strength: float) -> Tensor:
    return weight.add(delta(parts, weight), alpha=strength)
