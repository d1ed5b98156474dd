"""The one table of what each route needs. The guard asks it before any route is reached; a test compares it with the routes there are."""

import re
from functools import lru_cache

from webui.people.roles import Need

ANY = ("GET", "POST", "PUT", "PATCH", "DELETE")
TABLE: dict[Need, str] = {
    "look": """
        GET / /ext-{name} /config /manifest.json /favicon.ico /robots.txt /theme.css /health /ready /metrics /openapi.json /logout
        GET /assets/{rest:path} /static/{rest:path} /svelte/{rest:path} /look/{rest:path} /gradio_api/{rest:path}
        GET /pwa_icon /pwa_icon/{size} /monitoring /monitoring/{rest:path}
        POST /login
        GET /api/v1/openapi.json /api/v1/capabilities /api/v1/events /api/v1/queue /api/v1/system /api/v1/prompts /api/v1/detectors
        GET /api/v1/me
        PATCH /api/v1/me
        GET /api/v1/jobs /api/v1/jobs/{id} /api/v1/jobs/{id}/events /api/v1/jobs/{id}/preview
        GET /api/v1/images /api/v1/images/{id} /api/v1/images/{id}/{part} /api/v1/collections
        GET /api/v1/grids /api/v1/grids/{id} /api/v1/grids/{id}/{part} /api/v1/grids/axes
        GET /api/v1/keys /api/v1/webhooks /api/v1/backends /api/v1/backends/model
        GET /api/v1/models /api/v1/models/{id} /api/v1/models/{id}/preview /api/v1/models/overview /api/v1/models/starters
        GET /api/v1/models/duplicates
        GET /api/v1/presets /api/v1/styles /api/v1/wildcards /api/v1/wildcards/lines
        GET /page/extensions /page/languages /page/lists /page/native /page/settings /page/shelf /page/steps
        GET /page/words/{name}
        GET /sdapi/{rest:path} /controlnet/{rest:path} /internal/{rest:path} /sd_extra_networks/{rest:path} /v1/{rest:path}
        POST /sdapi/v1/png-info /internal/progress /controlnet/detect
        GET /prompt /history /history/{id} /view /queue /object_info /object_info/{kind} /system_stats /embeddings
        GET /models /models/{folder} /ws
        GET /api/etn/{rest:path}
        GET /mcp
        POST /mcp
        DELETE /mcp
    """,
    "make": """
        POST /api/v1/jobs /api/v1/jobs/{id}/retry /api/v1/jobs/{id}/again /api/v1/jobs/{id}/move
        PUT /api/v1/jobs/{id}/preview
        DELETE /api/v1/jobs /api/v1/jobs/{id}
        POST /api/v1/images /api/v1/images/purge /api/v1/images/undo/{token} /api/v1/images/{id}/restore /api/v1/collections
        PATCH /api/v1/images /api/v1/collections/{number}
        DELETE /api/v1/images/{id} /api/v1/collections/{number}
        POST /api/v1/grids /api/v1/grids/{id}/retry /api/v1/grids/{id}/values /api/v1/extras /api/v1/regions
        DELETE /api/v1/grids/{id}
        PUT /api/v1/presets
        DELETE /api/v1/presets /api/v1/keys/{id} /api/v1/webhooks/{id}
        POST /api/v1/images/zip /api/v1/grids/count /api/v1/wildcards/try
        POST /page/generate /page/grids /page/presets /page/grids/count
        POST /page/lists /page/mask /page/parameters/picture /page/parameters/text /page/tokens /page/values
        POST /gradio_api/{rest:path}
        POST /sdapi/{rest:path} /controlnet/{rest:path} /internal/{rest:path} /sd_extra_networks/{rest:path} /v1/{rest:path}
        PUT /sdapi/{rest:path} /controlnet/{rest:path} /internal/{rest:path} /sd_extra_networks/{rest:path} /v1/{rest:path}
        PATCH /sdapi/{rest:path} /controlnet/{rest:path} /internal/{rest:path} /sd_extra_networks/{rest:path} /v1/{rest:path}
        DELETE /sdapi/{rest:path} /controlnet/{rest:path} /internal/{rest:path} /sd_extra_networks/{rest:path} /v1/{rest:path}
        POST /prompt /history /queue /interrupt /upload/image /upload/mask /api/etn/{rest:path}
        PUT /api/etn/{rest:path}
    """,
    "keys": "POST /api/v1/keys",
    "webhooks": "POST /api/v1/webhooks",
    "settings": """
        PATCH /page/settings
        POST /sdapi/v1/server-stop /sdapi/v1/server-kill /sdapi/v1/server-restart
    """,
    "extensions": "PUT /page/extensions/{id}",
    "queue": "POST /api/v1/queue/pause /api/v1/queue/resume /api/v1/queue/free /sdapi/v1/unload-checkpoint /free",
    "models": """
        GET /api/v1/models/conversions /api/v1/models/downloads /api/v1/models/downloads/{id}
        GET /api/v1/models/search /api/v1/models/search/pictures/{key} /api/v1/models/unused
        POST /api/v1/models/downloads /api/v1/models/downloads/{id}/pause /api/v1/models/downloads/{id}/resume
        POST /api/v1/models/offers /api/v1/models/export /sdapi/v1/create/embedding /sdapi/v1/create/hypernetwork
        POST /api/v1/models/{id}/convert /api/v1/models/{id}/export /api/v1/models/{id}/recognise
        PATCH /api/v1/models/{id}
        DELETE /api/v1/models/{id} /api/v1/models/conversions/{id} /api/v1/models/downloads/{id}
    """,
    "styles": """
        PUT /api/v1/styles
        DELETE /api/v1/styles
    """,
    "backends": """
        PATCH /api/v1/backends/{name}
        POST /api/v1/backends/{name}/accept
    """,
    "folders": "POST /api/v1/grids/folder /page/grids/folder",
    "people": """
        GET /api/v1/people /api/v1/audit
        POST /api/v1/people
        PATCH /api/v1/people/{id}
        DELETE /api/v1/people/{id}
    """,
}
"""By need: a method, and the paths that it is asked at. ComfyUI's are served below `/api` too. Extensions' routes stand nowhere here."""


def listed() -> list[tuple[str, str, Need]]:
    """(method, path, need) of every row."""
    rows: list[tuple[str, str, Need]] = []
    for need, text in TABLE.items():
        for line in text.split("\n"):
            method, *paths = line.split() or [""]
            rows += [(method, path, need) for path in paths]
    return rows


def need_of(method: str, path: str) -> Need:
    """What a request needs. A route that the table does not have, such as an extension's, needs `look` to be read, else `make`."""
    asked = "GET" if method in ("HEAD", "OPTIONS", "WEBSOCKET") else method
    return _known(asked, path) or ("look" if asked == "GET" else "make")


def is_listed(method: str, path: str) -> bool:
    """Whether the table has this route, whose path may have names in braces."""
    return _known("GET" if method in ("HEAD", "OPTIONS") else method, path) is not None


def _known(method: str, path: str) -> Need | None:
    plain = path.removesuffix("/") or "/"
    found = _match(method, plain)
    is_comfys = plain.startswith("/api/") and not plain.startswith("/api/v1/")
    return _match(method, plain.removeprefix("/api")) if found is None and is_comfys else found


def _match(method: str, path: str) -> Need | None:
    first = path.split("/", 2)[1]
    first = "ext-" if first.startswith("ext-") else first
    return next((need for pattern, need in _patterns().get((method, first), ()) if pattern.fullmatch(path)), None)


@lru_cache(maxsize=1)
def _patterns() -> dict[tuple[str, str], list[tuple[re.Pattern[str], Need]]]:
    """Patterns by method and first part of the path; those that say more come first."""
    found: dict[tuple[str, str], list[tuple[re.Pattern[str], Need]]] = {}
    for method, path, need in sorted(listed(), key=lambda row: (row[1].endswith(":path}"), row[1].count("{"), -len(row[1]))):
        pattern = re.sub(r"\{[^}]*:path\}", ".*", re.sub(r"\{[^}:]*\}", "[^/]+", path))
        found.setdefault((method, path.split("/", 2)[1].partition("{")[0]), []).append((re.compile(pattern, re.DOTALL), need))
    return found
