"""The tabs that extensions build of Gradio's components: each is a page of its own at `/ext-…`.

Our page shows it in a frame when its tab is opened. So nothing of Gradio is loaded before somebody opens such a tab, and a connection
that it loses takes nothing of ours with it.
"""

import warnings
from collections.abc import Callable
from pathlib import Path

import gradio as gr
from fastapi import FastAPI

from webui.plugins.types import Tab
from webui.ui.calls import Page
from webui.ui.isolated import isolated
from webui.ui.theme import theme
from webui.ui.trackers import serve_trackers

Tabs = list[tuple[str, Tab]]
"""Tabs with the ids of the extensions that they are of."""


def build(tabs: Tabs, failed: Callable[[str], None]) -> tuple[gr.Blocks, Tabs]:
    """Gradio's app with a page for each tab, and the tabs that could be built; `failed(owner)` is told of the others."""
    app = Page(title="Darkroom", analytics_enabled=False)
    with app:
        pass
    return app, [(owner, tab) for owner, tab in tabs if _page(app, owner, tab, failed)]


def mount(app: FastAPI, pages: gr.Blocks, base: str, static: Path, upload_limit_mb: int) -> None:
    """Serve Gradio's pages and calls at `app`, in our look: files of the page lie below `base`."""
    serve_trackers(app)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="SSR mode")  # it is off in any case, and Gradio says so of each app with pages
        gr.mount_gradio_app(
            app,
            pages,
            "/",
            theme=theme(),
            head=f'<link rel="stylesheet" href=".{base}/css/page.css"><script src=".{base}/frame.js"></script>',
            footer_links=[],
            run_history=False,
            show_error=False,
            max_file_size=f"{upload_limit_mb}mb",
            favicon_path=str(static / "icon.svg"),
        )


def _page(app: gr.Blocks, owner: str, tab: Tab, failed: Callable[[str], None]) -> bool:
    """Whether the tab was built. One that raises leaves nothing behind."""
    is_built, pages = True, list(app.pages)

    def refused() -> None:
        nonlocal is_built
        is_built = False
        failed(owner)

    with app.route(tab.title, f"/ext-{owner}", show_in_navbar=False), isolated(refused):
        with gr.Column(elem_classes="own-tab"):
            tab.build()
    if not is_built:
        app.pages[:] = pages
    return is_built
