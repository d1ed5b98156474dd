"""All style sheets hold for the whole page: two that define one class each change what the other draws."""

import re
from collections import defaultdict
from pathlib import Path

import webui.ui

SHEETS = Path(webui.ui.__file__).parent / "static" / "css"
BARE = re.compile(r"\.([A-Za-z][\w-]*)(?:\[[^\]]*\]|:[\w-]+(?:\([^)]*\))?)*")


def defined(text: str) -> set[str]:
    """Classes that a sheet styles wherever they stand, without a place or a second class before or behind them."""
    plain = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    selectors = (each.strip() for group in re.findall(r"([^{}@;]+)\{", plain) for each in re.split(r",(?![^(]*\))", group))
    return {found.group(1) for each in selectors if (found := BARE.fullmatch(each))}


def test_what_a_sheet_defines():
    assert defined(".a { x: 1 } .b:hover, .c[hidden] .d { } @media (width < 9px) { .e { } } /* .f { } */ p.g { }") == {"a", "b", "e"}


def test_a_class_is_defined_in_one_sheet():
    """The last two, of narrow windows and of fingers, change what the others define."""
    where: dict[str, list[str]] = defaultdict(list)
    for sheet in sorted(SHEETS.glob("*.css")):
        for name in defined(sheet.read_text()) if sheet.stem not in ("narrow", "touch") else ():
            where[name].append(sheet.name)
    assert len(where) > 100
    assert {name: sheets for name, sheets in where.items() if len(sheets) > 1} == {}
