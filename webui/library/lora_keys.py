"""What the tensors of a LoRA file are by their names: which layer each belongs to, as which part of which kind of change.

`lora_layers` is what the bundled loaders group a file's tensors by; `left_out` says in the list of models what nobody reads.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import NamedTuple

from webui.library.models import VECTORS, VECTORS_OF_ENCODERS

Parts = Mapping[str, str]
"""Of one layer: the name of each tensor, by the part that it is."""
_ENDINGS: dict[str, tuple[str, ...]] = {
    "up": (".lora_up.weight", ".lora_B.weight", ".lora_B", ".lora_linear_layer.up.weight", ".lora.up.weight", "_lora.up.weight"),
    "down": (".lora_down.weight", ".lora_A.weight", ".lora_A", ".lora_linear_layer.down.weight", ".lora.down.weight", "_lora.down.weight"),
    "mid": (".lora_mid.weight",),
    "up_bias": (".lora_B.bias",),
    "alpha": (".alpha",),
    "dora_scale": (".dora_scale",),
    "magnitude": (".lora_magnitude_vector", ".lora_magnitude_vector.weight"),
    "diff": (".diff",),
    "diff_bias": (".diff_b",),
    "norm": (".w_norm",),
    "norm_bias": (".b_norm",),
    "set": (".set_weight",),
    "a1": (".a1.weight",),
    "a2": (".a2.weight",),
    "b1": (".b1.weight",),
    "b2": (".b2.weight",),
    "oft_blocks": (".oft_blocks",),
    "oft_diag": (".oft_diag",),
    "oft_inputs": (".oft_R.weight",),
    "oft_scaled": (".oft_R.scaled_oft",),
    "rescale": (".rescale",),
    "on_input": (".on_input",),
    "ia3": (".weight",),
    **{name: ("." + name,) for name in ("hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b", "hada_t1", "hada_t2")},
    **{name: ("." + name,) for name in ("lokr_w1", "lokr_w1_a", "lokr_w1_b", "lokr_w2", "lokr_w2_a", "lokr_w2_b", "lokr_t2")},
}
_BY_LENGTH = sorted(((end, part) for part, ends in _ENDINGS.items() for end in ends), key=lambda pair: -len(pair[0]))
_LONGEST_ENDING = len(_BY_LENGTH[0][0])
_LOHA = ("hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b")
_LOKR = tuple(
    (*first, *second) for first in (("lokr_w1",), ("lokr_w1_a", "lokr_w1_b")) for second in (("lokr_w2",), ("lokr_w2_a", "lokr_w2_b"))
)


class Kind(NamedTuple):
    """A kind of change: what it changes, the parts that it needs (any one of the sets), and those that it may have besides an alpha."""

    name: str
    parameter: str
    needs: tuple[tuple[str, ...], ...]
    may_have: tuple[str, ...] = ()


KINDS = (
    Kind("ia3", "weight", (("ia3", "on_input"),)),
    Kind("oft", "weight", (("oft_blocks",), ("oft_diag",)), ("rescale",)),
    Kind("oft_inputs", "weight", (("oft_inputs",),), ("oft_scaled",)),
    Kind("lora", "weight", (("up", "down"),), ("mid", "dora_scale", "magnitude")),
    Kind("loha", "weight", (_LOHA,), ("hada_t1", "hada_t2", "dora_scale")),
    Kind("lokr", "weight", _LOKR, ("lokr_t2", "dora_scale")),
    Kind("glora", "weight", (("a1", "a2", "b1", "b2"),), ("dora_scale",)),
    Kind("norm", "weight", (("norm",),)),
    Kind("diff", "weight", (("diff",),)),
    Kind("set", "weight", (("set",),)),
    Kind("lora", "bias", (("up_bias", "down"),)),
    Kind("norm", "bias", (("norm_bias",),)),
    Kind("diff", "bias", (("diff_bias",),)),
)
"""Where a layer has what several kinds need, the last one counts, as in Forge."""
_WORDS = (
    ("plain LoRA", ("up", "down", "mid", "up_bias")),
    ("alphas of these", ("alpha",)),
    ("DoRA scales", ("dora_scale", "magnitude")),
    ("LoHa", (*_LOHA, "hada_t1", "hada_t2")),
    ("LoKr", ("lokr_w1", "lokr_w1_a", "lokr_w1_b", "lokr_w2", "lokr_w2_a", "lokr_w2_b", "lokr_t2")),
    ("whole differences", ("diff",)),
    ("whole weights", ("set",)),
    ("biases", ("diff_bias",)),
    ("norm layers", ("norm", "norm_bias")),
    ("OFT", ("oft_blocks", "oft_diag", "oft_inputs", "oft_scaled", "rescale")),
    ("GLoRA", ("a1", "a2", "b1", "b2")),
    ("IA3", ("on_input",)),
)
BUNDLED = "bundle_emb."
"""How the names of embeddings begin that a LoRA brings along."""
_OTHERS = ("lora_te3_", "text_encoder_3.", "text_encoders.t5")
_BY_START = ((("a third text encoder"), _OTHERS), ("embeddings", (BUNDLED,)), ("a control model", ("control_model.",)))
_BY_END = (("biases", (".bias", ".bias_values", ".bias_indices", ".bias_size")), ("PEFT's first OFT", (".oft_r",)))


def lora_layers(names: Iterable[str]) -> dict[str, dict[str, str]]:
    """A file's tensors by layer and by part: `{"lora_unet_x": {"up": "lora_unet_x.lora_up.weight", …}}`.

    Parts are called the same whichever trainer wrote them: up, down, mid, alpha, dora_scale, hada_w1_a, lokr_w1, a1, diff, norm, set …
    """
    layers: dict[str, dict[str, str]] = {}
    for name in names:
        found = _split(name)
        if found is not None and not _foreign(name):
            layers.setdefault(found[0], {})[found[1]] = name
    return layers


def lora_kinds(parts: Parts) -> list[tuple[str, str, tuple[str, ...]]]:
    """What a layer's tensors change: (kind, "weight" or "bias", names of the tensors that it is made of), at most one for each."""
    found: dict[str, tuple[str, str, tuple[str, ...]]] = {}
    for name, parameter, wanted in _applying(frozenset(parts)):
        found[parameter] = name, parameter, tuple(parts[part] for part in wanted)
    return list(found.values())


@lru_cache(maxsize=1000)
def _applying(parts: frozenset[str]) -> tuple[tuple[str, str, tuple[str, ...]], ...]:
    """What parts of these names change: a file has hundreds of layers, and of their sets of names a handful."""
    found = []
    for kind in KINDS:
        need = next((need for need in kind.needs if parts.issuperset(need)), None)
        if need is not None:
            wanted = dict.fromkeys((*need, *kind.may_have, "alpha"))
            found.append((kind.name, kind.parameter, tuple(part for part in wanted if part in parts)))
    return tuple(found)


def kind_of(name: str) -> str:
    """What a tensor is, in words."""
    for table, fits in ((_BY_START, name.startswith), (_BY_END, name.endswith)):
        if found := next((kind for kind, marks in table if fits(marks)), ""):
            return found
    part = _split(name)
    return next((kind for kind, parts in _WORDS if part is not None and part[1] in parts), "unknown names")


def counted(names: Iterable[str]) -> str:
    """Tensors by their kind, the most first: `56 of LoHa, 28 of DoRA scales`."""
    counts = Counter(kind_of(name) for name in names)
    return ", ".join(f"{count} of {kind}" for kind, count in counts.most_common())


def left_out(names: Iterable[str]) -> str:
    """What the list of models says of a file of which not everything is read; empty where all is."""
    return _left_out(tuple(names))


@lru_cache(maxsize=32)
def _left_out(listed: tuple[str, ...]) -> str:
    """The same trainer gives the same names to thousands of files."""
    read = {name for parts in lora_layers(listed).values() for _, _, names in lora_kinds(parts) for name in names}
    unread = [name for name in listed if name not in read and not _is_bundled(name)]
    if not unread:
        return ""
    if len(unread) == len(listed):
        return f"Nothing in it is read yet: {counted(unread)}."
    return f"Read in part: {len(unread)} of its {len(listed)} tensors are left out ({counted(unread)})."


def _is_bundled(name: str) -> bool:
    """Whether it is vectors of an embedding that travels with a LoRA."""
    return name.startswith(BUNDLED) and name.removeprefix(BUNDLED).partition(".")[2] in (*VECTORS, *VECTORS_OF_ENCODERS)


def _foreign(name: str) -> bool:
    return any(name.startswith(starts) for _, starts in _BY_START)


def _split(name: str) -> tuple[str, str] | None:
    """(layer, part) of a tensor's name, None where it is no part of a change."""
    name = _without_adapter(name)
    found = _ending(name[-_LONGEST_ENDING:])
    return None if found is None else (name.removesuffix(found[0]), found[1])


@lru_cache(maxsize=10_000)
def _ending(tail: str) -> tuple[str, str] | None:
    """The part that a name ends with: the same few hundred ends in all files."""
    return next(((end, part) for end, part in _BY_LENGTH if tail.endswith(end)), None)


def _without_adapter(name: str) -> str:
    """PEFT writes an adapter's own name between: `lora_A.default.weight`."""
    head, _, last = name.rpartition(".")
    layer, _, _adapter = head.rpartition(".")
    return f"{layer}.{last}" if layer.endswith((".lora_A", ".lora_B", ".lora_magnitude_vector", ".oft_R")) else name
