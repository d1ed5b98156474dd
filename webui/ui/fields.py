"""A field of a request as the form shows it, and a form's values as a request: labels, ranges and help have one home, the pydantic fields.

The form's values are flat: `hires.scale`, `sampler_options.eta`, `extras.film_grain.amount`. A nested part that may be absent
(`hires`, `soft_inpaint`) has a switch of its own, `hires.enabled`.
"""

import re
import types
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from webui.core.request import GenerationRequest, parse_request
from webui.core.sentences import bounds_of
from webui.errors import RequestError

Kind = Literal["slider", "number", "text", "choice", "check", "list"]
SWITCH = "enabled"
SAME = "Use the same"
OWN = "Automatic"

RANGES: dict[str, tuple[float, float, float]] = {
    "steps": (1, 150, 1),
    "guidance": (1, 30, 0.5),
    "hires.scale": (1, 4, 0.05),
    "hires.steps": (0, 150, 1),
    "hires.guidance": (0, 30, 0.5),
    "sampler_options.churn": (0, 100, 0.5),
}
"""Sliders narrower than what a request may hold: the hand needs the useful part. What is filled in from a picture may lie outside."""

_EMPTY_WORDS = {"hires.sampler": SAME, "hires.schedule": SAME, "vae": OWN, "text_encoder": OWN}


@dataclass(frozen=True)
class FieldView:
    """How one field looks, before any component exists.

    `minimum` and `maximum` are the slider's ends, `low` and `high` what the request allows; `empty` is what an empty number means.
    """

    name: str
    kind: Kind
    label: str
    info: str
    value: Any
    minimum: float | None = None
    maximum: float | None = None
    step: float | None = None
    choices: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    empty: float | None = None

    @property
    def element(self) -> str:
        """The id of its element in the page."""
        return self.name.replace(".", "-")


def field_view(name: str, model: type[BaseModel] = GenerationRequest, prefix: str = "") -> FieldView:
    """Describe the field of dotted `name` below `model`; `prefix` goes in front of the name (`extras.<id>.`)."""
    info = _find(name, model)
    plain, optional = _unwrap(info.annotation)
    low, high, step = _range(prefix + name, info, plain)
    least, most = _bounds(info)
    value = info.get_default(call_default_factory=True)
    kind = _kind(prefix + name, plain, low, high, optional)
    choices = tuple(map(str, get_args(plain))) if kind == "choice" else ()
    return FieldView(
        name=prefix + name,
        kind=kind,
        label=info.title or name.rpartition(".")[2].replace("_", " ").capitalize(),
        info=info.description or "",
        value=_shown(value, name),
        minimum=low,
        maximum=high,
        step=step,
        choices=choices,
        low=least,
        high=most,
        empty=value if kind in ("slider", "number") else None,
    )


def label_of(name: str) -> str:
    """What the form calls a field; the name itself for one that it does not know."""
    head = name.split(".")[0]
    if head == "extras":
        return ": ".join(part.replace("_", " ").capitalize() for part in name.split(".")[1:])
    return field_view(name).label if head in GenerationRequest.model_fields else name


def to_request(values: Mapping[str, Any]) -> GenerationRequest:
    """Make the request of a form's values. Raises `RequestError` with the name of the field that is wrong."""
    data: dict[str, Any] = {}
    for name, value in values.items():
        if (given := _given(name, value)) is not None:
            _put(data, name.split("."), given)
    for part in _switched(values):
        if not values.get(f"{part}.{SWITCH}"):
            data.pop(part, None)
        else:
            data.setdefault(part, {})
    for unused in _unused(values.get("mode")):
        data.pop(unused, None)
    return parse_request(data)


def to_values(request: Mapping[str, Any]) -> dict[str, Any]:
    """The form's values of a request, whole or partial (read from a picture); what the request does not say is left out."""
    values: dict[str, Any] = {}
    for name, value in request.items():
        annotation = GenerationRequest.model_fields[name].annotation if name in GenerationRequest.model_fields else None
        if name.count(".") or annotation is None:
            values[name] = _shown(value, name)
        elif name == "extras":
            values.update({f"extras.{owner}.{key}": _shown(each, "") for owner, part in value.items() for key, each in part.items()})
        elif (part := _part(annotation)) is not None:
            values.update(_part_values(name, value, part[1]))
        else:
            values[name] = _shown(value, name)
    if isinstance(values.get("checkpoint"), str):
        values["checkpoint"] = re.sub(r"\[[0-9a-fA-F]{6,64}\]$", "", values["checkpoint"]).rstrip()
    return values


def _part_values(name: str, value: Any, optional: bool) -> dict[str, Any]:
    """The values of a nested part, with its switch when it may be absent."""
    switch = {f"{name}.{SWITCH}": value is not None} if optional else {}
    return switch | {f"{name}.{key}": _shown(each, f"{name}.{key}") for key, each in (value or {}).items()}


def _given(name: str, value: Any) -> Any:
    """What a component's value means in a request; None is "not said", which leaves the default."""
    if name.endswith(f".{SWITCH}") or value is None or value == _EMPTY_WORDS.get(name):
        return None
    if isinstance(value, str) and name.endswith(("sigmas", "timesteps")):
        return _numbers(name, value) if value.strip() else None
    if isinstance(value, str) and not value.strip() and not name.endswith("prompt"):
        return None
    return value


def _numbers(name: str, text: str) -> list[float]:
    try:
        return [float(part) for part in re.split(r"[,;\s]+", text.strip()) if part]
    except ValueError:
        raise RequestError(name, "Write numbers with commas between them, falling: 14.6, 7.1, 3.2, 0.") from None


def _put(data: dict[str, Any], path: list[str], value: Any) -> None:
    for part in path[:-1]:
        data = data.setdefault(part, {})
    data[path[-1]] = value


def _switched(values: Iterable[str]) -> set[str]:
    """Parts of the request that are absent unless their switch is on."""
    ours = {name for name, info in GenerationRequest.model_fields.items() if (part := _part(info.annotation)) and part[1]}
    return ours & {name.split(".")[0] for name in values if "." in name}


def _unused(mode: Any) -> tuple[str, ...]:
    """Fields that this mode does not know: left over in the form from another tab."""
    return {
        "txt2img": ("init", "mask", "soft_inpaint"),
        "img2img": ("mask", "soft_inpaint", "hires"),
        "inpaint": ("hires",),
    }.get(str(mode), ())


def _find(name: str, model: type[BaseModel]) -> FieldInfo:
    head, _, rest = name.partition(".")
    info = model.model_fields[head]
    part = _part(info.annotation)
    return _find(rest, part[0]) if rest and part else info


def _part(annotation: Any) -> tuple[type[BaseModel], bool] | None:
    """(model, may be absent) of a nested part."""
    plain, optional = _unwrap(annotation)
    return (plain, optional) if isinstance(plain, type) and issubclass(plain, BaseModel) else None


def _unwrap(annotation: Any) -> tuple[Any, bool]:
    """The type without `| None`, and whether there was one."""
    if get_origin(annotation) in (Union, types.UnionType):
        rest = [each for each in get_args(annotation) if each is not type(None)]
        return rest[0], len(rest) < len(get_args(annotation))
    return annotation, False


def _range(name: str, info: FieldInfo, plain: Any) -> tuple[float | None, float | None, float | None]:
    if name in RANGES:
        return RANGES[name]
    low, high = _bounds(info)
    extra = info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}
    step = extra.get("step") or (1 if plain is int else 0.01 if high is not None and high <= 2 else 0.05 if plain is float else None)
    return low, high, float(str(step)) if step is not None else None


def _bounds(info: FieldInfo) -> tuple[float | None, float | None]:
    """What the field's own rules allow."""
    low, high = bounds_of(info)
    return _exact(low), _exact(high)


def _exact(bound: Any) -> Any:
    """A browser's numbers are exact up to 2**53: beyond, the form leaves the check to the request."""
    return bound if bound is not None and abs(bound) <= 2**53 else None


def _kind(name: str, plain: Any, low: float | None, high: float | None, optional: bool) -> Kind:
    if plain is bool:
        return "check"
    if get_origin(plain) is Literal:
        return "choice"
    if get_origin(plain) is tuple:
        return "list"
    if plain in (int, float):
        bounded = low is not None and high is not None and high - low <= 300
        return "slider" if bounded and (not optional or name in RANGES) and name != "hires.guidance" else "number"
    return "text"


def _shown(value: Any, name: str) -> Any:
    if value is None:
        return _EMPTY_WORDS.get(name)
    if isinstance(value, (tuple, list)):
        return ", ".join(f"{each:g}" for each in value)
    return value
