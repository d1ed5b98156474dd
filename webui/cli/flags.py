"""Request fields as command-line flags, and flags back as request fields."""

import argparse
import json
from collections.abc import Iterator
from types import NoneType, UnionType
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from webui.core.request import GenerationRequest
from webui.errors import RequestError

SHORT = {"sampler_options", "guidance_options", "size_conditioning"}
SKIP = {"prompt"}


def add_request_flags(parser: argparse.ArgumentParser) -> None:
    """One flag per field (`--mask-blur`); an object's fields carry its name (`--hires-scale`), the sampler's and guidance's may not."""
    group = parser.add_argument_group("request", "every field of a request; see docs/request.md")
    taken = {f"--{name.replace('_', '-')}" for name in GenerationRequest.model_fields}
    for path, field in fields():
        if path[0] in SKIP:
            continue
        names = [f"--{'-'.join(path).replace('_', '-')}"]
        short = f"--{path[-1].replace('_', '-')}"
        if path[0] in SHORT and len(path) == 2 and short not in taken:
            names.insert(0, short)
        group.add_argument(*names, dest="request." + ".".join(path), default=argparse.SUPPRESS, **_kind(field))


def fields() -> Iterator[tuple[tuple[str, ...], FieldInfo]]:
    """Every field with its path; objects come as themselves (JSON) and then field by field."""
    for name, field in GenerationRequest.model_fields.items():
        yield (name,), field
        if (model := _model(field)) is not None:
            yield from (((name, inner), inner_field) for inner, inner_field in model.model_fields.items())


def request_values(arguments: argparse.Namespace) -> dict[str, Any]:
    """The fields that were given, nested as a request nests them. Raises `RequestError` for broken JSON."""
    values: dict[str, Any] = {}
    for key, value in vars(arguments).items():
        if not key.startswith("request."):
            continue
        *parents, name = key.removeprefix("request.").split(".")
        target = values
        for parent in parents:
            target = target.setdefault(parent, {})
        if isinstance(target.get(name), dict) and isinstance(value, dict):
            target[name] = {**value, **target[name]}
        else:
            target[name] = value
    return values


def _kind(field: FieldInfo) -> dict[str, Any]:
    kinds = _kinds(field)
    text = (field.title or "").replace("%", "%%")
    if bool in kinds:
        return {"action": argparse.BooleanOptionalAction, "help": text}
    if _model(field) is not None or any(get_origin(kind) in (dict, tuple) for kind in kinds):
        return {"type": _json(field), "metavar": "JSON", "help": text}
    number = next((kind for kind in (int, float) if kind in kinds), None)
    if number is not None:
        return {"type": number, "metavar": "N", "help": text}
    choices = [choice for kind in kinds if get_origin(kind) is Literal for choice in get_args(kind)]
    return {"type": str, "metavar": "TEXT", "help": f"{text}: {', '.join(choices)}" if choices else text}


def _kinds(field: FieldInfo) -> tuple[Any, ...]:
    annotation = field.annotation
    kinds = get_args(annotation) if isinstance(annotation, UnionType) else (annotation,)
    return tuple(kind for kind in kinds if kind is not NoneType)


def _model(field: FieldInfo) -> type[BaseModel] | None:
    return next((kind for kind in _kinds(field) if isinstance(kind, type) and issubclass(kind, BaseModel)), None)


def _json(field: FieldInfo) -> Any:
    def read(text: str) -> Any:
        try:
            return json.loads(text)
        except json.JSONDecodeError as error:
            raise RequestError(field.title or "request", f"This is not JSON: {error}.") from None

    return read
