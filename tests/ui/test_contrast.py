"""Text must be readable in both themes: 4.5:1 for text, 3:1 for marks, on every surface it can lie on (WCAG 2.2, 1.4.3 and 1.4.11)."""

import re

import pytest

from webui.ui.page import STATIC

CSS = (STATIC / "css" / "tokens.css").read_text()
SURFACES = ("bg", "panel", "field")
TEXT = [(text, surface) for text in ("text", "label", "muted", "faint", "accent-text", "danger", "ok") for surface in SURFACES]
TEXT += [("on-accent", "accent"), ("on-accent", "accent-hover"), ("text", "hover"), ("accent-text", "accent-soft"), ("bg", "text")]
MARKS = [("edge-strong", "panel"), ("focus", "bg"), ("focus", "panel"), ("focus", "field"), ("edge-strong", "field")]


def colours(theme: str) -> dict[str, str]:
    def block(selector: str) -> dict[str, str]:
        return dict(re.findall(r"--([\w-]+):\s*(#[0-9a-f]{6})", CSS.split(selector, 1)[1].split("}", 1)[0]))

    return block(":root {") | (block(".dark {") if theme == "dark" else {})


def light(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def ratio(front: str, back: str) -> float:
    high, low = sorted((light(front), light(back)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_and_marks_stand_out(theme):
    palette = colours(theme)
    wanted = [(pair, 4.5) for pair in TEXT] + [(pair, 3.0) for pair in MARKS]
    found = {pair: (round(ratio(palette[pair[0]], palette[pair[1]]), 2), least) for pair, least in wanted}
    assert {pair: value for pair, (value, least) in found.items() if value < least} == {}


def test_no_colour_outside_the_palette():
    """A colour written anywhere else would not follow the theme."""
    sheets = [path for path in (STATIC / "css").glob("*.css") if path.name != "tokens.css"]
    found = {path.name: set(re.findall(r"#[0-9a-fA-F]{3,8}\b(?=\s*[;,)])", path.read_text())) for path in sheets}
    assert {name: colours - {"#fff", "#000"} for name, colours in found.items() if colours - {"#fff", "#000"}} == {}
