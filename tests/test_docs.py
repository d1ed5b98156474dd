"""The docs say what is in the tree: printed parts are up to date, hooks stand with their exact arguments, links and commands exist."""

import inspect
import re
import shlex
import tomllib
from pathlib import Path

import pytest

from webui import docs, typings
from webui.bench import present
from webui.cli import COMMANDS
from webui.plugins import hookspecs
from webui.plugins.discovery import HOOKS
from webui.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
PAGES = docs.pages()


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_printed_parts_are_up_to_date(path):
    assert docs.filled(path.read_text()) == path.read_text(), "run: python -m webui.docs"


def test_types_of_the_pages_scripts_are_up_to_date():
    assert typings.FILE.read_text(encoding="utf-8") == typings.text(), "run: python -m webui.docs"


@pytest.mark.parametrize("name", sorted(HOOKS))
def test_each_hook_stands_with_its_exact_arguments(name):
    text = (docs.FOLDER / "hooks.md").read_text()
    found = re.search(rf"^def {name}\((.*)\)", text, re.MULTILINE)
    assert found, f"{name} is missing"
    arguments = [part.partition(":")[0].strip() for part in re.split(r",\s*(?=\w+:)", found[1])]
    assert arguments == list(inspect.signature(getattr(hookspecs, name)).parameters)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_links_lead_somewhere(path):
    targets = [target for target in re.findall(r"\]\(([^)]+)\)", path.read_text()) if not target.startswith("http")]
    missing = [target for target in targets if not page_has(path.parent, target, path)]
    assert missing == []


def page_has(folder: Path, target: str, page: Path) -> bool:
    file, _, anchor = target.partition("#")
    linked = (folder / file).resolve() if file else page
    if not linked.exists() or not anchor:
        return linked.exists()
    headings = [
        re.sub(r"[^\w\- ]", "", line.lstrip("# ")).lower().replace(" ", "-")
        for line in linked.read_text().splitlines()
        if line.startswith("#")
    ]
    return anchor in headings


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_commands_in_the_pages_exist(path):
    for line in re.findall(r"python (?:launch\.py|-m webui)(?!\.) ?([^`\n]*)", path.read_text()):
        words = [word for word in shlex.split(line.replace("…", ""), comments=True) if word != "COMMAND"]
        if words and not words[0].startswith("-"):
            assert words[0] in {*COMMANDS, "test"}, line
        if words[:1] == ["bench"] and len(words) > 1 and words[1] != "NAME":
            assert words[1] in present(), line


def test_the_settings_sample_is_a_settings_file():
    sample = re.search(r"```toml\n(.*?)```", (docs.FOLDER / "settings.md").read_text(), re.DOTALL)
    assert Settings.model_validate(tomllib.loads(sample[1])).port == 7861


def test_every_sample_extension_is_in_the_author_guide():
    text = (docs.FOLDER / "writing_extensions.md").read_text()
    assert [path.name for path in sorted((ROOT / "extensions").glob("*.py")) if f"extensions/{path.name}" not in text] == []


def test_a_changed_page_is_seen():
    text = (docs.FOLDER / "settings.md").read_text()
    assert docs.filled(text.replace("`7860`", "`7000`")) == text
