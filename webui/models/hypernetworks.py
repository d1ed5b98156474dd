"""Hypernetworks as A1111 trains them: small networks that change what attention takes its keys and values from.

A file has, for each width of context (320 … 1280), one network for keys and one for values: linear layers, each but the last followed by
an activation and a layer norm where the file says so. At a strength s, x becomes x + s·net(x).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from webui.core.foreign import FileError, check_same, read_foreign, shown
from webui.errors import CheckpointError
from webui.library import Library, ModelFile
from webui.library.pickles.read import read_facts
from webui.models.adapters import find_files
from webui.models.model import Model
from webui.models.weights import open_weights

MOST_LAYERS, WIDEST = 32, 16_384
Pair = tuple[nn.Module, nn.Module]
ACTIVATIONS: Mapping[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "leakyrelu": nn.LeakyReLU,
    "elu": nn.ELU,
    "swish": nn.Hardswish,  # A1111's own meaning of the word
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "softsign": nn.Softsign,
    "softplus": nn.Softplus,
    "silu": nn.SiLU,
    "gelu": nn.GELU,
    "mish": nn.Mish,
    "selu": nn.SELU,
    "celu": nn.CELU,
    "relu6": nn.ReLU6,
    "hardswish": nn.Hardswish,
    "hardtanh": nn.Hardtanh,
    "hardsigmoid": nn.Hardsigmoid,
    "logsigmoid": nn.LogSigmoid,
    "softshrink": nn.Softshrink,
    "hardshrink": nn.Hardshrink,
    "tanhshrink": nn.Tanhshrink,
}


@dataclass(frozen=True)
class HypernetworkUse:
    """`<hypernet:name:strength>` of a prompt."""

    name: str
    strength: float = 1.0


@dataclass(frozen=True, eq=False)
class Hypernetwork:
    """The networks of one file, by the width of context: for keys, and for values."""

    pairs: Mapping[int, Pair]


@contextmanager
def steered(model: Model, uses: Sequence[HypernetworkUse], library: Library) -> Iterator[tuple[str, ...]]:
    """The model with these hypernetworks on, for as long as the block runs; gives notes about what could not be used.

    Blocks of several jobs that ask for the same may overlap: the first puts them on, the last takes them off.
    """
    named, notes = find_files(uses, library, "hypernetwork")
    found = [(use, file) for use, file in named if use.strength]
    state = model.state.hypernetworks
    if state.jobs and state.key != tuple((use, file.path, file.identity) for use, file in found):
        raise RuntimeError("Two sets of hypernetworks were asked for at the same time.")
    if not state.jobs:
        state.key = tuple((use, file.path, file.identity) for use, file in found)
        notes += _put_on(model, found, state.hooks)
    state.jobs += 1
    try:
        yield tuple(dict.fromkeys(notes))
    finally:
        state.jobs -= 1
        if not state.jobs:
            state.hooks.close()


def _put_on(model: Model, found: Sequence[tuple[HypernetworkUse, ModelFile]], hooks: ExitStack) -> list[str]:
    """Hook the networks onto the UNet's attention; gives notes on files that cannot be read or do not fit."""
    notes = []
    attention = [(keys, values) for module in model.unet.modules() for keys, values in _keys_and_values(module)]
    for use, file in found:
        read = read_foreign(file.path, read_hypernetwork)
        check_same(file.path, file.identity)
        if isinstance(read, FileError):
            notes.append(f"Hypernetwork {use.name!r} was left out: {read.message}")
            continue
        used = 0
        for layers in attention:
            for layer, net in zip(layers, read.pairs.get(layers[0].in_features, ()), strict=False):
                net.to(model.device, model.dtype)
                hooks.callback(layer.register_forward_pre_hook(_changed(net, use.strength)).remove)
                used += 1
        if not used:
            widths = ", ".join(map(str, sorted(read.pairs)))
            notes.append(f"Hypernetwork {use.name!r} was left out: it was made for another kind of model (widths {widths}).")
    return notes


def _keys_and_values(module: nn.Module) -> Iterator[tuple[nn.Linear, nn.Linear]]:
    """The layers of an attention that make its keys and values; none of another module."""
    keys, values = getattr(module, "to_k", None), getattr(module, "to_v", None)
    if isinstance(keys, nn.Linear) and isinstance(values, nn.Linear):
        yield keys, values


def _changed(net: nn.Module, strength: float) -> Callable[[nn.Module, tuple[Any, ...]], tuple[Any, ...]]:
    def hook(layer: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        context: Tensor = inputs[0]
        return context + strength * net(context), *inputs[1:]

    return hook


def read_hypernetwork(path: Path) -> Hypernetwork:
    """The networks of a file, none of whose code runs. Raises `CheckpointError` for one that is broken or of a kind not known here."""
    tensors, facts = open_weights(path).tensors, read_facts(path)
    if not all(bool(torch.isfinite(tensor.float()).all()) for tensor in tensors.values()):
        raise CheckpointError(f"{shown(path)} holds NaN or Inf: it is broken. Leave it out.")
    pairs: dict[int, list[dict[str, Tensor]]] = {}
    for name, tensor in tensors.items():
        width, _, rest = name.partition(".")
        side, _, inner = rest.partition(".")
        if width.isdecimal() and side in ("0", "1") and int(width) <= WIDEST:
            pairs.setdefault(int(width), [{}, {}])[int(side)][_modern(inner)] = tensor
    if not pairs:
        raise CheckpointError(f"{shown(path)} holds no hypernetwork.")
    nets = {width: tuple(_net(path, width, state, facts) for state in states) for width, states in pairs.items()}
    return Hypernetwork({width: (pair[0], pair[1]) for width, pair in nets.items()})


def _modern(name: str) -> str:
    """The first files called their two layers linear1 and linear2."""
    return name.replace("linear1.", "linear.0.").replace("linear2.", "linear.1.")


def _net(path: Path, width: int, state: Mapping[str, Tensor], facts: Mapping[str, object]) -> nn.Module:
    structure = facts.get("layer_structure") or [1, 2, 1]
    if not isinstance(structure, list) or not 2 <= len(structure) <= MOST_LAYERS or not all(_is_size(size, width) for size in structure):
        raise CheckpointError(f"{shown(path)} has layers that make no sense.")
    layers = list(_layers(path, [int(width * size) for size in structure], facts))
    net = nn.Sequential(*layers).eval().requires_grad_(False)
    try:
        net.load_state_dict({name.removeprefix("linear."): tensor.float() for name, tensor in state.items()})
    except RuntimeError:
        raise CheckpointError(f"{shown(path)} holds other layers than it says. Download it again.") from None
    return net


def _is_size(size: object, width: int) -> bool:
    return isinstance(size, int | float) and 1 <= width * size <= WIDEST


def _layers(path: Path, sizes: Sequence[int], facts: Mapping[str, object]) -> Iterator[nn.Module]:
    """The network's layers in A1111's order: their places are part of the tensors' names, those of dropouts too."""
    name = str(facts.get("activation_func") or "linear").lower()
    if name != "linear" and name not in ACTIVATIONS:
        raise CheckpointError(f"{shown(path)} uses the activation {name[:30]!r}, which is not known here.")
    dropouts = _dropouts(facts, len(sizes))
    last = len(sizes) - 2
    for number, (before, after) in enumerate(pairwise(sizes)):
        yield nn.Linear(before, after)
        if name != "linear" and (number < last or facts.get("activate_output", True)):
            yield ACTIVATIONS[name]()
        if facts.get("is_layer_norm"):
            yield nn.LayerNorm(after)
        if dropouts[number + 1]:
            yield nn.Identity()


def _dropouts(facts: Mapping[str, object], count: int) -> Sequence[bool]:
    """Behind which layers there was a dropout while it was trained."""
    said = facts.get("dropout_structure")
    if isinstance(said, list) and len(said) == count:
        return [isinstance(chance, int | float) and 0 < chance < 1 for chance in said]
    used = bool(facts.get("use_dropout"))
    inner = [used] * (count - 3) + [used and bool(facts.get("last_layer_dropout"))] if count > 2 else []
    return [False, *inner, False]
