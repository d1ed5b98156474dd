"""What an extension and core say to each other about LoRA and its kin: files become named weight changes. Importing this loads no torch."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class WeightChange:
    """One change of one layer.

    `target` names the layer: `unet.` or `text_encoder.`, then the layer's name as diffusers or transformers (or CompVis) has it;
    dots may be underscores. `delta(base)` gives what is added to the layer's `parameter` at strength 1: float32, of the shape of
    `base`, which it must leave alone. `keys` are the names of the file's tensors that it is made of: what no change names is counted, and
    the user is told that it was left out.
    """

    target: str
    delta: "Callable[[Tensor], Tensor]"
    parameter: str = "weight"
    keys: tuple[str, ...] = ()


@dataclass(frozen=True)
class LoraLoader:
    """A reader of one file format, for `register_lora_loaders`.

    `matches` is told the names of the file's tensors; the first loader that says yes reads the file with `load`, which may raise
    `CheckpointError` (or ValueError, KeyError, OSError) for a file that is broken: then the picture is made without it, with a note.
    """

    name: str
    matches: Callable[[frozenset[str]], bool]
    load: Callable[[Path], Iterable[WeightChange]]
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True)
class LoraUse:
    """`<lora:name:text:unet>` of a prompt."""

    name: str
    text: float = 1.0
    unet: float = 1.0
