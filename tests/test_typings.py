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
    schemas = {**typings.api_schemas(), **typings.page_schemas()}
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
