"""What an extension and core say to each other about LoRA and its kin: files become named weight changes. Importing this loads no torch."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class WeightChange:
    """One change of one layer, given as `delta` or as `transform`.

    `target` names the layer as the file does: `lora_unet_…`, `unet.…`, `text_encoder.…`, `diffusion_model.…` and the like, with the
    layer's name in diffusers', transformers' or CompVis' words; dots may be underscores.

    `delta(weight)` gives what is added at strength 1. `transform(weight, strength)` gives the whole new weight: for changes that depend on
    the weight that is there, or are not proportional to the strength. Both are told the weight as the adapters named before have left it,
    in float32, and must leave it alone.

    `parameter` is "weight" or "bias". `keys` are the names of the file's tensors that it is made of: what no change names is counted, and
    the user is told that it was left out.
    """

    target: str
    delta: "Callable[[Tensor], Tensor] | None" = None
    parameter: str = "weight"
    keys: tuple[str, ...] = ()
    transform: "Callable[[Tensor, float], Tensor] | None" = None

    def __post_init__(self) -> None:
        """Raises ValueError where there is no change, or two."""
        if (self.delta is None) == (self.transform is None):
            raise ValueError(f"the change of {self.target} needs either a delta or a transform")

    def apply(self, weight: "Tensor", strength: float) -> "Tensor":
        """The weight with this change on, as a new tensor of the same shape. Raises RuntimeError or ValueError where it does not fit."""
        if self.transform is not None:
            return self.transform(weight, strength).reshape(weight.shape)
        assert self.delta is not None
        return weight.add(self.delta(weight).to(weight).reshape(weight.shape), alpha=strength)


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
