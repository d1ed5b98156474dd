"""The parts of docs/ that are printed from the code: `python -m webui.docs` writes them, the suite checks that they are up to date.

A page holds `<!-- printed: NAME -->` … `<!-- end -->`; what stands between is made by the function of that name in `PRINTED`.
"""

import argparse
import ast
import inspect
import re
import sys
from collections.abc import Callable, Iterable
from importlib import import_module
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from webui import typings
from webui.backends.service import registered
from webui.core import finish
from webui.core import request as requests
from webui.core.backend import EVERYTHING, BackendModel
from webui.core.fields import FieldSpec, plain_kind, specs
from webui.plugins import hookspecs
from webui.plugins.backends import BackendSpec
from webui.plugins.discovery import HOOKS
from webui.plugins.manager import Extensions
from webui.settings import PREFIX, PROJECT, Settings

FOLDER = PROJECT / "docs"
BLOCK = re.compile(r"(<!-- printed: (?P<name>[^>]+?) -->\n).*?(<!-- end -->)", re.DOTALL)
Row = tuple[str, ...]


def main() -> int:
    """Write every page that has printed parts, and the types of the page's scripts; says which changed."""
    for path in pages():
        _write(path, filled(path.read_text(encoding="utf-8")))
    _write(typings.FILE, typings.text())
    return 0


def _write(path: Path, new: str) -> None:
    if not path.exists() or path.read_text(encoding="utf-8") != new:
        path.write_text(new, encoding="utf-8")
        print(f"{path.relative_to(PROJECT)} written")


def pages() -> list[Path]:
    """README and docs/."""
    return [PROJECT / "README.md", *sorted(FOLDER.glob("*.md"))]


def filled(text: str) -> str:
    """A page with its printed parts as the code has them now."""
    return BLOCK.sub(lambda match: f"{match[1]}{printed(match['name'])}\n{match[3]}", text)


def printed(name: str) -> str:
    """One part: `settings`, `file PATH`, …"""
    word, _, rest = name.partition(" ")
    return PRINTED[word](rest)


def table(head: Row, rows: Iterable[Row]) -> str:
    """A Markdown table."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in line) + " |" for line in lines)


def code(value: object) -> str:
    """As code, or nothing for nothing."""
    return f"`{value}`" if str(value) else ""


# Settings and requests


def settings_table(section: str) -> str:
    """Every setting."""
    rows = [(code(name), kind_text(spec), default_text(spec), spec.description) for name, spec in specs(Settings).items()]
    return table(("setting", "kind", "default", "what it does"), [(name, *rest) for name, *rest in rows])


def variables_line(rest: str) -> str:
    """The name of a setting's environment variable, by example."""
    lists = "Lists are separated by commas, folders by `:` (`;` on Windows)."
    return f"Each has an environment variable: `{PREFIX}` and the name in capitals, e.g. `{PREFIX}PORT=7861`. {lists}"


def request_table(model_name: str) -> str:
    """The fields of one of a request's models."""
    model: type[BaseModel] = getattr(requests, model_name, None) or getattr(finish, model_name)
    told = [(name, spec) for name, spec in specs(model).items() if name != "kind"]
    rows = [(code(name), spec.title, kind_text(spec), default_text(spec), spec.description) for name, spec in told]
    return table(("field", "on the page", "kind", "default", "what it does"), rows)


_WORDS = {"int": "whole number", "float": "number", "bool": "yes/no", "text": "text", "path": "folder", "object": "object", "list": "list"}


def kind_text(spec: FieldSpec) -> str:
    """A field's type and range in words."""
    return f"{type_text(spec)}{range_text(spec)}"


def type_text(spec: FieldSpec) -> str:
    """A field's type in words."""
    if spec.kind == "choice":
        return ", ".join(code(choice) for choice in spec.choices)
    if spec.kind == "list":
        return f"list of {_item_text(spec.item)}"
    if spec.model is not None:
        return f"object [{spec.model.__name__}](#{spec.model.__name__.lower()})"
    return _WORDS[spec.kind]


def _item_text(item: Any) -> str:
    return f"[{item.__name__}](#{item.__name__.lower()})" if plain_kind(item) == "model" else _WORDS[plain_kind(item)]


def range_text(spec: FieldSpec) -> str:
    """A field's bounds."""
    low = "" if spec.low is None else f"above {spec.low:g}" if spec.above else f"{spec.low:g}"
    high = f"{spec.high:g}" if spec.high is not None and spec.high < 2**63 else ""
    if low and high:
        return f", {low}–{high}"
    return f", from {low}" if low and not spec.above else f", {low or high and 'to ' + high}" if low or high else ""


def default_text(spec: FieldSpec) -> str:
    """A field's default; empty for "chosen for you" and for empty text."""
    value = spec.default
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, BaseModel):
        return "its defaults"
    if isinstance(value, Path):
        return "the project's folder"
    return "" if value in (None, "", (), {}, PydanticUndefined) else code(", ".join(value) if isinstance(value, tuple) else value)


def backends_table(rest: str) -> str:
    """What the models of each bundled backend honour."""
    rows = [
        (spec.title, code(model.name), ", ".join(model.modes), _honoured(model), _price(model))
        for spec in _backends()
        for model in spec.table
    ]
    return table(("place", "model", "modes", "honours besides the prompt", "price"), rows)


def provider_table(rest: str) -> str:
    """Where each bundled provider is, and what its name and key are called."""
    rows = [
        (code(each.name), each.title, each.url, code(each.key_variable), code(each.url_variable), _yes(each.cancels), _yes(each.resumes))
        for each in _backends()
        if each.kind == "cloud"
    ]
    return table(("name", "provider", "address", "key", "another address", "stops", "resumes"), rows)


def _backends() -> list[BackendSpec]:
    extensions = Extensions("web")
    extensions.load((PROJECT / "extensions",))
    return list(registered(extensions))


def _honoured(model: BackendModel) -> str:
    fields = specs(requests.GenerationRequest)
    return "everything" if EVERYTHING in model.honours else ", ".join(fields[name].title for name in model.honours if name in fields)


def _price(model: BackendModel) -> str:
    return "not told" if model.price is None else f"${model.price:g} a picture" if model.price else "free"


def _yes(value: bool) -> str:
    return "yes" if value else "no"


# Commands


def command_table(command: str) -> str:
    """The flags of one command."""
    parser = argparse.ArgumentParser(add_help=False)
    import_module(f"webui.cli.{command}").add(parser)
    rows = [(flags_text(action), action.help or "") for action in parser._actions if not action.dest.startswith("request.")]
    return table(("flag", "what it does"), rows) if rows else "No flags of its own."


def flags_text(action: argparse.Action) -> str:
    """A flag with its value."""
    value = " " + (str(action.metavar) if action.metavar else action.dest.upper()) if action.nargs != 0 else ""
    if action.choices:
        value = " " + "\\|".join(str(choice) for choice in action.choices)
    return code(", ".join(action.option_strings) + value if action.option_strings else f"[{action.dest}]").replace("\\\\|", "\\|")


def commands_table(rest: str) -> str:
    """Every command."""
    from webui.cli import COMMANDS

    return table(("command", "what it does"), [(code(name), text) for name, text in COMMANDS.items()])


def folder_flags(rest: str) -> str:
    """The flags that every command takes."""
    from webui.cli import add_folders

    parser = argparse.ArgumentParser(add_help=False)
    add_folders(parser)
    return table(("flag", "what it does"), [(flags_text(action), action.help or "") for action in parser._actions])


def benches_table(rest: str) -> str:
    """Every bench."""
    from webui.bench import present

    return table(("bench", "what it measures"), [(code(name), text) for name, text in present().items()])


# Samplers


def samplers_table(rest: str) -> str:
    """Every built-in sampler; of its aliases those that other programs use."""
    from webui.samplers.catalog import BUILTIN_SAMPLERS

    rows = [
        (
            sampler.name,
            ", ".join(code(alias) for alias in sampler.aliases if not alias.startswith("sample_")),
            sampler.default_schedule,
            ", ".join(
                f"`{name}` {value:g}" if isinstance(value, float) else f"`{name}` {value}" for name, value in sampler.options.items()
            ),
            {"none": "", "stream": "own stream", "second": "second stream", "brownian": "Brownian path"}[sampler.noise],
            str(sampler.order),
            sampler.source,
            sampler.verified,
        )
        for sampler in BUILTIN_SAMPLERS
    ]
    return table(("sampler", "aliases", "schedule", "options", "noise", "order", "source", "checked by"), rows)


def schedules_table(rest: str) -> str:
    """Every built-in schedule."""
    from webui.samplers.catalog import BUILTIN_SCHEDULES

    rows = [
        (one.name, ", ".join(map(code, one.aliases)), ", ".join(map(code, one.options)), one.source, one.verified)
        for one in BUILTIN_SCHEDULES
    ]
    return table(("schedule", "aliases", "options", "what it is", "checked by"), rows)


# Hooks, routes, files


def hooks_text(rest: str) -> str:
    """Every hook with its exact arguments, its process and its docstring."""
    return "\n\n".join(hook_text(name) for name in HOOKS)


def hook_text(name: str) -> str:
    """One hook."""
    function = getattr(hookspecs, name)
    signature = str(inspect.signature(function)).replace("'", "").replace("webui.core.request.", "")
    return (
        f"### {name}\n\n```python\ndef {name}{signature}\n```\n\nCalled in: {HOOKS[name]}.\n\n{paragraphs(inspect.getdoc(function) or '')}"
    )


def paragraphs(docstring: str) -> str:
    """A docstring as Markdown: `:param x:` becomes a list."""
    return re.sub(r"^:param (\w+):", r"- `\1`:", docstring, flags=re.MULTILINE).replace(":return:", "- returns")


def routes_table(rest: str) -> str:
    """Every route of the API."""
    from fastapi import FastAPI

    from webui.api import health
    from webui.api.routes import OWN

    app = FastAPI()
    for router in (*OWN, health.router):
        app.include_router(router)
    rows = [
        (code(f"{method.upper()} {path}"), operation.get("description", operation.get("summary", "")))
        for path, operations in app.openapi()["paths"].items()
        for method, operation in operations.items()
    ]
    return table(("route", "what it does"), rows)


def layers_table(rest: str) -> str:
    """The rows of rooms, as the layer test has them."""
    tree = ast.parse((PROJECT / "tests" / "test_layers.py").read_text(encoding="utf-8"))
    rows: list[set[str]] = next(
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == "ROWS" and node.value
    )
    above = [(str(number), ", ".join(code(room) for room in sorted(rooms))) for number, rooms in enumerate(rows)]
    return table(("row", "rooms of webui"), [*above, ("top", "`extensions/*` (only `import webui`)")])


def file_text(path: str) -> str:
    """A source file as it is."""
    return f"```python\n{(PROJECT / path).read_text(encoding='utf-8').strip()}\n```"


PRINTED: dict[str, Callable[[str], str]] = {
    "backends": backends_table,
    "providers": provider_table,
    "settings": settings_table,
    "variables": variables_line,
    "request": request_table,
    "commands": commands_table,
    "folder-flags": folder_flags,
    "command": command_table,
    "benches": benches_table,
    "samplers": samplers_table,
    "schedules": schedules_table,
    "hooks": hooks_text,
    "routes": routes_table,
    "layers": layers_table,
    "file": file_text,
}

if __name__ == "__main__":
    sys.exit(main())
