"""What a model would take of this machine, said before it is fetched: by its header where that is known, else by its base model's name."""

from collections.abc import Sequence

from webui.collection.fit import GB, Fit, Room, fit
from webui.core.family import Header, ModelDefaults, ModelFacts
from webui.core.names import fold
from webui.core.request import FrozenModel
from webui.library.families import Families
from webui.library.native import native

_BASES = (
    ("refiner", "sdxl-refiner"),
    ("sdxl", "sdxl"),
    ("stable-diffusion-xl", "sdxl"),
    ("pony", "sdxl"),
    ("illustrious", "sdxl"),
    ("noobai", "sdxl"),
    ("sd-1", "sd1"),
    ("sd1", "sd1"),
    ("stable-diffusion-v1", "sd1"),
    ("stable-diffusion-1", "sd1"),
    ("sd-2", "sd2"),
    ("sd2", "sd2"),
    ("stable-diffusion-2", "sd2"),
    ("sd-3", "sd3"),
    ("sd3", "sd3"),
    ("stable-diffusion-3", "sd3"),
    ("flux", "flux"),
    ("auraflow", "auraflow"),
    ("lumina", "lumina2"),
    ("qwen", "qwen-image"),
    ("wan", "wan"),
)
"""What the sites call base models, with a hyphen for each space; the first that is in the name counts."""


class Wanted(FrozenModel):
    """What is known of a model at a site: its kind ("" unknown), its base model in words or its name, its bytes (0 unknown)."""

    kind: str = ""
    base: str = ""
    size: int = 0


class Expected(FrozenModel):
    """The kind and family that a model is likely of, and what it takes of each device."""

    kind: str = ""
    family: str = ""
    exact: bool = False
    fits: tuple[Fit, ...] = ()


def family_of_base(base: str) -> str:
    """The family that a base model's name means, "" for one that is not known."""
    word = fold(base).replace(" ", "-")
    return next((family for mark, family in _BASES if mark in word), "")


def expected(families: Families, wanted: Wanted, rooms: Sequence[Room], header: Header | None = None) -> Expected:
    """What a model would be here; with its `header` as exactly as of one that is here."""
    found = families.detect(header) if header is not None else None
    kind = wanted.kind or (found.kind if found is not None and found.kind != "unknown" else "")
    family = found.family if found is not None and found.family != "unknown" else family_of_base(wanted.base)
    if kind != "checkpoint":
        return Expected(kind=kind, family=family, exact=found is not None, fits=_beside(wanted.size) if kind else ())
    spec = families.get(family)
    if not family or not spec.loader:
        return Expected(kind=kind, family=family, exact=found is not None, fits=_not_loaded(spec.title, wanted.size) if family else ())
    is_known = header is not None and found is not None and found.family == family
    facts = ModelFacts.of(header.shapes, spec, header.dtype) if header is not None and is_known else _by_size(spec.facts, wanted.size)
    size: ModelDefaults = native(header, spec.defaults) if header is not None and is_known else spec.defaults
    return Expected(kind=kind, family=family, exact=is_known, fits=tuple(fit(facts, size, room) for room in rooms))


def _by_size(facts: ModelFacts, size: int) -> ModelFacts:
    """The family's usual model; a file too small for 32 bits a weight has 16."""
    return facts.model_copy(update={"in_half": 0 < size < 3 * facts.parameters})


def _beside(size: int) -> tuple[Fit, ...]:
    """A LoRA, VAE or upscaler: what it adds to a checkpoint."""
    if not size:
        return ()
    return (Fit(weights=size, peak=size, outcome="unknown", sentence=f"It adds about {size / GB:.2f} GB to a checkpoint's memory."),)


def _not_loaded(title: str, size: int) -> tuple[Fit, ...]:
    return (Fit(weights=size, fits=False, outcome="not loaded", sentence=f"This version does not load {title}."),)
