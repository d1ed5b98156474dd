"""The types of the page's scripts say what the server's schema says."""

import pytest

from webui import typings


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": "string"}, "string"),
        ({"type": "integer"}, "number"),
        ({"type": "integer", "maximum": 2**64 - 1}, "number | string"),
        ({"type": "integer", "minimum": -(2**60)}, "number | string"),
        ({"type": "boolean"}, "boolean"),
        ({"type": "null"}, "null"),
        ({"const": "a"}, '"a"'),
        ({"enum": ["a", 1], "type": "string"}, '"a" | 1'),
        ({"anyOf": [{"type": "number"}, {"type": "integer"}, {"type": "null"}]}, "number | null"),
        ({"oneOf": [{"$ref": "#/components/schemas/Job"}, {"type": "string"}]}, "Job | string"),
        ({"type": "array", "items": {"anyOf": [{"type": "string"}, {"type": "null"}]}}, "Array<string | null>"),
        ({"type": "array"}, "Array<unknown>"),
        ({"type": "object", "additionalProperties": {"type": "string"}}, "Record<string, string>"),
        ({"type": "object", "additionalProperties": True}, "Record<string, unknown>"),
        ({"type": "object", "additionalProperties": False}, "Record<string, never>"),
        ({"type": "object", "properties": {"a-b": {"type": "string"}, "c": {}}}, '{ "a-b": string; c: unknown; }'),
        ({}, "unknown"),
    ],
    ids=str,
)
def test_each_kind_of_schema_has_its_type(schema, expected):
    assert typings.type_of(schema) == expected


def test_only_what_may_be_left_out_is_optional():
    properties = {"sent": {"type": "string"}, "usual": {"type": "number", "default": 1}, "rare": {"type": "boolean"}}
    [text] = typings.declarations({"Thing": {"description": "A thing.\n\nMore.", "properties": properties, "required": ["sent"]}})
    assert text == "/** A thing. */\nexport interface Thing {\n  sent: string;\n  usual: number;\n  rare?: boolean;\n}\n"


def test_every_name_that_is_used_is_declared():
    schemas = {**typings.api_document()["components"]["schemas"], **typings.page_schemas()}
    used = {name for each in schemas.values() for name in references(each)}
    assert used <= set(schemas)
    assert {"JobBody", "Snapshot", "GenerationRequest", "SettingsPage", "ExtensionCard"} <= set(schemas)


def references(node):
    if isinstance(node, dict):
        yield from [node["$ref"].rpartition("/")[2]] if "$ref" in node else []
        node = list(node.values())
    if isinstance(node, list):
        for each in node:
            yield from references(each)


def test_each_route_says_what_it_takes_and_answers():
    said = typings.routes(typings.api_document())
    for line in (
        '"POST /api/v1/jobs/{job_id}/again": { path: { job_id: string; }; query?: { new_seed?: boolean; }; answer: JobBody; };',
        '"POST /api/v1/webhooks": { json: Sent<HookWish, "url">; answer: MadeHook; };',
        '"POST /api/v1/keys": { json: Sent<KeyWish>; answer: MadeKey; };',
        '"GET /api/v1/images/{image_id}": { path: { image_id: string; }; query?: { download?: boolean; }; answer: Blob; };',
        '"GET /api/v1/jobs/{job_id}/events": { path: { job_id: string; }; query?: { after?: number; }; answer: JobEventBody; };',
    ):
        assert line in said


def test_the_types_know_every_route_of_our_own_api():
    """A router that is added to the app is added to the types too."""
    served = {f"{method} {route.path}" for route in all_routes() for method in route.methods}
    known = {f"{method.upper()} {path}" for path, ways in typings.api_document()["paths"].items() for method in ways}
    assert known == served and known


def all_routes():
    from fastapi.routing import APIRoute

    from webui.api import routes

    found = []
    for name, module in vars(routes).items():
        router = getattr(module, "router", None)
        if getattr(module, "__name__", "").startswith("webui.api.") and name != "health" and router is not None:
            found += [each for each in router.routes if isinstance(each, APIRoute) and each.path.startswith("/api/v1/")]
    return found
