"""What a family's loader is given besides the weights."""

import re
from dataclasses import dataclass
from pathlib import Path

from webui.core.family import FamilySpec
from webui.core.foreign import read_foreign, read_whole
from webui.core.job import Plan
from webui.library import ModelFile
from webui.library.families import Architecture
from webui.models.placement import Placement
from webui.models.weights import Progress, WeightSource


@dataclass(frozen=True)
class LoadContext:
    """The listed file with the hash of its content, what it was recognised as, the plan, and other files'
    VAE and text encoders if they were chosen."""

    spec: FamilySpec
    file: ModelFile
    digest: str
    architecture: Architecture
    plan: Plan
    progress: Progress
    vae: WeightSource | None = None
    vae_name: str = ""
    texts: WeightSource | None = None

    @property
    def placement(self) -> Placement:
        """Where and how the plan wants the weights."""
        return Placement.of(self.plan)


MAX_YAML = 2**20
_V_IN_YAML = re.compile(r"""^[^\S\n]*parameterization:[^\S\n]*["']?v["']?[^\S\n]*$""", re.MULTILINE)


def prediction_beside(path: Path, detected: str) -> str:
    """A1111's convention for files that say nothing: a .yaml of the same name beside them."""
    text = read_foreign(path.with_suffix(".yaml"), lambda beside: read_whole(beside, MAX_YAML).decode(errors="replace"))
    return "v" if isinstance(text, str) and _V_IN_YAML.search(text) else detected
