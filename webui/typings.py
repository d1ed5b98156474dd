"""The types of the page's scripts, `ui/static/js/api-types.d.ts`, from the API's schema and the page's own answers.

`python -m webui.docs` writes the file, the suite checks that it is up to date. Only editors and the type checker read it.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from webui.api import schema
from webui.api.routes import OWN
from webui.settings import PROJECT
from webui.ui import bodies

FILE = PROJECT / "webui" / "ui" / "static" / "js" / "api-types.d.ts"
HEAD = "// What the server sends, made from its schema by `python -m webui.docs`: do not edit.\n// deno-lint-ignore-file no-explicit-any\n"
EXACT = 2**53
"""Beyond it a whole number may reach the page as the text of its digits, see exact.js."""
_SENT = """/** What is sent: `K` must be, the rest may be left out. */
export type Sent<T, K extends keyof T = never> = Partial<T> & Pick<T, K>;
/** What a route takes besides its headers. */
export type Asked<R extends keyof Routes> = Omit<Routes[R], 'answer'>;
/** Besides what the schema says: a file as the body, and how the call is made. */
export interface Ways {
  body?: Blob;
  headers?: Record<string, string>;
  patience?: number;
}
/** The arguments behind a route's name; none where nothing must be given. */
export type Given<R extends keyof Routes> = Record<never, never> extends Asked<R> ? [given?: Asked<R> & Ways] : [given: Asked<R> & Ways];
/** What a route answers. */
export type Answer<R extends keyof Routes> = Routes[R]['answer'];
"""
_PLAIN = {"string": "string", "boolean": "boolean", "null": "null", "number": "number", "integer": "number"}


def text() -> str:
    """The whole file."""
    document = api_document()
    named = declarations({**document["components"]["schemas"], **page_schemas()})
    return HEAD + "".join(f"\n{declaration}" for declaration in (*named, routes(document), _SENT))


def api_document() -> dict[str, Any]:
    """The OpenAPI document of our own API."""
    app = FastAPI()
    for router in OWN:
        app.include_router(router)
    schema.install(app)
    return app.openapi()


def routes(document: Mapping[str, Any]) -> str:
    """Each route as `METHOD PATH`: what it takes in its path, query and body, and what it answers."""
    lines = [
        f"  {json.dumps(f'{method.upper()} {path}')}: {{ {' '.join(_parts(operation, document['components']['schemas']))} }};"
        for path, operations in sorted(document["paths"].items())
        for method, operation in operations.items()
    ]
    return "\n".join(["/** The routes of the API. */", "export interface Routes {", *lines, "}", ""])


def _parts(operation: Mapping[str, Any], schemas: Mapping[str, Any]) -> Iterator[str]:
    for place, name in (("path", "path"), ("query", "query")):
        given = [each for each in operation.get("parameters", ()) if each["in"] == place]
        if given:
            needed = any(each.get("required") for each in given)
            fields = " ".join(f"{_key(each['name'])}{'' if each.get('required') else '?'}: {type_of(each['schema'])};" for each in given)
            yield f"{name}{'' if needed else '?'}: {{ {fields} }};"
    if sent := operation.get("requestBody", {}).get("content", {}).get("application/json"):
        yield f"json{'' if operation['requestBody'].get('required') else '?'}: {_sent(sent['schema'], schemas)};"
    yield f"answer: {_answer(operation)};"


def _sent(each: Mapping[str, Any], schemas: Mapping[str, Any]) -> str:
    """A body's type: what has a default may be left out of what is sent."""
    if "$ref" not in each:
        return type_of(each)
    name = type_of(each)
    needed = " | ".join(json.dumps(key) for key in schemas[name].get("required", ()))
    return f"Sent<{name}, {needed}>" if needed else f"Sent<{name}>"


def _answer(operation: Mapping[str, Any]) -> str:
    """A picture or an archive where the schema says nothing of it; anything where it says only that it is an object."""
    status = min(status for status in operation["responses"] if status < "300")
    content = operation["responses"][status].get("content") or {}
    found = (content.get("text/event-stream") or content.get("application/json") or {}).get("schema") or {}
    return "Blob" if not found else type_of(found) if "$ref" in found else "any"


def page_schemas() -> dict[str, Any]:
    """The answers of the page's own routes."""
    models = [each for each in vars(bodies).values() if isinstance(each, type) and issubclass(each, BaseModel)]
    own = [each for each in models if each.__module__ == bodies.__name__]
    _, made = models_json_schema([(model, "serialization") for model in own], ref_template=schema.REFERENCE)
    named: dict[str, Any] = made["$defs"]
    return named


def declarations(schemas: Mapping[str, Any]) -> Iterator[str]:
    """One exported type for each schema, sorted by name."""
    for name, each in sorted(schemas.items()):
        first = str(each.get("description", "")).partition("\n")[0]
        comment = f"/** {first} */\n" if first else ""
        yield f"{comment}export {_object(name, each) if each.get('properties') else f'type {name} = {type_of(each)};'}\n"


def _object(name: str, each: Mapping[str, Any]) -> str:
    needed = each.get("required", ())
    lines = [
        f"  {_key(key)}{'' if key in needed or 'default' in value else '?'}: {type_of(value)};" for key, value in each["properties"].items()
    ]
    return "\n".join([f"interface {name} {{", *lines, "}"])


def type_of(each: Mapping[str, Any]) -> str:
    """A JSON Schema as TypeScript's type. What has a default is always sent, so it is no optional property."""
    if "$ref" in each:
        return str(each["$ref"]).rpartition("/")[2]
    if "const" in each:
        return json.dumps(each["const"])
    if "enum" in each:
        return " | ".join(json.dumps(value) for value in each["enum"])
    if parts := each.get("anyOf") or each.get("oneOf"):
        return " | ".join(dict.fromkeys(type_of(part) for part in parts))
    if each.get("type") == "integer" and max(abs(each.get("maximum", 0)), abs(each.get("minimum", 0))) > EXACT:
        return "number | string"
    if each.get("type") == "array":
        return f"Array<{type_of(each.get('items', {}))}>"
    if each.get("type") == "object":
        return _record(each)
    return _PLAIN.get(str(each.get("type")), "unknown")


def _record(each: Mapping[str, Any]) -> str:
    if properties := each.get("properties"):
        return "{ " + " ".join(f"{_key(key)}: {type_of(value)};" for key, value in properties.items()) + " }"
    values = each.get("additionalProperties", True)
    return f"Record<string, {type_of(values)}>" if isinstance(values, Mapping) else f"Record<string, {'unknown' if values else 'never'}>"


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z_]\w*", name) else json.dumps(name)
