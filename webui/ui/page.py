"""The page: tab bar, studio, and the tabs that draw themselves from the API; and how it is mounted in our FastAPI.

Gradio holds the form. Everything that moves (stage, strip, gallery, queue, mask) is drawn by `static/js` from one SSE stream,
and the form's events run in the browser (`fn=None`): no queue, no `gr.State`, nothing to lose when a connection drops.
"""

import hashlib
import json
import os
from pathlib import Path
from typing import Any
from urllib.parse import quote

import gradio as gr
from fastapi import FastAPI
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from webui.library.upscalers import usual_upscaler
from webui.plugins.contributions import refuse
from webui.plugins.types import Tab
from webui.services import Services
from webui.ui.bodies import StepKind
from webui.ui.calls import Page
from webui.ui.chain_fields import step_kinds
from webui.ui.choices import choices, native
from webui.ui.components import Form, host
from webui.ui.first_paint import FirstPaint
from webui.ui.isolated import isolated
from webui.ui.languages import Languages
from webui.ui.routes import router
from webui.ui.scripts import without_comments
from webui.ui.tabs import generate
from webui.ui.theme import theme
from webui.ui.trackers import serve_trackers
from webui.ui.translated import Translated

STATIC = Path(__file__).parent / "static"
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
FOR_EVER = "public, max-age=31536000, immutable"
CSS = (
    *("tokens", "frame", "form", "number", "stage", "mask", "chain", "tabs"),
    *("gallery", "look", "queue", "grid", "cards", "models", "shelf", "prompt", "icons", "narrow"),
)


def mount_page(app: FastAPI, services: Services) -> None:
    """See `webui.ui.mount`."""
    if os.environ.get("GRADIO_ANALYTICS_ENABLED") != "False" or not os.environ.get("GRADIO_TEMP_DIR"):
        raise RuntimeError("Set GRADIO_ANALYTICS_ENABLED=False and GRADIO_TEMP_DIR before gradio is imported")
    base = f"/look/{_version()}"
    _serve_sheet(app, base)
    app.mount(base, _Files(directory=STATIC))
    languages = Languages(services)
    app.include_router(router(services, languages))
    app.add_middleware(Translated, languages=languages, prepare=FirstPaint(STATIC, base, services.library))
    serve_trackers(app)
    gr.mount_gradio_app(
        app,
        build(services, base),
        "/",
        theme=theme(),
        head=_head(base),
        footer_links=[],
        run_history=False,
        show_error=False,
        max_file_size=f"{services.settings.current().upload_limit_mb}mb",
        favicon_path=str(STATIC / "icon.svg"),
    )


def build(services: Services, base: str) -> gr.Blocks:
    """The whole page; files of the page lie below `base`, which is found from the page's own address: a proxy may serve it in a folder."""
    script = f"import(new URL('.{base}/js/main.js', document.baseURI).href)"
    form = Form(script)
    offered = choices(services)
    with Page(title="Darkroom", analytics_enabled=False) as page:
        host(script, "topbar")
        kinds = step_kinds(list(services.contributions.finishers))
        _tabs(services, script, kinds)
        folds = [(services.contributions.panels.owner(panel.name), panel) for panel in services.contributions.panels]
        buttons = generate.build(form, offered, folds, kinds, lambda owner: _refuse(services, owner, "register_panels"))
        patch = host(script, "patch", value={}, visible="hidden")
        _wire(services, page, form, buttons, patch, script)
    return page


def _tabs(services: Services, script: str, kinds: list[StepKind]) -> None:
    extras = {"kinds": [kind.model_dump(mode="json") for kind in kinds], "usual": usual_upscaler(services.library)}
    with gr.Tabs(elem_id="nav", overflow_behavior="wrap"):
        for mode in MODES:
            with gr.Tab(mode, id=mode, elem_id=f"tab-{mode}"):
                pass  # these share #studio below
        for name, title in OWN_TABS.items():
            with gr.Tab(title, id=name, elem_id=f"tab-{name}"):
                host(script, name, **(extras if name == "extras" else {}))
        for tab in list(services.contributions.tabs):
            _extension_tab(services, tab)


def _extension_tab(services: Services, tab: Tab) -> None:
    owner = services.contributions.tabs.owner(tab.name)
    with isolated(lambda: _refuse(services, owner, "register_tabs")):
        with gr.Tab(tab.title, id=f"ext-{owner}", elem_id=f"tab-ext-{owner}"):
            with gr.Column(elem_classes="own-tab"):
                tab.build()


def _refuse(services: Services, owner: str, hook: str) -> None:
    refuse(services.contributions, services.extensions, owner, hook)


def _wire(services: Services, page: gr.Blocks, form: Form, buttons: dict[str, gr.Button], patch: gr.HTML, script: str) -> None:
    """Connect the form's events, all of which run in the browser.

    None asks the server through Gradio: when such a call fails, Gradio loads the page anew, and mask and picture are gone.
    """
    every: list[Any] = list(form.fields.values())

    def run(call: str) -> str:
        return f"async (...v) => (await {script}).{call}"

    buttons["generate"].click(None, every, None, js=run("generate(v)"))
    lists: list[Any] = [form.fields[name] for name in choices(services).by_field]
    buttons["refresh"].click(None, None, lists, js=run("lists(true)"))
    where, checkpoint = form.fields["where"], form.fields["checkpoint"]
    gr.on([where.change], None, [where, checkpoint], checkpoint, js=run("placed(...v)"))
    buttons["dice"].click(None, None, form.fields["seed"], js="() => -1")
    buttons["reuse"].click(None, form.fields["seed"], form.fields["seed"], js=run("lastSeed(v[0])"))
    size = [form.fields["width"], form.fields["height"]]
    ratio: Any = form.fields["ratio"]
    buttons["swap"].click(None, size, [*size, ratio], js=run("swapped(...v)"))
    ratio.input(None, ratio, size, js=run("sizeOf(v[0])"))
    for side in size:
        side.input(None, size, ratio, js=run("ratioOf(...v)"))
    patch.input(None, patch, every, js=run("merged(v[0])"))
    for names in _groups(form):
        group: list[Any] = [form.fields[name] for name in names]
        gr.on([field.change for field in group], None, group, None, js=run(f"changed({json.dumps(names)}, v)"))
    page.load(None, every, every, js=run(f"restore({json.dumps(_start(services, form))}, v)"))
    page.load(None, None, lists, js=run("lists()"))


def _groups(form: Form) -> list[list[str]]:
    """The fields whose values are told together: those of each fold, and the others.

    For each change Gradio reads every input and every target of the event, each by a walk through the whole page.
    """
    folded = {name for names in form.folds.values() for name in names}
    groups = [*form.folds.values(), [name for name in form.fields if name not in folded]]
    return [names for names in groups if names]


def _start(services: Services, form: Form) -> dict[str, Any]:
    """What the browser needs to know about the form."""
    first = choices(services).checkpoint
    shown = {name: getattr(field, "value", None) for name, field in form.fields.items()}
    own = native(services, first).model_dump()
    defaults = shown | {name: value for name, value in own.items() if name in shown}
    return {"names": list(form.fields), "shown": shown, "defaults": defaults, "labels": form.labels, "folds": form.folds, "native": own}


def _head(base: str) -> str:
    return (
        '<meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover">'
        f'<link rel="icon" href=".{base}/icon.svg" type="image/svg+xml"><link rel="stylesheet" href=".{base}/css/page.css">'
        f'<script type="module" src=".{base}/js/main.js"></script>'
    )


def _serve_sheet(app: FastAPI, base: str) -> None:
    """All style sheets, and all icons, in one answer: fetched one by one, the first picture's buttons stand there without theirs."""
    files = {path.stem: quote(path.read_text().strip(), safe=" =:/'") for path in sorted((STATIC / "icons").glob("*.svg"))}
    variables = "".join(f'--icon-{name}:url("data:image/svg+xml,{text}");' for name, text in files.items())
    icons = f":root{{{variables}}}" + "".join(f".icon-{name}{{--i:var(--icon-{name})}}" for name in files)
    sheet = "\n".join((icons, *((STATIC / "css" / f"{name}.css").read_text(encoding="utf-8") for name in CSS)))

    @app.get(f"{base}/css/page.css", include_in_schema=False)
    def styles() -> Response:
        return Response(sheet, media_type="text/css", headers={"Cache-Control": FOR_EVER})


def _version() -> str:
    """Changes when any file of the page does, so that browsers may keep files for ever."""
    digest = hashlib.sha256()
    for path in sorted(STATIC.rglob("*")):
        if path.is_file():
            digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


class _Files(StaticFiles):
    """Static files under a name that changes with their content."""

    def file_response(self, full_path: Any, stat_result: os.stat_result, scope: Scope, status_code: int = 200) -> Any:
        response: Response
        if str(full_path).endswith(".js"):
            script = without_comments(Path(full_path).read_text(encoding="utf-8"))
            response = Response(script, status_code, media_type="text/javascript")
        else:
            response = super().file_response(full_path, stat_result, scope, status_code)
        response.headers["Cache-Control"] = FOR_EVER
        return response
