"""Load, list and switch off extensions; one caller for every hook, so that a broken extension never breaks the app."""

import importlib.util
import sys
import traceback
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import pluggy

from webui.core.protocol import ExtensionState
from webui.core.registry import Registry
from webui.errors import ExtensionError, JobCancelled, RequestError
from webui.plugins import hookspecs
from webui.plugins.discovery import HOOKS, extension_files, inspect_file

Process = Literal["web", "engine"]
_HEAVY = ("torch", "diffusers", "transformers")
_PACKAGE = "darkroom_extensions"
"""Extensions are modules of this package, which has no folder."""


class Extensions:
    """The extensions of one process: what was found, what is on, what failed, and the caller of hooks."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self._manager = pluggy.PluginManager(hookspecs.NAMESPACE)
        self._manager.add_hookspecs(hookspecs)
        self._states: dict[str, ExtensionState] = {}
        self.on_failure: Callable[[str, str, str], None] = lambda extension, hook, text: None

    def add_builtin(self, name: str, module: object) -> None:
        """Register one of our own plugins; those are not listed, and an error in them is ours."""
        self._manager.register(module, name=name)

    def load(self, folders: Iterable[Path], off: Iterable[str] = (), hooks: Collection[str] = tuple(HOOKS)) -> None:
        """Look through `folders` and import what implements a hook of this process and is not `off`.

        Who will call `hooks` alone names them; what implements none of them is listed without being imported.
        """
        called = {name for name in hooks if HOOKS[name] in (self.process, "both")}
        for path in extension_files(folders):
            state = inspect_file(path)
            if state.id in self._states:
                state = state.model_copy(
                    update={
                        "error": f"Another extension of this name is loaded from {self._states[state.id].path}.",
                        "id": f"{state.id}@{path.parent.name}",
                    }
                )
            self._states[state.id] = state.model_copy(update={"enabled": state.id not in set(off)})
            if not state.error and state.id not in set(off) and called.intersection(state.hooks):
                self._import(state, path)

    def call(self, hook: str, **arguments: Any) -> Iterator[tuple[str, Any]]:
        """Call `hook` of each plugin in order of registration and give (owner, result) for results that are not None.

        An extension that raises is switched off and named; the others go on. `RequestError` and `JobCancelled` pass through.
        """
        for implementation in getattr(self._manager.hook, hook).get_hookimpls():
            result = self._call_one(hook, implementation, arguments)
            if result is not None:
                yield implementation.plugin_name, result

    def fill(self, hook: str, registry: Registry[Any]) -> None:
        """Call a registering hook; what an extension registered before it failed is taken out again."""
        failed_before = set(self.failed())
        for _ in self.call(hook, register=registry.register):
            pass
        for owner in set(self.failed()) - failed_before:
            registry.forget(owner)

    def chain(self, hook: str, into: str, **arguments: Any) -> Any:
        """Call `hook` of each plugin in order, each with what the one before made of the argument `into`; give what the last one made."""
        for implementation in getattr(self._manager.hook, hook).get_hookimpls():
            result = self._call_one(hook, implementation, arguments)
            if result is not None:
                arguments[into] = result
        return arguments[into]

    def _call_one(self, hook: str, implementation: Any, arguments: dict[str, Any]) -> Any:
        owner = implementation.plugin_name
        values = {name: self._argument(name, value, owner) for name, value in arguments.items()}
        try:
            return implementation.function(*(values[name] for name in implementation.argnames))
        except (RequestError, JobCancelled):
            raise
        except (Exception, SystemExit):
            if owner not in self._states:
                raise
            self.fail(owner, hook, traceback.format_exc())
            return None

    def fail(self, owner: str, hook: str, text: str) -> None:
        """Note that an extension failed and switch it off in this process."""
        if owner in self._states:
            self._states[owner] = self._states[owner].model_copy(update={"error": text, "enabled": False})
        if self._manager.has_plugin(owner):
            self._manager.unregister(name=owner)
        self.on_failure(owner, hook, text)

    def set_enabled(self, identity: str, enabled: bool) -> None:
        """Show an extension as on or off; what it added to this process stays until the next start."""
        if identity in self._states:
            self._states[identity] = self._states[identity].model_copy(update={"enabled": enabled})

    def is_loaded(self, identity: str) -> bool:
        """Return whether an extension was imported by this process and has not failed, whatever it is switched to since."""
        return bool(self._manager.has_plugin(identity))

    def is_ours(self, owner: str) -> bool:
        """Whether this is one of our own plugins: an error in them is ours."""
        return bool(self._manager.has_plugin(owner)) and owner not in self._states

    @property
    def states(self) -> tuple[ExtensionState, ...]:
        """Every extension that was found, in order."""
        return tuple(self._states.values())

    def failed(self) -> tuple[str, ...]:
        """Ids of extensions that raised."""
        return tuple(state.id for state in self._states.values() if state.error)

    @staticmethod
    def _argument(name: str, value: Any, owner: str) -> Any:
        """`register` is bound to its owner, so that a clash can name both."""
        return (lambda entry: value(entry, owner)) if name == "register" else value

    def _import(self, state: ExtensionState, path: Path) -> None:
        heavy_before = {name for name in _HEAVY if name in sys.modules}
        try:
            module = _load_module(state.id, path)
            if self.process == "web" and (heavy := {name for name in _HEAVY if name in sys.modules} - heavy_before):
                raise ExtensionError(
                    state.id,
                    "import",
                    f"imports {', '.join(sorted(heavy))} in the web process; import it inside the function, or split the file in two",
                )
            self._manager.register(module, name=state.id)
            self._manager.check_pending()
        except (Exception, SystemExit):
            self.fail(state.id, "import", traceback.format_exc())


def _load_module(identity: str, path: Path) -> ModuleType:
    name = f"{_PACKAGE}.{identity}"
    sys.modules.setdefault(_PACKAGE, ModuleType(_PACKAGE))  # the parent is looked for when a folder's files import one another
    search = [str(path.parent)] if path.name == "__init__.py" else None
    spec = importlib.util.spec_from_file_location(name, path, submodule_search_locations=search)
    if spec is None or spec.loader is None:
        raise ExtensionError(identity, "import", f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
