"""Request fields as command-line flags, and flags back as request fields."""

import argparse
import json
from typing import Any

from webui.core.fields import FieldSpec, walk
from webui.core.request import GenerationRequest
from webui.errors import RequestError

SHORT = {"sampler_options", "guidance_options", "size_conditioning"}
SKIP = {"prompt"}


def add_request_flags(parser: argparse.ArgumentParser) -> None:
    """One flag per field (`--mask-blur`); an object's fields carry its name (`--hires-scale`), the sampler's and guidance's may not."""
    group = parser.add_argument_group("request", "every field of a request; see docs/request.md")
    taken = {f"--{name.replace('_', '-')}" for name in GenerationRequest.model_fields}
    for spec in walk(GenerationRequest):
        path = spec.path.split(".")
        if path[0] in SKIP:
            continue
        names = [f"--{'-'.join(path).replace('_', '-')}"]
        short = f"--{path[-1].replace('_', '-')}"
        if path[0] in SHORT and len(path) == 2 and short not in taken:
            names.insert(0, short)
        group.add_argument(*names, dest=f"request.{spec.path}", default=argparse.SUPPRESS, **_kind(spec))


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


def _kind(spec: FieldSpec) -> dict[str, Any]:
    text = spec.title.replace("%", "%%")
    if spec.kind == "bool":
        return {"action": argparse.BooleanOptionalAction, "help": text}
    if spec.kind in ("model", "object", "list"):
        return {"type": _json(spec), "metavar": "JSON", "help": text}
    if spec.kind in ("int", "float"):
        return {"type": int if spec.kind == "int" else float, "metavar": "N", "help": text}
    return {"type": str, "metavar": "TEXT", "help": f"{text}: {', '.join(spec.choices)}" if spec.choices else text}


def _json(spec: FieldSpec) -> Any:
    def read(text: str) -> Any:
        try:
            return json.loads(text)
        except json.JSONDecodeError as error:
            raise RequestError(spec.title or "request", f"This is not JSON: {error}.") from None

    return read
