"""The page's scripts: their types agree with the server's schema, the linter finds nothing, their pure modules do what they should.

The tools come by pip with the other packages for development: Deno checks types and lints, the node inside of Playwright runs the unit
tests. Neither fetches anything, and the app needs neither. Where one is missing its tests are left out.
"""

import functools
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
SCRIPTS = ROOT / "webui" / "ui" / "static" / "js"
PURE = (
    *(
        "address",
        "brackets",
        "canvas-layers",
        "canvas-region",
        "client",
        "completion",
        "date-scale",
        "differences",
        "end-words",
        "exact",
        "form-values",
        "format",
        "grid-words",
        "job-events",
        "key-words",
    ),
    "lora-tags",
    *(
        "mask-strokes",
        "picture-list",
        "progress",
        "queue-words",
        "shelf-list",
        "status",
        "storage",
        "stream",
        "toast-stack",
        "weights",
        "word-tags",
    ),
    *("people-words", "sheet-rows", "side-summary", "webhook-words", "zoom-place"),
)
"""Modules that need no page: nothing in them is without a type, and each has its unit test. The list may only grow."""
OLDEST_NODE = (20, 19)
"""From here on node takes a file with `import` in it for a module."""


@functools.cache
def deno() -> str:
    """Where Deno is; skips where it is not."""
    try:
        from deno import find_deno_bin

        return find_deno_bin()
    except (ImportError, FileNotFoundError):
        found = shutil.which("deno")
    if found is None:
        pytest.skip("Deno is not installed; `pip install deno` brings it.")
    return found


@functools.cache
def node() -> str:
    """Playwright's own node, else one in the path that is new enough; skips where there is none."""
    try:
        import playwright

        bundled = Path(playwright.__file__).parent / "driver" / ("node.exe" if os.name == "nt" else "node")
        if bundled.exists():
            return str(bundled)
    except ImportError:
        pass
    found = shutil.which("node")
    if found is None:
        pytest.skip("There is no node; `pip install playwright` brings one.")
    version = subprocess.run([found, "--version"], capture_output=True, text=True).stdout
    if tuple(map(int, re.findall(r"\d+", version)[:2])) < OLDEST_NODE:
        pytest.skip(f"node {version.strip()} is too old: {OLDEST_NODE[0]}.{OLDEST_NODE[1]} is needed.")
    return found


def run(*words: str | Path) -> None:
    environment = {**os.environ, "NO_COLOR": "1", "DENO_DIR": str(ROOT / ".deno"), "DENO_NO_UPDATE_CHECK": "1"}
    done = subprocess.run(words, capture_output=True, encoding="utf-8", cwd=ROOT, env=environment)
    assert done.returncode == 0, (done.stdout + done.stderr)[-6000:]


def test_every_script_asks_to_be_checked():
    assert [path.name for path in sorted(SCRIPTS.glob("*.js")) if not path.read_text().startswith("// @ts-check\n")] == []


def test_types():
    run(deno(), "check", "--no-remote", "--no-npm", "--config", HERE / "deno.json", *sorted(SCRIPTS.glob("*.js")))


def test_types_of_modules_that_need_no_page():
    run(deno(), "check", "--no-remote", "--no-npm", "--config", HERE / "pure.json", *(SCRIPTS / f"{name}.js" for name in PURE))


@pytest.mark.parametrize("name", PURE)
def test_modules_that_need_no_page_have_their_test(name):
    assert (HERE / f"{name}.test.js").exists()


def test_lint():
    run(deno(), "lint", "--config", HERE / "deno.json", SCRIPTS, HERE)


@pytest.mark.parametrize("path", sorted(HERE.glob("*.test.js")), ids=lambda path: path.name.removesuffix(".test.js"))
def test_unit(path):
    run(node(), "--test", path)
