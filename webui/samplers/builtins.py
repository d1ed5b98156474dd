"""Our own samplers and schedules, registered through the hooks that every extension uses. No torch."""

from collections.abc import Callable

from webui.plugins.hookspecs import hookimpl
from webui.samplers.catalog import BUILTIN_SAMPLERS, BUILTIN_SCHEDULES, Sampler, Schedule


@hookimpl
def register_samplers(register: Callable[[Sampler], None]) -> None:
    """All of the catalog."""
    for sampler in BUILTIN_SAMPLERS:
        register(sampler)


@hookimpl
def register_schedules(register: Callable[[Schedule], None]) -> None:
    """All of the catalog."""
    for schedule in BUILTIN_SCHEDULES:
        register(schedule)
