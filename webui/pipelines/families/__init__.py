"""One file per model family: its tensors' names, how its parts are built, what its latents mean."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol, cast

from torch import Tensor, nn

from webui.errors import CheckpointError
from webui.library.family import NAMES, to_come
from webui.pipelines.families import sd1
from webui.pipelines.place import Place
from webui.pipelines.weights import Progress, Weights

if TYPE_CHECKING:
    from webui.prompts.tokenizer import ClipTokenizer


class Family(Protocol):
    """What a family's module offers."""

    VARIANTS: tuple[str, ...]

    def build_unet(self, weights: Weights, place: Place, tick: Progress) -> nn.Module: ...
    def build_vae(self, weights: Weights, place: Place, tick: Progress) -> nn.Module: ...
    def build_text_encoder(self, weights: Weights, place: Place, tick: Progress) -> nn.Module: ...
    def unet_names(self, unet: nn.Module) -> Iterator[tuple[str, str]]: ...
    def tokenizer(self, weights: Weights) -> "ClipTokenizer": ...
    def alphas_cumprod(self, weights: Weights) -> Tensor: ...
    def latent_space(self, weights: Weights) -> str: ...
    def latent_rgb(self, weights: Weights) -> tuple[tuple[float, float, float], ...] | None: ...


FAMILIES: dict[str, Family] = {"sd1": cast(Family, sd1)}


def family_of(name: str, source: str) -> Family:
    """The module of a family. Raises `CheckpointError` that names the family when this version does not load it."""
    if name in FAMILIES:
        return FAMILIES[name]
    if name in NAMES:
        raise CheckpointError(to_come(name, source))
    raise CheckpointError(f"{source} is not a Stable Diffusion checkpoint that this version knows; it loads SD 1.x.")
