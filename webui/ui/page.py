"""How the page is mounted in our FastAPI: the document, its files, its own JSON, and the tabs that extensions build with Gradio."""

import os
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse

from webui.api.identity import viewer_of
from webui.plugins.contributions import refuse
from webui.services import Services
from webui.ui import extension_tabs
from webui.ui.document import PageParts, document
from webui.ui.files import PageFiles, packed_document, way_for
from webui.ui.languages import Languages
from webui.ui.routes import router
from webui.ui.translated import Translated, wanted

STATIC = Path(__file__).parent / "static"


def mount_page(app: FastAPI, services: Services) -> None:
    """See `webui.ui.mount`."""
    if os.environ.get("GRADIO_ANALYTICS_ENABLED") != "False" or not os.environ.get("GRADIO_TEMP_DIR"):
        raise RuntimeError("Set GRADIO_ANALYTICS_ENABLED=False and GRADIO_TEMP_DIR before gradio is imported")
    files = PageFiles(STATIC)
    base = f"/look/{files.version()}"
    Thread(target=files.pack, name="pack-page", daemon=True).start()
    app.add_route(f"{base}/{{name:path}}", files.answer, include_in_schema=False)
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
        [(given.tabs.owner(tab.name), tab) for tab in given.tabs], partial(_refuse, services, "register_tabs")
    )
    panels = tuple((given.panels.owner(panel.name), panel) for panel in given.panels)
    parts = PageParts(STATIC, base, panels, tuple(tabs), partial(_refuse, services, "register_panels"))
    return pages, parts


def _refuse(services: Services, hook: str, owner: str) -> None:
    refuse(services.contributions, services.extensions, owner, hook)


def _serve_document(app: FastAPI, services: Services, languages: Languages, parts: PageParts) -> None:
    @app.api_route("/", methods=["GET", "HEAD"], include_in_schema=False)
    def page(request: Request) -> HTMLResponse:
        """The page in the language of whoever asks."""
        html = document(parts, services, wanted(request.headers, languages), viewer_of(request).admin)
        headers = {"Cache-Control": "no-cache", "Vary": "Accept-Language, Cookie, Accept-Encoding"}
        if way := way_for(request):
            return HTMLResponse(packed_document(html, way), headers={**headers, "Content-Encoding": way})
        return HTMLResponse(html, headers=headers)
