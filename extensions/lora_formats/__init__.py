"""Read the files of LoRA and its kin, asked for by `<lora:name:0.8>` in the prompt: LoRA, LoCon, LoHa, LoKr, DoRA, GLoRA, IA3, OFT, BOFT,
whole differences, norm layers and whole weights, in the names of every trainer. Each kind has a file of its own here.
"""

from collections.abc import Iterator
from pathlib import Path

from webui import LoraLoader, WeightChange, hookimpl, lora_layers

TITLE = "LoRA formats"
VERSION = "1.0"

COMMON = {"alpha", "ia3"}
"""Parts whose names other files have too: `.alpha`, `.weight`."""


def matches(names):
    """Told the file's tensor names: is anything in it ours to read?"""
    return any(parts.keys() - COMMON for parts in lora_layers(names).values())


def load(path: Path) -> Iterator[WeightChange]:
    """The changes of every layer in the file."""
    from webui import read_tensors

    from .kinds import changes

    tensors = read_tensors(path)
    for layer, names in lora_layers(tensors).items():
        yield from changes(layer, names, tensors)


@hookimpl
def register_lora_loaders(register):
    register(LoraLoader("lora", matches, load, aliases=("kohya", "lycoris")))
