"""Which upscaler is offered first."""

from importlib.util import find_spec

from webui.core.finish import OWN_UPSCALER
from webui.library.scan import Library


def usual_upscaler(library: Library) -> str:
    """Our own network, or Lanczos where it or what reads it is not there."""
    there = any(file.name == OWN_UPSCALER and not file.error for file in library.models("upscaler"))
    return OWN_UPSCALER if there and find_spec("spandrel") else "Lanczos"
