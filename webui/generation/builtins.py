"""Our own upscalers and guidance parts, registered through the hooks that every extension uses."""

from collections.abc import Callable

from webui.generation.guidance import BUILTIN_PARTS
from webui.images.upscaling import BUILTIN_UPSCALERS
from webui.plugins.hookspecs import hookimpl
from webui.plugins.types import GuidanceMaker, Upscaler


@hookimpl
def register_upscalers(register: Callable[[Upscaler], None]) -> None:
    """None, Lanczos and Nearest."""
    for upscaler in BUILTIN_UPSCALERS:
        register(upscaler)


@hookimpl
def register_guidance_parts(register: Callable[[GuidanceMaker], None]) -> None:
    """What Forge has as scripts."""
    for part in BUILTIN_PARTS:
        register(part)
