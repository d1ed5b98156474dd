"""A field of a request as the form shows it, and a form's values as a request: labels, ranges and help have one home, the pydantic fields.

The form's values are flat: `hires.scale`, `sampler_options.eta`, `extras.film_grain.amount`. A nested part that may be absent
(`hires`, `soft_inpaint`) has a switch of its own, `hires.enabled`.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ValidationError

from webui.core.canvas import RegionOptions, areas_text, read_areas
from webui.core.fields import FieldSpec, find, specs
from webui.core.request import GenerationRequest, parse_request
from webui.errors import RequestError

Kind = Literal["slider", "number", "text", "choice", "check", "list"]
SWITCH = "enabled"
CHAIN = "finish"
"""The form holds the finish chain as JSON, see finish-chain.js."""
AREAS = "regions.areas"
"""The form holds the areas as lines."""
SAME = "Use the same"
OWN = "Automatic"
NONE = "None"

RANGES: dict[str, tuple[float, float, float]] = {
    "steps": (1, 150, 1),
    "guidance": (1, 30, 0.5),
    "hires.scale": (1, 4, 0.05),
    "hires.steps": (0, 150, 1),
    "hires.guidance": (0, 30, 0.5),
    "sampler_options.churn": (0, 100, 0.5),
}
"""Sliders narrower than what a request may hold: the hand needs the useful part. What is filled in from a picture may lie outside."""

_KINDS: dict[str, Kind] = {"bool": "check", "choice": "choice", "list": "list"}
_EMPTY_WORDS = {
    "hires.checkpoint": SAME,
    "hires.sampler": SAME,
    "hires.schedule": SAME,
    "vae": OWN,
    "text_encoder": OWN,
    "refiner_checkpoint": NONE,
}


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
    spec = find(model, name.split("."))
    if spec is None:
        raise KeyError(name)
    low, high, step = _range(prefix + name, spec)
    kind = _kind(prefix + name, spec, low, high)
    return FieldView(
        name=prefix + name,
        kind=kind,
        label=spec.title or spec.name.replace("_", " ").capitalize(),
        info=spec.description,
        value=_shown(spec.default, name),
        minimum=low,
        maximum=high,
        step=step,
        choices=spec.choices,
        low=_exact(spec.low),
        high=_exact(spec.high),
        empty=spec.default if kind in ("slider", "number") else None,
    )


def label_of(name: str) -> str:
    """What the form calls a field; the name itself for one that it does not know."""
    head = name.split(".")[0]
    if head == "extras" and "." in name:
        return ": ".join(part.replace("_", " ").capitalize() for part in name.split(".")[1:])
    spec = find(GenerationRequest, name.split("."))
    return (spec.title or spec.name.replace("_", " ").capitalize()) if spec is not None else name


def to_request(values: Mapping[str, Any]) -> GenerationRequest:
    """Make the request of a form's values. Raises `RequestError` with the name of the field that is wrong.

    What stands in a part that is switched off, or that the mode has no use for, is not read: it cannot be wrong.
    """
    switched = {part: bool(values.get(f"{part}.{SWITCH}")) for part in _switched(values)}
    left_out = {part for part, is_on in switched.items() if not is_on} | set(_unused(values.get("mode")))
    data: dict[str, Any] = {part: {} for part in switched if part not in left_out}
    for name, value in values.items():
        if name.partition(".")[0] not in left_out and (given := _given(name, value)) is not None:
            _put(data, name.split("."), given)
    return parse_request(data)


def to_values(request: Mapping[str, Any]) -> dict[str, Any]:
    """The form's values of a request, whole or partial (read from a picture); what the request does not say is left out.

    Raises `RequestError` for a list or a part of the request that is none.
    """
    values: dict[str, Any] = {}
    for name, value in request.items():
        spec = specs(GenerationRequest).get(name)
        if name == "extras":
            values.update(
                {f"extras.{owner}.{key}": _shown(each, "") for owner, part in _mapping(name, value) for key, each in _mapping(name, part)}
            )
        elif name in ("templates", "inputs"):
            continue  # the form has what the first became, and the second are the pictures of the Extras tab
        elif spec is not None and spec.model is not None:
            values.update(_part_values(name, value, spec.optional))
        else:
            values[name] = _shown(value, name)
    if isinstance(values.get("checkpoint"), str):
        values["checkpoint"] = re.sub(r"\[[0-9a-fA-F]{6,64}\]$", "", values["checkpoint"]).rstrip()
    return values


def _part_values(name: str, value: Any, optional: bool) -> dict[str, Any]:
    """The values of a nested part, with its switch when it may be absent."""
    switch = {f"{name}.{SWITCH}": value is not None} if optional else {}
    return switch | {f"{name}.{key}": _shown(each, f"{name}.{key}") for key, each in _mapping(name, value)}


def _mapping(name: str, value: Any) -> Iterable[tuple[str, Any]]:
    """The names and values of a part of a request; none where it is absent."""
    if value is not None and not isinstance(value, Mapping):
        raise RequestError(name, f"{label_of(name)} must be an object of names and values.")
    return (value or {}).items()


def _given(name: str, value: Any) -> Any:
    """What a component's value means in a request; None is "not said", which leaves the default."""
    if name.endswith(f".{SWITCH}") or value is None or value == _EMPTY_WORDS.get(name):
        return None
    if name == CHAIN:
        return _steps(value) if isinstance(value, str) and value.strip() else None
    if name == AREAS:
        return read_areas(value) if isinstance(value, str) and value.strip() else None
    if isinstance(value, str) and name.endswith(("sigmas", "timesteps")):
        return _numbers(name, value) if value.strip() else None
    if isinstance(value, str) and not value.strip() and not name.endswith("prompt"):
        return None
    return value


def _steps(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise RequestError(CHAIN, "The steps could not be read. Take them out and add them again.") from None


def _lines(value: Any) -> str:
    """Areas as lines. Raises `RequestError` for what is none."""
    try:
        return areas_text(RegionOptions.model_validate({"areas": value}).areas)
    except ValidationError:
        raise RequestError(AREAS, "These areas could not be read.") from None


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
    ours = {name for name, spec in specs(GenerationRequest).items() if spec.model is not None and spec.optional}
    return ours & {name.split(".")[0] for name in values if "." in name}


def _unused(mode: Any) -> tuple[str, ...]:
    """Fields that this mode does not know: left over in the form from another tab."""
    return {
        "txt2img": ("init", "mask", "soft_inpaint", "outpaint"),
        "img2img": ("mask", "soft_inpaint", "hires"),
        "inpaint": ("hires",),
    }.get(str(mode), ())


def _range(name: str, spec: FieldSpec) -> tuple[float | None, float | None, float | None]:
    if name in RANGES:
        return RANGES[name]
    low, high = _exact(spec.low), _exact(spec.high)
    own = (spec.extra or {}).get("step")
    step = own or (1 if spec.kind == "int" else 0.01 if high is not None and high <= 2 else 0.05 if spec.kind == "float" else None)
    return low, high, float(str(step)) if step is not None else None


def _exact(bound: Any) -> Any:
    """A browser's numbers are exact up to 2**53: beyond, the form leaves the check to the request."""
    return bound if bound is not None and abs(bound) <= 2**53 else None


def _kind(name: str, spec: FieldSpec, low: float | None, high: float | None) -> Kind:
    if spec.kind in ("int", "float"):
        bounded = low is not None and high is not None and high - low <= 300
        return "slider" if bounded and (not spec.optional or name in RANGES) and name != "hires.guidance" else "number"
    return _KINDS.get(spec.kind, "text")


def _shown(value: Any, name: str) -> Any:
    if value is None:
        return _EMPTY_WORDS.get(name)
    if name == "styles":
        if not isinstance(value, (tuple, list)):
            raise RequestError(name, f"{label_of(name)} must be a list.")
        return list(value)
    if name == AREAS:
        return _lines(value)
    if name == CHAIN:
        return json.dumps(value, separators=(",", ":")) if value else ""
    if isinstance(value, (tuple, list)):
        try:
            return ", ".join(f"{each:g}" for each in value)
        except (TypeError, ValueError, OverflowError):
            raise RequestError(name, f"{label_of(name) if name else 'A list'} must hold numbers.") from None
    return value
