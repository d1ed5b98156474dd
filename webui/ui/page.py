"""How the page is mounted in our FastAPI: the document, its files, its own JSON, and the tabs that extensions build with Gradio."""

import hashlib
import os
from pathlib import Path
from typing import Any
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from webui.api.identity import viewer_of
from webui.plugins.contributions import refuse
from webui.services import Services
from webui.ui import extension_tabs
from webui.ui.document import PageParts, document
from webui.ui.languages import Languages
from webui.ui.routes import router
from webui.ui.scripts import without_comments
from webui.ui.translated import Translated, wanted

STATIC = Path(__file__).parent / "static"
FOR_EVER = "public, max-age=31536000, immutable"
CSS = (
    *("tokens", "frame", "form", "fields", "stage", "mask", "chain", "tabs"),
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
    app.add_middleware(Translated, languages=languages)
    pages, parts = page_parts(services, base)
    _serve_document(app, services, languages, parts)
    extension_tabs.mount(app, pages, base, STATIC, services.settings.current().upload_limit_mb)


def page_parts(services: Services, base: str) -> tuple[Any, PageParts]:
    """Gradio's app with the tabs of extensions, and what of the page stays as it is; files of the page lie below `base`."""
    given = services.contributions
    pages, tabs = extension_tabs.build(
        [(given.tabs.owner(tab.name), tab) for tab in given.tabs], lambda owner: refuse(given, services.extensions, owner, "register_tabs")
    )
    panels = tuple((given.panels.owner(panel.name), panel) for panel in given.panels)
    failed = lambda owner: refuse(given, services.extensions, owner, "register_panels")  # noqa: E731
    parts = PageParts(STATIC, base, panels, tuple(tabs), failed)
    return pages, parts


def _serve_document(app: FastAPI, services: Services, languages: Languages, parts: PageParts) -> None:
    @app.api_route("/", methods=["GET", "HEAD"], include_in_schema=False)
    def page(request: Request) -> HTMLResponse:
        """The page in the language of whoever asks."""
        headers = {"Cache-Control": "no-cache", "Vary": "Accept-Language, Cookie"}
        return HTMLResponse(document(parts, services, wanted(request.headers, languages), viewer_of(request).admin), headers=headers)


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
