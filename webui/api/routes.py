"""All routes of the API on one app: our own, and those that other programs' clients speak."""

from fastapi import APIRouter, FastAPI

from webui.api import (
    backends,
    downloads,
    errors,
    extras,
    gallery,
    grids,
    health,
    housekeeping,
    key_routes,
    mcp_route,
    models,
    native,
    offers,
    people,
    regions,
    schema,
    webhook_routes,
    words,
)
from webui.api.comfy import listings as comfy_listings
from webui.api.comfy import routes as comfy
from webui.api.comfy import socket as comfy_socket
from webui.api.comfy import tooling
from webui.api.comfy.sent import Graphs
from webui.api.comfy.stored import StoredGraphs
from webui.api.departures import Departures
from webui.api.openai import images
from webui.api.sdapi import neighbours, routes, stopping
from webui.api.sdapi.calls import Calls
from webui.api.waiting import Endings
from webui.api.webhooks import Webhooks
from webui.services import Services

OWN: tuple[APIRouter, ...] = (
    *(gallery.router, native.router, grids.router, extras.router, regions.router),
    *(key_routes.router, people.router, webhook_routes.router, backends.router),
    *(downloads.router, offers.router, housekeeping.router, models.router, words.router),
)
"""The routers of `/api/v1`: what the server answers, the docs list and the page's types know."""


def install(app: FastAPI, services: Services) -> None:
    """Add the routes, their errors, and what they hold between calls. Call it before the page's, which answer every path."""
    app.state.services = services
    app.state.api_keys = services.keys
    app.state.endings = Endings(services.queue)
    app.state.webhooks = Webhooks(services.queue, services.settings.current)
    app.state.departures = Departures(services.queue, services.keys, app.state.webhooks)
    app.state.comfy = Graphs(services.queue.store, StoredGraphs(services.queue.store.database))
    app.state.sdapi = Calls(services, app.state.endings)
    errors.install(app)
    schema.install(app)
    stops = (stopping.router,) if services.settings.current().api_server_stop else ()
    for router in (*OWN, *stops, health.router, routes.router, neighbours.control, neighbours.router, images.router, tooling.router):
        app.include_router(router)
    for router in (comfy.router, comfy_listings.router, comfy_socket.router):
        app.include_router(router)
        app.include_router(router, prefix="/api", include_in_schema=False)  # ComfyUI answers there too
    mcp_route.install(app)
