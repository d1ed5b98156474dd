"""The OpenAPI document: what FastAPI derives from the routes, and the body of a job, which the route reads itself."""

from typing import Any

from fastapi import FastAPI

from webui.core.request import GenerationRequest

_REFERENCE = "#/components/schemas/{model}"
JOB_BODY = {
    "requestBody": {"required": True, "content": {"application/json": {"schema": {"$ref": _REFERENCE.format(model="GenerationRequest")}}}}
}
"""For a route that parses a `GenerationRequest` from its body, so that errors name fields in our own words."""


def install(app: FastAPI) -> None:
    """Add the schemas that `JOB_BODY` refers to."""
    derived = app.openapi

    def openapi() -> dict[str, Any]:
        document = derived()
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        if "GenerationRequest" not in schemas:
            schema = GenerationRequest.model_json_schema(ref_template=_REFERENCE)
            schemas |= {**schema.pop("$defs", {}), "GenerationRequest": schema}
        return document

    app.openapi = openapi  # type: ignore[method-assign]
