"""What a pydantic field is, read once: its kind, choices, range, title and default. Page, command line, documents and errors use it."""

import types
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

Kind = Literal["bool", "int", "float", "text", "path", "choice", "list", "object", "model"]
_PLAIN: dict[Any, Kind] = {bool: "bool", int: "int", float: "float", str: "text", Path: "path"}


@dataclass(frozen=True)
class FieldSpec:
    """One field of a model. `path` is dotted from the model that was asked for (`hires.scale`).

    `low` and `high` are the ends of its range, None where it is open; `above` says that `low` itself is not allowed. `model` is the
    nested model of kind "model", `item` the type of a list's entries. `extra` is the field's `json_schema_extra`.
    """

    path: str
    kind: Kind
    title: str
    description: str
    optional: bool
    default: Any
    choices: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    above: bool = False
    model: type[BaseModel] | None = None
    item: Any = None
    extra: Mapping[str, Any] | None = None

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition(".")[2]


@cache
def specs(model: type[BaseModel]) -> Mapping[str, FieldSpec]:
    """Return the model's own fields by name, in order."""
    return {name: _spec(name, info) for name, info in model.model_fields.items()}


def walk(model: type[BaseModel]) -> Iterator[FieldSpec]:
    """Yield every field, a nested model's after the field that holds it."""
    for name, spec in specs(model).items():
        yield spec
        if spec.model is not None:
            yield from (_below(name, inner) for inner in walk(spec.model))


def find(model: type[BaseModel], place: Sequence[int | str]) -> FieldSpec | None:
    """Return the field at a place, as pydantic tells places: names, numbers of list entries, keys. None when the first is no field.

    What lies inside a field that is no model (an entry of a list) is that field.
    """
    spec = specs(model).get(str(place[0])) if place else None
    if spec is None or spec.model is None or len(place) == 1:
        return spec
    inner = find(spec.model, place[1:])
    return inner and _below(spec.path, inner)


def nested(flat: Mapping[str, Any]) -> dict[str, Any]:
    """Return values by dotted path as the objects that they are parts of: `{"hires.scale": 2}` as `{"hires": {"scale": 2}}`."""
    result: dict[str, Any] = {}
    for path, value in flat.items():
        outer, dot, inner = path.partition(".")
        if dot:
            result.setdefault(outer, {})[inner] = value
        else:
            result[path] = value
    return result


def plain_type(annotation: Any) -> tuple[Any, bool]:
    """Return a type without `| None` and `Annotated`, and whether there was a None."""
    if get_origin(annotation) is Annotated:
        return plain_type(get_args(annotation)[0])
    if get_origin(annotation) not in (Union, types.UnionType):
        return annotation, False
    rest = [each for each in get_args(annotation) if each is not types.NoneType]
    return plain_type(rest[0])[0], len(rest) < len(get_args(annotation))


def _below(name: str, spec: FieldSpec) -> FieldSpec:
    return FieldSpec(**{**vars(spec), "path": f"{name}.{spec.path}"})


def _spec(name: str, info: FieldInfo) -> FieldSpec:
    plain, optional = plain_type(info.annotation)
    kind = plain_kind(plain)
    rules = {
        rule_name: bound
        for rule in info.metadata
        for rule_name in ("ge", "gt", "le", "lt")
        if (bound := getattr(rule, rule_name, None)) is not None
    }
    return FieldSpec(
        path=name,
        kind=kind,
        title=info.title or "",
        description=(info.description or "").strip(),
        optional=optional,
        default=info.get_default(call_default_factory=True),
        choices=_choices(plain) if kind == "choice" else (),
        low=rules.get("ge", rules.get("gt")),
        high=rules.get("le", rules.get("lt")),
        above="gt" in rules and "ge" not in rules,
        model=plain if kind == "model" else None,
        item=_item(get_args(plain)[0]) if kind == "list" else None,
        extra=info.json_schema_extra if isinstance(info.json_schema_extra, dict) else None,
    )


def _item(entry: Any) -> Any:
    """A list's entry without the rules for it."""
    bare = get_args(entry)[0] if get_origin(entry) is Annotated else entry
    return bare if bare in _PLAIN else entry


def _choices(plain: Any) -> tuple[str, ...]:
    if isinstance(plain, type) and issubclass(plain, Enum):
        return tuple(str(member.value) for member in plain)
    return tuple(map(str, get_args(plain)))


def plain_kind(plain: Any) -> Kind:
    """Return the kind of a type without `| None`."""
    if get_origin(plain) is Literal or (isinstance(plain, type) and issubclass(plain, Enum)):
        return "choice"
    if get_origin(plain) in (tuple, list):
        return "list"
    if isinstance(plain, type) and issubclass(plain, BaseModel):
        return "model"
    return _PLAIN.get(plain, "object")
