"""What a model family is, without torch: how its files are known, its latents, its defaults, its memory, and what it can do.

One `FamilySpec` per family is the whole knowledge of it outside of its loader. Web and engine read the same ones.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib import import_module
from typing import Any, Literal, NamedTuple

from pydantic import Field

from webui.core.request import FrozenModel

LatentRgb = tuple[tuple[float, float, float], ...]
Shapes = Mapping[str, tuple[int, ...]]
"""Tensor names with shapes, as a file's header has them."""

Feature = Literal[
    "negative_prompt",
    "emphasis",
    "clip_skip",
    "img2img",
    "inpaint",
    "hires",
    "lora",
    "tiling",
    "size_conditioning",
    "diffusers",
    "attention_couple",
]
ALL_FEATURES: frozenset[Feature] = frozenset(
    ("negative_prompt", "emphasis", "clip_skip", "img2img", "inpaint", "hires", "lora", "tiling", "diffusers")
)
"""What a family of UNets with CLIP's text encoders does. "diffusers" is the profile of that name.

Beyond these: "size_conditioning", and "attention_couple" where the denoiser takes a `Couple`."""


class Header(FrozenModel):
    """A file's tensors, `shapes` by name, and `metadata` as its maker wrote it.

    Of a folder as diffusers saves it: tensors as `part.name`, and `configs` of its parts ("" is model_index.json). `dtype` is the format's
    name of the type (such as F16) that most of the numbers have, "" where that is not told.
    """

    shapes: dict[str, tuple[int, ...]]
    metadata: dict[str, str] = Field(default_factory=dict)
    configs: dict[str, dict[str, Any]] = Field(default_factory=dict)
    dtype: str = ""

    @cached_property
    def lines(self) -> str:
        """The tensors' names, each after a newline."""
        return "\n" + "\n".join(self.shapes)

    def begins(self, *beginnings: str) -> bool:
        """Whether a tensor's name begins with one of these. It is asked dozens of times of each file: one search in a text is quick."""
        lines = self.lines
        for each in beginnings:
            if f"\n{each}" in lines:
                return True
        return False


class ModelDefaults(FrozenModel):
    """What a checkpoint was made for: the values of a request that says nothing."""

    width: int = 512
    height: int = 512
    steps: int = 20
    sampler: str = "DPM++ 2M"
    schedule: str = "Karras"
    guidance: float = 7.0


@dataclass(frozen=True)
class LatentFormat:
    """The latents that a family's network works on.

    A latent is (the VAE's own - `shift`) · `scale`. `rgb` are colours in -1…1 of each channel, and a bias, for previews. `taesd` is the
    name of TAESD's small decoder in VAE-approx. Models of the same `space` have interchangeable latents.
    """

    channels: int = 4
    downscale: int = 8
    scale: float = 1.0
    shift: float = 0.0
    rgb: LatentRgb | None = None
    taesd: str = ""
    space: str = ""


class MemoryEstimate(FrozenModel):
    """Bytes: all weights, the largest part's weights, the largest block's, and what the computing adds."""

    weights: int
    part: int
    block: int
    work: int

    @property
    def total(self) -> int:
        return self.weights + self.work


class ModelFacts(FrozenModel):
    """What the memory estimate needs to know of a checkpoint: numbers of parameters, the first level's channels, its latents' scale.

    `most_pixels`: of a picture the denoiser sees so many at once, 0: all. `in_half`: its file holds the weights in 16 bits.
    """

    unet: int = 859_520_964
    vae: int = 83_653_863
    text: int = 123_060_480
    depth: int = 0
    unet_channels: int = 320
    vae_channels: int = 128
    downscale: int = 8
    multiple_of: int = 8
    most_pixels: int = 0
    in_half: bool = False
    memory: "Callable[[SizeRequest], MemoryEstimate] | None" = None

    @classmethod
    def of(cls, shapes: Shapes, spec: "FamilySpec | None" = None, dtype: str = "") -> "ModelFacts":
        """Counted from a file's tensors by name; what they do not tell is the family's usual (without a family: SD 1.5's).

        `dtype`: the type of most of its weights, as safetensors names it.
        """
        names, usual = (spec.parts, spec.facts) if spec is not None else (PartNames(), cls())
        counts = {"unet": _count(shapes, names.unet), "vae": _count(shapes, names.vae), "text": _count(shapes, names.text)}
        counts["depth"] = _count(shapes, names.depth)
        first = {"unet_channels": names.unet_first, "vae_channels": names.vae_first}
        channels = {name: shapes[key][0] for name, keys in first.items() for key in keys if shapes.get(key)}
        told = {name: value for name, value in (counts | channels).items() if value}
        return usual.model_copy(update={**told, "in_half": dtype in ("F16", "BF16")})

    @property
    def parameters(self) -> int:
        """Of all parts."""
        return self.unet + self.vae + self.text + self.depth


class SizeRequest(NamedTuple):
    """What memory is asked for: a batch of this size in pixels, computed in `dtype` by a model of this size."""

    facts: ModelFacts
    width: int
    height: int
    batch: int
    dtype: str


@dataclass(frozen=True)
class PartNames:
    """How a file names the tensors of each part: prefixes, and the first convolutions, whose first side tells the width."""

    unet: tuple[str, ...] = ("model.diffusion_model.", "unet.", "transformer.")
    vae: tuple[str, ...] = ("first_stage_model.", "vae.")
    text: tuple[str, ...] = ("cond_stage_model.", "conditioner.", "text_encoder")
    depth: tuple[str, ...] = ("depth_model.", "depth_estimator.")
    unet_first: tuple[str, ...] = ("model.diffusion_model.input_blocks.0.0.weight", "unet.conv_in.weight")
    unet_last: tuple[str, ...] = ("model.diffusion_model.out.2.weight", "unet.conv_out.weight")
    vae_first: tuple[str, ...] = ("first_stage_model.encoder.conv_in.weight", "vae.encoder.conv_in.weight")


def no_file(header: Header) -> str | None:
    """Knows no file."""
    return None


@dataclass(frozen=True, eq=False)
class FamilySpec:
    """A family of models, for `register_families`.

    `detect` is given a file's header and returns the variant ("" for the plain model) when the file is one of the family, else None.
    `loader` is a function `load(weights, context) -> LoadedModel`, or its import string ("package.module:name"); without one files are
    listed under the family's name and refused. `process` is "flow" for rectified flow. Sides are multiples of `multiple_of` pixels.
    `memory` takes the place of the general estimate.
    """

    name: str
    title: str
    latent: LatentFormat = LatentFormat()
    detect: Callable[[Header], str | None] = no_file
    loader: str | Callable[..., Any] = ""
    defaults: ModelDefaults = ModelDefaults()
    variants: tuple[str, ...] = ("",)
    multiple_of: int = 8
    process: Literal["ve", "flow"] = "ve"
    supports: frozenset[str] = ALL_FEATURES
    whole: bool = True
    """Whether one file alone makes a picture: a request without a checkpoint takes one of these first."""
    parts: PartNames = PartNames()
    needs: tuple[str, ...] = ()
    """Parts ("vae", "text") that may be missing in a file, and are then taken from another one by the user's choice."""
    usual: ModelFacts = ModelFacts()
    """Taken for what a file's header does not tell."""
    memory: Callable[[SizeRequest], MemoryEstimate] | None = None
    schedule_table: str = ""
    """Whose published noise levels suit it: "" for Stable Diffusion 1's, "sdxl" for SDXL's."""
    aliases: tuple[str, ...] = field(default=(), kw_only=True)

    @property
    def load(self) -> Callable[..., Any]:
        """The loader, imported when asked for: in the engine only."""
        if callable(self.loader):
            return self.loader
        module, _, name = self.loader.partition(":")
        return getattr(import_module(module), name)  # type: ignore[no-any-return]

    def lacks(self, shapes: Shapes) -> tuple[str, ...]:
        """Which of the parts that a picture needs are not in a file. A piece of a denoiser is no checkpoint that lacks something."""
        if not any(name in shapes for name in self.parts.unet_last):
            return ()
        return tuple(part for part in self.needs if not _count(shapes, getattr(self.parts, part)))

    @property
    def facts(self) -> ModelFacts:
        """The family's usual size, with what else the estimate asks of the family."""
        own = {"downscale": self.latent.downscale, "multiple_of": self.multiple_of, "memory": self.memory}
        return self.usual.model_copy(update=own)


def _count(shapes: Shapes, prefixes: tuple[str, ...]) -> int:
    total = 0
    for name, shape in shapes.items():
        if name.startswith(prefixes):
            count = 1
            for side in shape:
                count *= side
            total += count
    return total
