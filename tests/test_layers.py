"""The house stands: imports point down, rooms of one row never import each other, no cycles, and web loads no torch."""

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROWS: list[set[str]] = [
    {"core", "errors", "settings", "preferences", "surroundings"},
    {"plugins", "db", "client"},
    {"prompts", "samplers", "images", "library", "devices", "mcp", "words"},
    {"models", "gallery", "collection", "detection", "downloads"},
    {"generation", "jobs", "train"},
    {"abilities", "engine", "backends", "chain", "cluster", "grids", "people"},
    {"resolve", "capabilities"},
    {"services"},
    {"api"},
    {"ui"},
    {"app", "elsewhere", "sharing", "serving", "cli", "local", "bench", "doctor", "docs", "typings", "__main__"},
]
PROMPTS = ("prompts.grammar", "prompts.chunks", "prompts.tokenizer")
"""What the web process may use of the prompt language: no torch."""
ONLY: dict[str, set[str]] = {
    "jobs": {*ROWS[0], *ROWS[1], "gallery.index"},
    "gallery": {*ROWS[0], *ROWS[1], "images"},
    "plugins": ROWS[0],
    "client": ROWS[0],
    "mcp": {*ROWS[0], "client"},
    "words": {*ROWS[0], *ROWS[1]},
    "detection": {*ROWS[0], *ROWS[1], "library", "images"},
    "grids": {*ROWS[0], *ROWS[1], "jobs", "gallery", "images"},
    "db": ROWS[0],
    "downloads": {*ROWS[0], *ROWS[1], "library"},
    "collection": {*ROWS[0], *ROWS[1], "library", "devices.memory", "devices.ways"},
    "backends": {*ROWS[0], *ROWS[1], "jobs", "gallery", "images", "library", "words"},
    "cluster": {*ROWS[0], *ROWS[1], "jobs", "images", "library"},
    "people": {*ROWS[0], *ROWS[1], "jobs"},
    "services": {
        *ROWS[0],
        *ROWS[1],
        "backends",
        "jobs",
        "gallery",
        "collection",
        "downloads",
        "library",
        "capabilities",
        "words",
        "grids",
        "detection",
        "people",
    },
    "capabilities": {*ROWS[0], *ROWS[1], "library", "samplers.catalog"},
    "api": {
        *ROWS[0],
        *ROWS[1],
        "mcp",
        "services",
        "backends",
        "jobs",
        "gallery",
        "collection",
        "downloads",
        "images",
        "library",
        "samplers.catalog",
        "prompts.grammar",
        "prompts.tokenizer",
        "words",
        "grids",
        "detection",
        "people",
    },
    "ui": {
        *ROWS[0],
        *ROWS[1],
        "collection.cards",
        "people.roles",
        "words.presets",
        "services",
        "backends",
        "resolve",
        "api.deeds",
        "api.identity",
        "api.submitting",
        "images",
        "library",
        "samplers.catalog",
        *PROMPTS,
    },
}
WITHIN_ROW = {
    ("preferences", "settings"),
    ("preferences", "errors"),
    ("settings", "errors"),
    ("settings", "core"),
    ("core", "errors"),
}
HEAVY = ("torch", "diffusers", "transformers", "torchvision")


def room(module: str) -> str:
    return module.split(".")[1] if "." in module else "webui"


def row(name: str) -> int:
    return next((number for number, rooms in enumerate(ROWS) if name in rooms), -1)


def imports(path: Path) -> list[tuple[int, str]]:
    """Modules of webui that a file imports, with line numbers, under TYPE_CHECKING too: types are a dependency like any other."""
    tree = ast.parse(path.read_text())
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found += [(node.lineno, f"{node.module}.{alias.name}") for alias in node.names]
    return [(line, name) for line, name in found if name.split(".")[0] == "webui"]


def files() -> list[Path]:
    return sorted(path for path in (ROOT / "webui").rglob("*.py") if path != ROOT / "webui" / "__init__.py")


def allowed(importer: str, module: str) -> bool:
    target = room(module)
    if target in ("webui", "hookimpl") or target == importer or row(target) == -1:
        return True
    if importer in ONLY and module not in ONLY[importer]:
        return any(module == name or module.startswith(f"webui.{name}.") or target == name for name in ONLY[importer])
    return row(target) < row(importer) or (importer, target) in WITHIN_ROW or row(importer) == len(ROWS) - 1


def test_every_room_has_a_row():
    rooms = {path.relative_to(ROOT / "webui").parts[0].removesuffix(".py") for path in files()}
    assert sorted(name for name in rooms if row(name) == -1) == []


def test_imports_point_down():
    wrong = []
    for path in files():
        importer = path.relative_to(ROOT / "webui").parts[0].removesuffix(".py")
        wrong += [f"{path.relative_to(ROOT)}:{line} imports {name}" for line, name in imports(path) if not allowed(importer, name)]
    assert wrong == []


def test_extensions_import_only_webui():
    wrong = [
        f"{path.name}:{line} {name}"
        for path in (ROOT / "extensions").rglob("*.py")
        for line, name in imports(path)
        if len(name.split(".")) > 2
    ]
    assert wrong == []


def test_launch_imports_nothing_of_webui():
    assert imports(ROOT / "launch.py") == []


def test_no_import_cycles():
    graph = {module_name(path): {name for _, full in top_level_imports(path) if (name := resolve(full))} for path in files()}
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, " -> ".join((*trail, name))
        if name not in done:
            for target in sorted(graph.get(name, ())):
                if target != name:
                    visit(target, (*trail, name))
            done.add(name)

    for name in sorted(graph):
        visit(name, ())


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def module_names() -> frozenset[str]:
    return frozenset(module_name(path) for path in files())


def resolve(full: str) -> str:
    """The module behind `package.name`: the file of that name, else the package it comes from."""
    names = module_names()
    return full if full in names else full.rpartition(".")[0] if full.rpartition(".")[0] in names else ""


def top_level_imports(path: Path) -> list[tuple[int, str]]:
    """Imports that run when the module is imported (those inside functions may close a circle)."""
    tree = ast.parse(path.read_text())
    inside = {
        line
        for node in ast.walk(tree)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        for line in range(node.lineno, node.end_lineno + 1)
    }
    return [(line, name) for line, name in imports(path) if line not in inside]


@pytest.mark.parametrize("modules", ["webui", "webui.app, webui.ui.page, webui.api.native, webui.jobs.queue, webui.resolve", "webui.cli"])
def test_web_loads_no_torch(modules):
    code = f"import sys, {modules}; print([name for name in {HEAVY} if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip().splitlines()[-1] == "[]"


def test_public_names_are_sorted_and_exist():
    import webui

    assert webui.__all__ == sorted(webui.__all__)
    assert [name for name in webui.__all__ if not hasattr(webui, name)] == []
