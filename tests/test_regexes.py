"""Every regular expression that reads what people or files bring takes time in proportion to its text."""

import re
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
OURS_ALONE = {"webui.docs", "webui.train.default_model.export"}
"""They read nothing but files of this project."""
TEXTS = (
    " ",
    "\n",
    "1",
    "a",
    "ab ",
    "[",
    "[abcdef",
    "<",
    "<a:",
    ":",
    ": ",
    ":1",
    "#",
    "#\n",
    'a: "',
    'a: "\\',
    ",",
    ", ",
    "1x",
    "\\",
    "(",
    "+",
    "_",
    "AND ",
)
LENGTH = 50_000


def modules():
    for path in sorted((ROOT / "webui").rglob("*.py")):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        if "re.compile(" in path.read_text() and name not in OURS_ALONE:
            yield name


def patterns():
    for name in modules():
        for key, value in vars(import_module(name)).items():
            if isinstance(value, re.Pattern) and isinstance(value.pattern, str):
                yield pytest.param(value, id=f"{name}.{key}")


@pytest.mark.timeout(60)
@pytest.mark.parametrize("pattern", list(patterns()))
def test_a_regular_expression_is_linear(pattern):
    """One that is not takes minutes for such a text: `\\s*\\[` at the end of a name took 42 seconds for 200,000 spaces."""
    for text in TEXTS:
        many = (text * LENGTH)[:LENGTH]
        for each in (many, many + "!", "x" + many, "[a:b:" + many):
            pattern.search(each)
            pattern.fullmatch(each)


def test_expressions_are_compiled_by_name_so_that_they_are_tried_here():
    """An expression written where it is used has no repeats that could meet."""
    inline = re.compile(r"re\.(?:search|match|sub|findall|split|fullmatch|finditer)\(\s*rf?(['\"])(.*?)\1")
    found = [match[2] for name in modules() for match in inline.finditer((ROOT / f"{name.replace('.', '/')}.py").read_text())]
    assert [expression for expression in found if re.search(r"\\s[*+].*[*+]|\\d\+.*\\d", expression)] == []
