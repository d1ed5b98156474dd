"""Which paths speak another program's API, and how a refusal is said there before any route is reached."""

from typing import Any

A1111 = ("/sdapi/", "/controlnet/", "/internal/", "/sd_extra_networks/")
OPENAI = ("/v1/",)
_COMFY = (
    *("/prompt", "/history", "/view", "/upload/", "/queue", "/interrupt", "/free", "/object_info", "/system_stats", "/embeddings"),
    *("/models", "/ws"),
)
COMFY = (*_COMFY, *(f"/api{path}" for path in _COMFY), "/api/etn/")
CLIENTS = (*A1111, *OPENAI, *COMFY, "/mcp")
"""Paths of all clients' APIs."""
WITH_IMAGES = ("/sdapi/", "/controlnet/", "/v1/images/", "/mcp", "/upload/", "/api/upload/", "/prompt", "/api/prompt", "/api/etn/image/")
"""Paths whose bodies hold pictures as base64."""


def refusal(path: str, status: int, message: str) -> dict[str, Any]:
    """A sentence in the shape of the API that this path belongs to."""
    if path.startswith(A1111):
        return {"detail": message}
    if path.startswith(OPENAI):
        return openai_error(status, message)
    if path.startswith(COMFY):
        return {"error": {"type": "refused", "message": message, "details": "", "extra_info": {}}, "node_errors": {}}
    return {"message": message}


def openai_error(status: int, message: str, param: str | None = None, code: str | None = None) -> dict[str, Any]:
    """OpenAI's body of an error."""
    kinds = {401: "authentication_error", 403: "permission_error", 404: "not_found_error", 429: "rate_limit_error"}
    kind = kinds.get(status, "invalid_request_error" if status < 500 else "server_error")
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}
