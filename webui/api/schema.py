"""The OpenAPI document: what FastAPI derives from the routes, and the bodies that routes read and make themselves."""

from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import JsonSchemaMode, models_json_schema
from starlette.routing import Route

from webui.api import bodies
from webui.api.documented import complete
from webui.api.sdapi.shapes import ANSWERED
from webui.core.grid import GridWish
from webui.core.job import PreviewChoice
from webui.core.request import GenerationRequest
from webui.words.styles import StyleList

REFERENCE = "#/components/schemas/{model}"
JOB_BODY = {
    "requestBody": {"required": True, "content": {"application/json": {"schema": {"$ref": REFERENCE.format(model="GenerationRequest")}}}}
}
"""For a route that parses a `GenerationRequest` from its body, so that errors name fields in our own words."""
ANSWERS: tuple[type[BaseModel], ...] = (
    bodies.JobBody,
    bodies.JobList,
    bodies.ExtrasJobs,
    bodies.DetectorList,
    bodies.RegionList,
    bodies.Stopped,
    bodies.ImageWithRequest,
    bodies.ImageList,
    bodies.ImageId,
    bodies.ParametersText,
    bodies.QueueBody,
    bodies.PausedBody,
    bodies.SystemBody,
    bodies.PageEvent,
    bodies.JobEventBody,
    bodies.WildcardList,
    bodies.WildcardLines,
    bodies.Filled,
    StyleList,
    bodies.GridOfFolder,
    bodies.GridWithCells,
    bodies.GridList,
    bodies.GridCount,
    bodies.AxisKinds,
    bodies.PresetList,
    bodies.PromptList,
    PreviewChoice,
)


USUAL = "/openapi.json"
"""Where A1111 has its document, and generators of clients look for one."""


def answer(model: type[BaseModel], status: int = 200, media: str = "application/json") -> dict[str, Any]:
    """For a route that makes its answer from plain values: the model that it looks like, one of `ANSWERS`."""
    return {"responses": {str(status): {"content": {media: {"schema": {"$ref": REFERENCE.format(model=model.__name__)}}}}}}


def install(app: FastAPI) -> None:
    """Add the schemas that `JOB_BODY` and `answer` refer to."""
    derived = app.openapi

    def openapi() -> dict[str, Any]:
        document = derived()
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        if not schemas.keys() >= {GenerationRequest.__name__, *(model.__name__ for model in ANSWERS)}:
            schemas |= body_schemas() | _name_answers(document["paths"], ANSWERED)
            _keep_references(document["paths"])
            complete(document)
        return document

    app.openapi = openapi  # type: ignore[method-assign]
    served = next((route.endpoint for route in app.routes if isinstance(route, Route) and route.path == app.openapi_url), None)
    if served is not None and app.openapi_url != USUAL:
        app.add_route(USUAL, served, include_in_schema=False)


def body_schemas() -> dict[str, Any]:
    """The request and all answers, with what is inside them, by name."""
    wanted: list[tuple[type[BaseModel], JsonSchemaMode]] = [(model, "serialization") for model in ANSWERS]
    _, schema = models_json_schema([(GenerationRequest, "validation"), (GridWish, "validation"), *wanted], ref_template=REFERENCE)
    schemas: dict[str, Any] = schema["$defs"]
    return schemas


def _name_answers(paths: dict[str, Any], shapes: dict[str, Any]) -> dict[str, Any]:
    """Say what these routes answer; returns the schemas that this refers to."""
    found: dict[str, Any] = {}
    for route, shape in shapes.items():
        method, path = route.split()
        if path not in paths:  # a document of our own routes alone
            continue
        schema = TypeAdapter(shape).json_schema(mode="serialization", ref_template=REFERENCE)
        found |= schema.pop("$defs", {})
        if isinstance(shape, type) and issubclass(shape, BaseModel):
            found[shape.__name__] = schema
            schema = {"$ref": REFERENCE.format(model=shape.__name__)}
        paths[path][method.lower()]["responses"]["200"]["content"] = {"application/json": {"schema": schema}}
    return found


def _keep_references(node: Any) -> None:
    """FastAPI writes what it derived ("an object") beside the reference to what is known better."""
    if isinstance(node, list):
        for each in node:
            _keep_references(each)
    elif isinstance(node, dict):
        if "$ref" in node:
            reference = node["$ref"]
            node.clear()
            node["$ref"] = reference
        for each in node.values():
            _keep_references(each)
