"""The page. Importing this loads neither Gradio nor torch; `mount` does the first."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fastapi import FastAPI

    from webui.services import Services

__all__ = ["mount"]


def mount(app: "FastAPI", services: "Services") -> None:
    """Put the page at `/` of `app`, its files at `/look` and its own JSON at `/page`. Call it after every other route."""
    from webui.ui.quick_import import import_gradio

    import_gradio()
    from webui.ui.page import mount_page

    mount_page(app, services)
