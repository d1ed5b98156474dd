"""What this installation can do: samplers, schedules, upscalers, models and extensions, as web and engines know them."""

from collections.abc import Callable
from typing import Any

from webui.core.protocol import Capabilities, ExtensionFailed, ExtensionState, OptionInfo
from webui.library import KINDS, Library
from webui.plugins.contributions import Contributions
from webui.plugins.manager import Extensions
from webui.preferences import SettingsStore
from webui.samplers.catalog import BUILTIN_SAMPLERS, BUILTIN_SCHEDULES


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

    def described(self) -> dict[str, Any]:
        """Return the body of `GET /api/v1/capabilities`."""
        known = self.current()
        models = {
            kind: [model.model_dump(mode="json", exclude={"path", "identity"}) for model in self._library.models(kind)] for kind in KINDS
        }
        schemas = {name: model.model_json_schema() for name, model in self._contributions.models().items()}
        extensions = [{**state.model_dump(exclude={"path"}), "schema": schemas.get(state.id)} for state in known.extensions]
        return {
            **known.model_dump(mode="json", exclude={"extensions", "type"}),
            "checkpoints": models["checkpoint"],
            "models": models,
            "extensions": extensions,
        }

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
