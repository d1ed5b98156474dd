"""Find extensions and read what they are from their source, without running it."""

import ast
import hashlib
import inspect
import traceback
from collections.abc import Iterable, Iterator
from pathlib import Path

from webui.core.foreign import FileError, read_foreign, read_whole
from webui.core.names import printable
from webui.core.protocol import ExtensionState
from webui.plugins import hookspecs
from webui.settings import PROJECT, Settings

HOOKS: dict[str, str] = {
    name: function.where for name, function in inspect.getmembers(hookspecs) if hasattr(function, "where") and name != "called_in"
}
"""Names of the hooks, each with the process that calls it."""
MOST_BYTES = 16 * 2**20
"""Of an extension's own file."""


def extension_folders(settings: Settings) -> tuple[Path, ...]:
    """Where extensions lie: ours, and the user's beside their data; each folder once."""
    own, users = PROJECT / "extensions", settings.data_dir / "extensions"
    return (own,) if users.resolve() == own.resolve() else (own, users)


def inspect_file(path: Path) -> ExtensionState:
    """Read an extension's name, version and hooks from its source without running it; what cannot be read says so, and is off."""
    identity = printable(path.parent.name if path.name == "__init__.py" else path.stem)
    title = identity.replace("_", " ").capitalize()
    state = ExtensionState(id=identity, title=title, path=printable(str(path)))
    source = read_foreign(path, lambda path: read_whole(path, MOST_BYTES))
    if isinstance(source, FileError):
        return state.model_copy(update={"error": source.message, "enabled": False})
    state = state.model_copy(update={"file_hash": hashlib.sha256(source).hexdigest()})
    try:
        return _read(state, ast.parse(source))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return state.model_copy(update={"error": traceback.format_exc(limit=0), "enabled": False})


def _read(state: ExtensionState, tree: ast.Module) -> ExtensionState:
    """With what the source says: its title, version, and hooks."""
    hooks = tuple(
        node.name for node in tree.body if isinstance(node, ast.FunctionDef) and any(_is_hookimpl(mark) for mark in node.decorator_list)
    )
    unknown = [hook for hook in hooks if hook not in HOOKS]
    error = f"There is no hook named {', '.join(unknown)}. There are: {', '.join(sorted(HOOKS))}." if unknown else ""
    facts = {node.targets[0].id: node.value.value for node in tree.body if _is_fact(node)}  # type: ignore[attr-defined]
    title, version = str(facts.get("TITLE", state.title)), str(facts.get("VERSION", ""))
    return state.model_copy(update={"hooks": hooks, "error": error, "title": title, "version": version})


def _is_hookimpl(mark: ast.expr) -> bool:
    target = mark.func if isinstance(mark, ast.Call) else mark
    return (isinstance(target, ast.Name) and target.id == "hookimpl") or (isinstance(target, ast.Attribute) and target.attr == "hookimpl")


def _is_fact(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.Assign)
        and len(node.targets) == 1
        and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, ast.Constant)
    )


def extension_files(folders: Iterable[Path]) -> Iterator[Path]:
    """Yield the file of each extension: a `.py` file, or the `__init__.py` of a folder."""
    for folder in folders:
        if folder.is_dir():
            for path in sorted(folder.iterdir()):
                if path.suffix == ".py" and not path.name.startswith("_"):
                    yield path
                elif (path / "__init__.py").is_file():
                    yield path / "__init__.py"
