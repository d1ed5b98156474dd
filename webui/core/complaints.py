"""What pydantic finds wrong with a request, said of the field as people know it."""

import re
from collections.abc import Sequence

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from webui.core.fields import FieldSpec, find
from webui.core.finish import STEPS
from webui.core.names import printable
from webui.core.sentences import either, sentence
from webui.errors import RequestError

_BRANCH = re.compile(r"(?:str|int|float|bool)|(?:tuple|list|dict|set)\[.*\]")


def request_error_from(error: ValidationError, model: type[BaseModel]) -> RequestError:
    """Say pydantic's first complaint as a sentence about a field that the user knows by its label."""
    errors = error.errors(include_url=False)
    first, loc = errors[0], without_branch(errors[0]["loc"])
    path = ".".join(printable(str(part)) for part in loc) or "request"
    if first["type"] == "extra_forbidden":
        return RequestError(path, f"There is no field named {path}.")
    if loc and loc[-1] == "[key]":
        known = f"none of {first['ctx']['expected']}" if first["type"] == "literal_error" else "no text"
        return RequestError(path, f"{_label(model, loc[:1])} has a name that is {known}.")
    field = _field(model, loc)
    bounds = (field.low, field.high) if field else (None, None)
    return RequestError(path, either(_branches(errors), _label(model, loc)) or sentence(first, _label(model, loc), bounds))


def _branches(errors: Sequence[ErrorDetails]) -> list[ErrorDetails]:
    """The complaints of each type that a union was tried as, where the first one is such."""
    loc = without_branch(errors[0]["loc"])
    return [each for each in errors if each["loc"] != loc and without_branch(each["loc"]) == loc]


def without_branch(loc: tuple[int | str, ...]) -> tuple[int | str, ...]:
    """A place without pydantic's name of the type that a union was tried as."""
    return loc[:-1] if len(loc) > 1 and _BRANCH.fullmatch(str(loc[-1])) else loc


def _in_step(loc: tuple[int | str, ...]) -> bool:
    """Whether a place is a field of a step of the finish chain: finish, number, kind, field."""
    return len(loc) > 3 and loc[0] == "finish" and loc[2] in STEPS


def step_label(loc: tuple[int | str, ...]) -> str:
    """A field of a step of the finish chain as the page calls it, by pydantic's place of it; empty for any other place."""
    if not _in_step(loc):
        return ""
    field = find(STEPS[str(loc[2])], loc[3:])
    return f"{field.title if field and field.title else printable(str(loc[3]))} of step {int(loc[1]) + 1} ({loc[2]})"


def _field(model: type[BaseModel], loc: tuple[int | str, ...]) -> FieldSpec | None:
    return find(STEPS[str(loc[2])], loc[3:]) if _in_step(loc) else find(model, loc)


def _label(model: type[BaseModel], loc: tuple[int | str, ...]) -> str:
    """The label of the field itself, or of the list or object around the place; which entry of a list, as people count."""
    if not loc:
        return "The request"
    field = _field(model, loc)
    if _in_step(loc):
        return step_label(loc)
    label = field.title if field is not None and field.title else ".".join(printable(str(part)) for part in loc)
    entry = next((part + 1 for part in loc if isinstance(part, int)), None)
    return f"{label}, entry {entry}," if entry is not None and field is not None else label
