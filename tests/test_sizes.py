"""Small pieces: no file above 400 lines, no function above 50, none with more than 7 parameters."""

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MOST_LINES, MOST_OF_A_FUNCTION, MOST_PARAMETERS = 400, 50, 7
LONGER_FILES = {"launch.py"}
"""Must be one file: it runs before anything is installed."""
LONGER_FUNCTIONS = {"0001_first_schema.py"}
"""A migration is a list of columns."""
WIDER = ("webui/samplers/",)
"""Samplers have k-diffusion's signature, with an option for each of their parameters."""
FILES = [ROOT / "launch.py", *sorted((ROOT / "webui").rglob("*.py")), *sorted((ROOT / "extensions").rglob("*.py"))]


def functions(path: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    return [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]


def parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    named = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    return len([each for each in named if each.arg not in ("self", "cls")])


def test_files_are_short():
    counts = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in FILES}
    assert {name: count for name, count in counts.items() if count > MOST_LINES and name not in LONGER_FILES} == {}


def test_functions_are_short():
    long = [
        f"{path.relative_to(ROOT)}:{each.lineno} {each.name}"
        for path in FILES
        if path.name not in LONGER_FUNCTIONS
        for each in functions(path)
        if (each.end_lineno or 0) - each.lineno + 1 > MOST_OF_A_FUNCTION
    ]
    assert long == []


def test_functions_take_few_parameters():
    wide = {
        f"{path.relative_to(ROOT)} {each.name}"
        for path in FILES
        if not str(path.relative_to(ROOT)).startswith(WIDER)
        for each in functions(path)
        if parameters(each) > MOST_PARAMETERS
    }
    assert wide == set()
