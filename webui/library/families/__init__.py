"""The families of models that are known, each a `FamilySpec`: which family a file is of, and what that means. No torch."""

import sys
import traceback
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from webui.core.family import FamilySpec, Header
from webui.core.registry import Registry
from webui.core.request import FrozenModel
from webui.library.families.others import OTHER_FAMILIES, OTHER_KINDS
from webui.library.families.stable_diffusion import STABLE_DIFFUSION
from webui.plugins.discovery import extension_folders
from webui.plugins.manager import Extensions
from webui.settings import Settings

__all__ = ["BUILTIN", "NEEDS_PICTURE", "Architecture", "Families", "detect", "families_of", "register_all"]


_WHY = {
    "depth": ", for it also sees a depth map, which here only checkpoints of SD 2.x do",
    "upscaling": ", for it sees a small picture besides noise",
}
"""What keeps a sort of model from being loaded."""
NEEDS_PICTURE = "{} makes a picture with the depth of another one. Choose img2img, or another checkpoint."
"""Said of a depth checkpoint without a picture to start from."""
_SORTS = {"": "text", "inpaint": "inpainting", "ip2p": "pix2pix"}


class Architecture(FrozenModel):
    """`family` is a `FamilySpec`'s name (or "unknown"), `variant` "", "inpaint", "ip2p", "depth" …, `kind` the sort of file."""

    family: str = "unknown"
    variant: str = ""
    prediction: str = "eps"
    kind: str = "unknown"


@dataclass(frozen=True)
class Families:
    """Those of extensions first: they know their files best. `version` changes with what recognises files."""

    specs: tuple[FamilySpec, ...]
    version: str = ""

    def get(self, name: str) -> FamilySpec:
        """The family of a name; an empty one for a name that is not known."""
        found = next((spec for spec in self.specs if spec.name == name), None)
        return found or FamilySpec(name, name, loader="", whole=False)

    def __contains__(self, name: object) -> bool:
        return any(spec.name == name for spec in self.specs)

    @property
    def loaded(self) -> tuple[FamilySpec, ...]:
        """Those whose checkpoints can be used."""
        return tuple(spec for spec in self.specs if spec.loader)

    def is_whole(self, name: str) -> bool:
        """Whether one file of this family makes a picture."""
        spec = self.get(name)
        return bool(spec.loader) and spec.whole

    def rank(self, family: str, variant: str) -> tuple[bool, bool]:
        """Sorts what who names no checkpoint gets: first what makes a picture alone, and of that what needs no other picture for it."""
        return not self.is_whole(family), variant == "depth"

    def unsupported_message(self, name: str, source: str) -> str:
        """The sentence for a file of a family that is known by name and not loaded."""
        return f"{source} is {self.get(name).title}: coming; this version loads {self.loaded_titles}."

    def refusal(self, family: str, variant: str, source: str, engines: Collection[str] = ()) -> str:
        """Why no checkpoint of this family and variant is loaded, as a sentence about `source`; nothing where one is.

        `engines` are the families that engines said they load, if they have.
        """
        spec = self.get(family)
        if family not in self:
            return f"{source} is not a checkpoint that this version knows; it loads {self.loaded_titles}."
        if not spec.loader or (engines and family not in engines):
            return self.unsupported_message(family, source)
        if variant not in spec.variants:
            said = f"{source} is {spec.title} of another sort ({variant}), which this version does not load"
            return f"{said}{_WHY.get(variant, '')}: it loads {_sorts(spec)} models."
        return ""

    @property
    def loaded_titles(self) -> str:
        """The families that are loaded, for a sentence."""
        known = [spec for spec in (*reversed(STABLE_DIFFUSION), *self.loaded) if spec.whole]
        titles = list(dict.fromkeys(spec.title.replace("Stable Diffusion", "SD") for spec in known))
        return ", ".join(titles[:-1]) + (" and " if titles[:-1] else "") + titles[-1]

    def detect(self, header: Header) -> Architecture:
        """Name a file's architecture by its tensors' names and shapes."""
        for spec in self.specs:
            if (variant := _variant(spec, header)) is not None:
                prediction = "flow" if spec.process == "flow" else _prediction(header)
                return Architecture(family=spec.name, variant=variant, prediction=prediction, kind="checkpoint")
        return Architecture(kind=next((kind for kind, fits in OTHER_KINDS if fits(header)), "unknown"))


def _sorts(spec: FamilySpec) -> str:
    *most, last = (_SORTS.get(variant, variant) for variant in spec.variants)
    return f"{', '.join(most)} and {last}" if most else last


def _variant(spec: FamilySpec, header: Header) -> str | None:
    """What the family says of the file. One that fails to look at it does not know it: another one may."""
    try:
        return spec.detect(header)
    except Exception:
        traceback.print_exc(file=sys.stderr)
        return None


def _prediction(header: Header) -> str:
    scheduled = header.configs.get("scheduler", {}).get("prediction_type")
    said = scheduled or header.metadata.get("modelspec.prediction_type") or header.metadata.get("prediction_type") or ""
    if "v_pred" in header.shapes or said in ("v", "v_prediction", "v-prediction"):
        return "v"
    return "eps"


BUILTIN = Families((*OTHER_FAMILIES[:-1], *STABLE_DIFFUSION, *OTHER_FAMILIES[-1:]))
"""The last one fits whatever is a UNet and of no family before it."""


def detect(header: Header) -> Architecture:
    """Name a file's architecture, as far as it is of a built-in family."""
    return BUILTIN.detect(header)


def register_all(extensions: Extensions) -> Families:
    """The families of the built-in plugins and of the extensions, through `register_families`."""
    registry: Registry[FamilySpec] = Registry("family", "checkpoint")
    extensions.fill("register_families", registry)
    added = [spec for spec in registry if spec not in BUILTIN.specs]
    names = {spec.name for spec in added}  # a family that is only known by name gives way
    kept = (spec for spec in BUILTIN.specs if spec.name not in names)
    return Families((*added, *kept), _version(added, extensions, registry)) if added else BUILTIN


def families_of(settings: Settings) -> Families:
    """The families that web would know with these settings, for a command that lists models without it."""
    extensions = Extensions("web")
    extensions.load(extension_folders(settings), settings.extensions_off, ("register_families",))
    return register_all(extensions)


def _version(added: Iterable[FamilySpec], extensions: Extensions, registry: "Registry[FamilySpec]") -> str:
    hashes = {state.id: state.file_hash[:8] for state in extensions.states}
    return ",".join(f"{spec.name}@{hashes.get(registry.owner(spec.name), '')}" for spec in added)
