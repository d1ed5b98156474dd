"""What this installation can do: samplers, schedules, upscalers, models and extensions, as web and engines know them."""

import difflib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from webui.core.protocol import OWNERS_TO_SEE, Capabilities, ExtensionFailed, ExtensionState, OptionInfo
from webui.errors import RequestError
from webui.library import KINDS, Library
from webui.plugins.contributions import Contributions
from webui.plugins.manager import Extensions
from webui.preferences import SettingsStore
from webui.samplers.catalog import BUILTIN_SAMPLERS, BUILTIN_SCHEDULES, find_sampler, find_schedule, parse_sampler_name


class CapabilityService:
    """Joins what the engines reported with what the web process knows of extensions."""

    def __init__(
        self,
        reported: Callable[[], Capabilities | None],
        extensions: Extensions,
        contributions: Contributions,
        library: Library,
        settings: SettingsStore,
    ) -> None:
        """`reported` returns what the last engine said it can do; None before the first one."""
        self._reported, self._extensions, self._contributions = reported, extensions, contributions
        self._library, self._settings = library, settings
        self._engine_failures: dict[str, ExtensionState] = {}

    def current(self) -> Capabilities:
        """Return what engines said they can do; before the first one, what is built in."""
        known = self._reported() or builtin_capabilities()
        states = {state.id: state for state in known.extensions}
        merged = tuple(_merged(state, states.get(state.id), self._engine_failures.get(state.id)) for state in self._extensions.states)
        return known.model_copy(update={"extensions": merged})

    def described(self, *, whole: bool = True) -> dict[str, Any]:
        """Return the body of `GET /api/v1/capabilities`; without `whole` no traceback, which names folders of this machine."""
        known = self.current()
        models = {
            kind: [model.model_dump(mode="json", exclude={"path", "identity"}) for model in self._library.models(kind)] for kind in KINDS
        }
        schemas = {name: model.model_json_schema() for name, model in self._contributions.models().items()}
        states = [state if whole or not state.error else state.model_copy(update={"error": OWNERS_TO_SEE}) for state in known.extensions]
        extensions = [{**state.model_dump(exclude={"path"}), "schema": schemas.get(state.id)} for state in states]
        return {
            **known.model_dump(mode="json", exclude={"extensions", "type"}),
            "checkpoints": models["checkpoint"],
            "models": models,
            "extensions": extensions,
        }

    def named_defaults(self, defaults: Mapping[str, Any]) -> dict[str, Any]:
        """A checkpoint's defaults with sampler and schedule by their listed names. Raises `RequestError` for those that are not there."""
        named, known = dict(defaults), self.current()
        if isinstance(sampler := named.get("sampler"), str):
            plain, inside = parse_sampler_name(sampler)
            named["sampler"] = found.name if (found := find_sampler(plain)) else _listed("sampler", plain, known.samplers)
            if inside and not named.get("schedule"):
                named["schedule"] = inside
        if isinstance(schedule := named.get("schedule"), str):
            named["schedule"] = of.name if (of := find_schedule(schedule)) else _listed("schedule", schedule, known.schedules)
        return named

    def switch_extension(self, extension: str, on: bool) -> None:
        """Switch an extension for the next engine; what it adds to the page stays until the app starts again."""
        off = set(self._settings.current().extensions_off)
        self._settings.change({"extensions_off": tuple(sorted(off - {extension} if on else off | {extension}))})
        self._engine_failures.pop(extension, None)
        self._extensions.set_enabled(extension, on)

    def extension_failed(self, failure: ExtensionFailed) -> None:
        """Note that an engine has switched an extension off because it raised."""
        state = next((state for state in self._extensions.states if state.id == failure.extension), None)
        if state is not None:
            self._engine_failures[failure.extension] = state.model_copy(update={"error": failure.traceback, "enabled": False})


def _listed(kind: str, name: str, options: Iterable[OptionInfo]) -> str:
    """The listed name of an extension's sampler or schedule, also by an alias. Raises `RequestError`."""
    names = {key.lower(): option.name for option in options for key in (option.name, *option.aliases)}
    if found := names.get(name.strip().lower()):
        return found
    close = list(dict.fromkeys(names[key] for key in difflib.get_close_matches(name.strip().lower(), names, n=3, cutoff=0.4)))
    hint = f"Did you mean {' or '.join(close)}?" if close else f"There are {', '.join(list(dict.fromkeys(names.values()))[:6])} and others."
    raise RequestError(f"defaults.{kind}", f"There is no {kind} named {name[:80]!r}. {hint}")


def _merged(web: ExtensionState, engine: ExtensionState | None, failed: ExtensionState | None) -> ExtensionState:
    """An extension as both processes see it: broken where it is broken."""
    for state in (failed, engine):
        if state is not None and state.error and state.file_hash == web.file_hash and not web.error:
            return state
    return web


def builtin_capabilities() -> Capabilities:
    """Return what is there without any extension."""
    samplers = tuple(
        OptionInfo(name=entry.name, aliases=entry.aliases, default_schedule=entry.default_schedule) for entry in BUILTIN_SAMPLERS
    )
    schedules = tuple(OptionInfo(name=entry.name, aliases=entry.aliases) for entry in BUILTIN_SCHEDULES)
    return Capabilities(samplers=samplers, schedules=schedules)
