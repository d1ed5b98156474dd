"""Resolved requests as the app's resolve makes them, without models."""

from typing import Any

from webui.core.request import GenerationRequest, ResolvedRequest, parse_resolved

CHOSEN: dict[str, Any] = {
    "width": 64,
    "height": 64,
    "steps": 4,
    "sampler": "Euler",
    "schedule": "Karras",
    "guidance": 7.0,
    "seed": 1,
    "variation_seed": 1,
    "checkpoint": "tiny [0]",
}


def resolved(**fields: Any) -> ResolvedRequest:
    """Return a request of these fields, the rest chosen."""
    return parse_resolved(CHOSEN | fields)


def resolve_without_models(request: GenerationRequest) -> ResolvedRequest:
    """Return the request with `CHOSEN` wherever it leaves a choice."""
    chosen = {name: value for name, value in CHOSEN.items() if getattr(request, name) in (None, -1)}
    return ResolvedRequest.model_validate(dict(request) | chosen)
