"""The page as one HTML document: bar, tabs, form and stage stand in it, so the browser draws them before any script has come.

What the scripts need to know besides lies in it as JSON (`#facts`).
Nothing in it is one person's: it says what the form is, not what it holds.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from webui.library.upscalers import usual_upscaler
from webui.plugins.types import Panel, Tab
from webui.services import Services
from webui.ui.bodies import StepKind
from webui.ui.chain_fields import step_kinds
from webui.ui.choices import choices, native
from webui.ui.form import Form, host
from webui.ui.languages import ENGLISH, Catalogue
from webui.ui.markup import Markup
from webui.ui.tabs import generate

MODES = ("txt2img", "img2img", "inpaint")
OWN_TABS = {
    "extras": "Extras",
    "gallery": "Gallery",
    "png-info": "PNG info",
    "queue": "Queue",
    "grid": "Grid",
    "models": "Models",
    "settings": "Settings",
    "extensions": "Extensions",
}


@dataclass(frozen=True)
class PageParts:
    """What of the page never changes while the server runs: where its files lie, and what extensions add."""

    static: Path
    base: str
    panels: tuple[tuple[str, Panel], ...]
    tabs: tuple[tuple[str, Tab], ...]
    failed: Callable[[str], None]


def document(parts: PageParts, services: Services, catalogue: Catalogue, may_get_models: bool) -> str:
    """The page in a language. `may_get_models`: whoever asks may, and the form keeps the place of what a first visit says of them."""
    kinds = step_kinds(list(services.contributions.finishers))
    page = Markup(catalogue)
    is_first = may_get_models and sum(not each.error for each in services.library.models("checkpoint")) == 1
    page.raw("<!doctype html>")
    is_english = catalogue.tag == ENGLISH
    with page.within(
        "html",
        lang=catalogue.tag,
        dir="rtl" if catalogue.rtl else None if is_english else "ltr",
        data_words=None if is_english else f"./{address_of(catalogue)}",
        data_first_visit=is_first,
    ):
        with page.within("head"):
            _head(page, parts, catalogue)
        with page.within("body", data_tab="studio", data_mode="txt2img"):
            page.raw((parts.static / "first.html").read_text(encoding="utf-8"))
            host(page, "topbar")
            with page.within("main"):
                _tabs(page, parts)
                facts = _form(page, parts, services, kinds)
            page.raw(f'<script type="application/json" id="facts">{_json(facts)}</script>')
    return page.html


def address_of(catalogue: Catalogue) -> str:
    """Where a language's words lie, below the page's own address."""
    return f"page/words/{catalogue.tag}.{catalogue.digest}.json"


def _head(page: Markup, parts: PageParts, catalogue: Catalogue) -> None:
    base = f".{parts.base}"
    page.add("meta", charset="utf-8")
    page.raw("<title>Darkroom</title>")
    page.add("meta", name="viewport", content="width=device-width, initial-scale=1, viewport-fit=cover")
    page.add("link", rel="stylesheet", href=f"{base}/css/page.css")
    page.add("link", rel="preload", href=f"{base}/inter.woff2", as_="font", type="font/woff2", crossorigin=True)
    page.add("script", type="module", src=f"{base}/js/main.js")
    if catalogue.tag != ENGLISH:
        page.add("link", rel="preload", as_="fetch", crossorigin=True, href=f"./{address_of(catalogue)}")
    page.add("link", rel="icon", href=f"{base}/icon.svg", type="image/svg+xml")
    page.add("link", rel="manifest", href=f"{base}/manifest.json", crossorigin="use-credentials")


def _tabs(page: Markup, parts: PageParts) -> None:
    own = [*((mode, mode) for mode in MODES), *OWN_TABS.items()]
    others = [(f"ext-{owner}", tab.title) for owner, tab in parts.tabs]
    with page.within("div", id="nav"):
        with (
            page.within("div", class_="tab-wrapper"),
            page.within("div", class_="tab-container", role="tablist", aria_label=page.words("Tabs")),
        ):
            for name, title in (*own, *others):
                is_open = name == MODES[0]
                panel = "studio" if name in MODES else f"tab-{name}"
                page.add(
                    "button",
                    title,
                    type="button",
                    role="tab",
                    id=f"tab-{name}-button",
                    aria_selected="true" if is_open else "false",
                    aria_controls=panel,
                    tabindex=None if is_open else -1,
                )
        for name in OWN_TABS:
            with page.within("div", id=f"tab-{name}", class_="tabitem", role="tabpanel", aria_labelledby=f"tab-{name}-button", hidden=True):
                host(page, name)
        for name, title in others:
            with page.within(
                "div", id=f"tab-{name}", class_="tabitem framed", role="tabpanel", aria_labelledby=f"tab-{name}-button", hidden=True
            ):
                page.add("iframe", title=page.words(title), data_src=f"./{name}")


def _form(page: Markup, parts: PageParts, services: Services, kinds: list[StepKind]) -> dict[str, Any]:
    """Write the form; gives what the browser needs to know about it."""
    offered = choices(services)
    own = native(services, offered.checkpoint).model_dump()
    first = {"checkpoint": offered.checkpoint, "where": offered.places[0]}
    form = Form(page, own | first, offered.by_field)
    generate.write(form, list(parts.panels), parts.failed)
    form.shown |= first
    defaults = form.shown | {name: value for name, value in own.items() if name in form.shown}
    return {
        "names": list(form.shown),
        "shown": form.shown,
        "defaults": defaults,
        "labels": form.labels,
        "folds": form.folds,
        "native": own,
        "choices": form.choices,
        "steps": [kind.model_dump(mode="json") for kind in kinds],
        "usual": usual_upscaler(services.library),
    }


def _json(value: Any) -> str:
    """JSON that may stand in a script."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
