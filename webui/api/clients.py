"""The APIs that other programs' clients speak, put on the app together with what their rooms hold between calls."""

from fastapi import FastAPI

from webui.api.sdapi import neighbours, routes
from webui.api.sdapi.calls import Calls
from webui.api.waiting import Endings
from webui.services import Services


def install(app: FastAPI, services: Services) -> None:
    """Add their routes. Call it before the page's, which answers every path."""
    app.state.endings = Endings(services.queue)
    app.state.sdapi = Calls(services, app.state.endings)
    for router in (routes.router, neighbours.control, neighbours.router):
        app.include_router(router)
