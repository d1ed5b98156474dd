"""The families of models that this version loads, by the names that the library knows them by."""

from webui.errors import CheckpointError
from webui.library.family import NAMES, unsupported_message
from webui.models.families.sd1 import SD1
from webui.models.families.sd2 import SD2
from webui.models.families.sdxl import SDXL, SDXLRefiner
from webui.models.families.stable_diffusion import StableDiffusion

FAMILIES: dict[str, StableDiffusion] = {family.name: family for family in (SD1(), SD2(), SDXL(), SDXLRefiner())}


def family_of(name: str, source: str) -> StableDiffusion:
    """The loader of a family. Raises `CheckpointError` that names the family when this version does not load it."""
    if name in FAMILIES:
        return FAMILIES[name]
    if name in NAMES:
        raise CheckpointError(unsupported_message(name, source))
    raise CheckpointError(f"{source} is not a Stable Diffusion checkpoint that this version knows; it loads SD 1.x, SD 2.x and SDXL.")
