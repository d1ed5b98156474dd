"""What the OpenAPI document says beside what FastAPI derives: examples, files as answers, and how a key is brought."""

from collections.abc import Mapping
from typing import Any

PICTURES = ("image/png", "image/jpeg", "image/webp")
"""What pictures that Darkroom makes are saved as."""
_ANY_PICTURE = (*PICTURES, "image/*")
"""An upload stays the file that it was."""
FILES: dict[str, tuple[str, ...]] = {
    "GET /api/v1/images/{image_id}": _ANY_PICTURE,
    "GET /api/v1/images/{image_id}/read": _ANY_PICTURE,
    "GET /api/v1/images/{image_id}/thumb": ("image/webp",),
    "GET /api/v1/images/layout": ("application/octet-stream",),
    "POST /api/v1/images/zip": ("application/zip",),
    "GET /api/v1/jobs/{job_id}/preview": ("image/jpeg",),
    "GET /api/v1/grids/{grid_id}/picture": PICTURES,
    "GET /api/v1/grids/{grid_id}/animation": ("image/webp", "image/gif", "video/mp4"),
    "GET /api/v1/models/{model_id}/preview": ("image/jpeg",),
    "GET /api/v1/models/search/pictures/{key}": ("image/jpeg",),
    "GET /v1/images/files/{name}": PICTURES,
    "GET /metrics": ("text/plain",),
    "GET /view": _ANY_PICTURE,
    "GET /sd_extra_networks/thumb": _ANY_PICTURE,
    "GET /sd_extra_networks/cover-images": _ANY_PICTURE,
}
"""By route: the content types of a file that it answers."""
STREAMS = ("POST /v1/images/generations", "POST /v1/images/edits", "POST /v1/images/variations")
"""Routes whose answer is a stream of events where `stream` asks for one."""
_APPLE: dict[str, Any] = {"prompt": "a red apple", "negative_prompt": "blurry", "width": 512, "height": 512, "steps": 20, "seed": 5}
_A1111: dict[str, Any] = {"prompt": "a red apple", "width": 512, "height": 512, "steps": 20, "sampler_name": "Euler", "seed": 5}
_PNG = (
    "iVBORw0KGgoAAAANSUhEUgAAAEAAAABACAIAAAAlC+aJAAAAT0lEQVR42u3PQQkAAAgEsItz/VMYywi+hcEKLNO+FgEBAQEBAQEB"
    "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQGBywLvDoEAVSaz4wAAAABJRU5ErkJggg=="
)
_ID = "0" * 64
EXAMPLES: dict[str, Any] = {
    "POST /api/v1/jobs": _APPLE,
    "POST /api/v1/grids": {"request": {"prompt": "a red apple"}, "axes": [{"kind": "steps", "values": "10, 20"}]},
    "POST /api/v1/grids/count": {"request": {"prompt": "a red apple"}, "axes": [{"kind": "steps", "values": "10, 20"}]},
    "POST /api/v1/extras": {"images": [_ID], "finish": [{"kind": "upscale", "upscaler": "Lanczos", "scale": 2}]},
    "POST /api/v1/regions": {"image": _ID, "step": {"kind": "detail"}},
    "PATCH /api/v1/images": {"ids": [_ID], "rating": 5},
    "POST /api/v1/images/zip": {"q": "apple"},
    "POST /api/v1/collections": {"name": "Apples", "query": "apple"},
    "POST /api/v1/wildcards/try": {"text": "a {red|green} apple", "seeds": [1, 2]},
    "PUT /api/v1/styles": {"name": "Ink", "prompt": "{prompt}, ink drawing", "negative_prompt": "photo"},
    "PUT /api/v1/presets": {"name": "Fast", "request": {"steps": 8}},
    "POST /api/v1/keys": {"name": "Krita", "scopes": ["read", "generate"]},
    "POST /api/v1/webhooks": {"url": "https://example.org/darkroom", "events": ["done", "failed"]},
    "POST /api/v1/people": {"name": "Mia", "role": "member"},
    "PATCH /api/v1/me": {"name": "Anna"},
    "PATCH /api/v1/models/{model_id}": {"favourite": True, "tags": ["red"], "defaults": {"steps": 30}},
    "POST /api/v1/models/downloads": {"source": "hf:stabilityai/sd-turbo"},
    "POST /sdapi/v1/txt2img": _A1111,
    "POST /sdapi/v1/img2img": {**_A1111, "init_images": [_PNG], "denoising_strength": 0.6},
    "POST /sdapi/v1/extra-single-image": {"image": _PNG, "upscaler_1": "Lanczos", "upscaling_resize": 2},
    "POST /sdapi/v1/png-info": {"image": _PNG},
    "POST /v1/images/generations": {"prompt": "a red apple", "size": "512x512", "response_format": "b64_json", "darkroom": {"seed": 5}},
}
"""By route: a body that it takes."""
_SAYS = {"message": "Steps must be at least 1.", "field": "steps"}
_KEYS = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "An API key, or the access key."},
    "accessKey": {"type": "apiKey", "in": "header", "name": "X-Access-Key"},
}
_BINARY = {"type": "string", "format": "binary"}


def complete(document: dict[str, Any]) -> None:
    """Write it into a document."""
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            _complete(f"{method.upper()} {path}", operation)
    parts = document["components"]
    if "Problem" in parts["schemas"]:
        parts["schemas"]["Problem"]["example"] = _SAYS
    parts["securitySchemes"] = _KEYS
    document["security"] = [{}, *({name: []} for name in _KEYS)]


def _complete(route: str, operation: Mapping[str, Any]) -> None:
    if route in FILES:
        operation["responses"]["200"]["content"] = {kind: {"schema": _BINARY} for kind in FILES[route]}
    if route in STREAMS:
        kinds = {"application/json": "object", "text/event-stream": "string"}
        operation["responses"]["200"]["content"] = {kind: {"schema": {"type": said}} for kind, said in kinds.items()}
    for response in operation["responses"].values():
        content = response.get("content", {})
        if len(content) > 1 and content.get("application/json", {}).get("schema") == {}:  # FastAPI's guess beside what is known
            del content["application/json"]
    sent = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if sent is not None and route in EXAMPLES:
        sent["example"] = EXAMPLES[route]
