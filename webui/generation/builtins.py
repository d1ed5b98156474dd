"""Our own upscalers, registered through the hook that every extension uses."""

from collections.abc import Callable

from webui.images.upscaling import BUILTIN_UPSCALERS
from webui.plugins.hookspecs import hookimpl
from webui.plugins.types import Upscaler


@hookimpl
def register_upscalers(register: Callable[[Upscaler], None]) -> None:
    """None, Lanczos and Nearest."""
    for upscaler in BUILTIN_UPSCALERS:
        register(upscaler)
