"""All English words of the page, each with where it stands: those of the scripts, and those that the server says of fields and choices."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from tests.ui.page_strings import Literal, is_translated, literals
from webui.app import load_extensions
from webui.downloads.starters import STARTERS
from webui.grids.axes import kinds
from webui.library.models import KINDS
from webui.people.roles import WORDS
from webui.plugins.contributions import collect
from webui.services import Services
from webui.settings import Settings
from webui.ui import setting_cards
from webui.ui.chain_fields import step_kinds
from webui.ui.choices import choices
from webui.ui.document import document
from webui.ui.languages import Catalogue
from webui.ui.page import page_parts
from webui.ui.translated import places

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "webui" / "ui" / "static" / "js"

_IS_COUNT = re.compile(r"count(ed)?\([^'\"`]*,('[^']*',)?$")
NAMES = set(
    """txt2img img2img float32 float16 bfloat16 sdpa xformers half int8 png jpeg webp taesd midpoint heun bh1 bh2 vary_coeff
    time_uniform time_quadratic logSNR uniform quad a1111 diffusers cpu nv gpu telea multidiffusion""".split()
)
NAMES |= {'{"name": "value"}', "0 0 0.5 1: a red fox\n0.5 0 0.5 1: a grey wolf"}
"""Choices that are the same in every language."""


class Asked(Catalogue):
    """A catalogue that notes what it is asked for."""

    texts: ClassVar[dict[str, None]] = {}

    def __call__(self, text: str) -> str:
        self.texts[text] = None
        return text


def script_words() -> dict[str, str]:
    """The texts that scripts translate, with the script's name."""
    found: dict[str, str] = {}
    for path in sorted(SCRIPTS.glob("*.js")):
        for literal in literals(path.read_text()):
            if is_translated(literal):
                for text in _keys(literal):
                    found.setdefault(text, path.name)
    return found


def _keys(literal: Literal) -> list[str]:
    """`count(n, 'picture')` asks for "{n} pictures"; its second form, where it has one, is the many."""
    if not _IS_COUNT.search(literal.before):
        return [literal.text]
    if literal.before.endswith("',"):
        return [f"{{n}} {literal.text}"]
    return [] if literal.after == "," else [f"{{n}} {literal.text}s"]


def plural_keys() -> set[str]:
    """Those of the scripts' texts that a number chooses the form of."""
    return {
        text
        for path in sorted(SCRIPTS.glob("*.js"))
        for literal in literals(path.read_text())
        if is_translated(literal) and _IS_COUNT.search(literal.before)
        for text in _keys(literal)
    }


def field_words(services: Services) -> dict[str, str]:
    """Labels, helps, placeholders and choices of the form with our extensions, the steps and the settings, with where they are from."""
    found: dict[str, str] = {}
    extensions = load_extensions(services.settings.current())
    services = replace(services, extensions=extensions, contributions=collect(extensions))

    def add(where: str, *texts: str | None) -> None:
        for text in texts:
            if text and re.search(r"[A-Za-z]{2}", text) and text not in NAMES:
                found.setdefault(text, where)

    names = {name for offered in choices(services).by_field.values() for name in offered}
    asked = Asked("en")
    pages, parts = page_parts(services, "/look/x")
    document(parts, services, asked, True)
    add("the form", *(text for text in asked.texts if text not in names))
    add("our tabs of Gradio", *(place[key] for place, key in places(json.loads(json.dumps(pages.config, default=str)))))
    for kind in step_kinds(list(services.contributions.finishers)):
        add("the finish chain", kind.title, *(text for field in kind.fields for text in (field.label, field.info, *field.choices)))
        add("the finish chain", kind.kind.replace("_", " "))
    for section in setting_cards.sections(Settings()):
        add("the settings", section.title)
        for card in section.fields:
            add("the settings", card.label, card.description, *card.choices)
    add("the roles", *WORDS.values())
    add("the axes of grids", *(str(kind["name"]) for kind in kinds({})))
    add("the first models", *(starter.why for starter in STARTERS))
    add("the kinds of models", *(kind.replace("_", " ") for kind in KINDS))
    return found
