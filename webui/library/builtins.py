"""Our own model families, registered through the hook that every extension uses. No torch."""

from collections.abc import Callable

from webui.core.family import FamilySpec
from webui.library.families.stable_diffusion import STABLE_DIFFUSION
from webui.plugins.hookspecs import hookimpl


@hookimpl
def register_families(register: Callable[[FamilySpec], None]) -> None:
    """SD 1.x, SD 2.x, SDXL and its refiner."""
    for spec in STABLE_DIFFUSION:
        register(spec)
