"""Which paths speak another program's API, and how a refusal is said there before any route is reached."""

from typing import Any

A1111 = ("/sdapi/", "/controlnet/", "/internal/", "/sd_extra_networks/")
CLIENTS = A1111
"""Paths of all clients' APIs."""
WITH_PICTURES = ("/sdapi/", "/controlnet/")
"""Paths whose bodies hold pictures as base64."""


def refusal(path: str, status: int, message: str) -> dict[str, Any]:
    """A sentence in the shape of the API that this path belongs to."""
    if path.startswith(A1111):
        return {"detail": message}
    return {"message": message}
