"""No route submits past the check whose pictures a job begins with; tests/api/test_people.py shows what it refuses."""

import ast

from webui.settings import PROJECT

PAST_IT = {("queue", "submit"), ("grids", "create"), ("grids", "add")}


def test_routes_submit_by_one_function():
    found = set()
    for room in ("api", "ui", "mcp"):
        for path in (PROJECT / "webui" / room).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Attribute) and (node.value.attr, node.attr) in PAST_IT:
                    found.add(path.name)
    assert found == {"submitting.py"}
