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

from webui.api import extras, gallery, key_routes, native, regions, schema
from webui.settings import PROJECT
from webui.ui import bodies

FILE = PROJECT / "webui" / "ui" / "static" / "js" / "api-types.d.ts"
HEAD = "// What the server sends, made from its schema by `python -m webui.docs`: do not edit.\n"
EXACT = 2**53
"""Beyond it a whole number may reach the page as the text of its digits, see exact.js."""
_PLAIN = {"string": "string", "boolean": "boolean", "null": "null", "number": "number", "integer": "number"}


def text() -> str:
    """The whole file."""
    return HEAD + "".join(f"\n{declaration}" for declaration in declarations({**api_schemas(), **page_schemas()}))


def api_schemas() -> dict[str, Any]:
    """What the OpenAPI document names, as the server gives it."""
    app = FastAPI()
    app.include_router(gallery.router)
    app.include_router(native.router)
    app.include_router(extras.router)
    app.include_router(regions.router)
    app.include_router(key_routes.router)
    schema.install(app)
    named: dict[str, Any] = app.openapi()["components"]["schemas"]
    return named


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
