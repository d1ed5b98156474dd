"""What the tensors of a LoRA file are by their names, so that those which nobody reads can be counted and named."""

from collections import Counter
from collections.abc import Iterable

READ = (".lora_down.weight", ".lora_up.weight", ".lora_mid.weight", ".alpha")
"""Ends of names that the loader which comes with Darkroom reads: kohya's plain LoRA. The list of models counts by these."""
_BY_END: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("DoRA scales", (".dora_scale", ".lora_magnitude_vector", ".lora_magnitude_vector.weight")),
    ("LoHa", (".hada_w1_a", ".hada_w1_b", ".hada_w2_a", ".hada_w2_b", ".hada_t1", ".hada_t2")),
    ("LoKr", (".lokr_w1", ".lokr_w1_a", ".lokr_w1_b", ".lokr_w2", ".lokr_w2_a", ".lokr_w2_b", ".lokr_t2")),
    ("whole differences", (".diff",)),
    ("biases", (".diff_b", ".bias", ".bias_values", ".bias_indices", ".bias_size")),
    ("norm layers", (".w_norm", ".b_norm")),
    ("OFT", (".oft_blocks", ".oft_diag", ".rescale")),
    ("GLoRA", (".a1.weight", ".a2.weight", ".b1.weight", ".b2.weight")),
    ("IA3", (".on_input",)),
    ("diffusers' LoRA", (".lora_A.weight", ".lora_B.weight", ".lora.down.weight", ".lora.up.weight")),
    ("alphas of these", (".alpha",)),
    ("plain LoRA", READ),
)  # fmt: skip
_OTHERS = ("lora_te3_",)
_BY_START = (("a third text encoder", _OTHERS), ("embeddings", ("bundle_emb.",)), ("a control model", ("control_model.",)))


def kind_of(name: str) -> str:
    """What a tensor is, in words."""
    by_start = next((kind for kind, starts in _BY_START if name.startswith(starts)), "")
    return by_start or next((kind for kind, ends in _BY_END if name.endswith(ends)), "unknown names")


def counted(names: Iterable[str]) -> str:
    """Tensors by their kind, the most first: `56 of LoHa, 28 of DoRA scales`."""
    counts = Counter(kind_of(name) for name in names)
    return ", ".join(f"{count} of {kind}" for kind, count in counts.most_common())


def left_out(names: Iterable[str]) -> str:
    """What the list of models says of a file of which not everything is read; empty where all is."""
    listed = list(names)
    whole = {name.removesuffix(READ[0]) for name in listed if name.endswith(READ[0])}
    whole &= {name.removesuffix(READ[1]) for name in listed if name.endswith(READ[1])}
    read = {layer + ending for layer in whole if not layer.startswith(_OTHERS) for ending in READ}
    unread = [name for name in listed if name not in read]
    if not unread:
        return ""
    if len(unread) == len(listed):
        return f"Nothing in it is read yet: {counted(unread)}."
    return f"Read in part: {len(unread)} of its {len(listed)} tensors are left out ({counted(unread)})."
