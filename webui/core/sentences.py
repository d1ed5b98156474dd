"""What pydantic finds wrong with a value, as a sentence for people: the field by its label, what it must be, no word of the machine's."""

from collections.abc import Iterable, Mapping
from math import inf
from typing import Any

Bounds = tuple[float | None, float | None]
"""The least and the largest that a number may be, either end included."""

_MOST_SHOWN = 60
_ONE = {"characters": "character", "bytes": "byte", "entries": "entry"}
_OF_PYTHON = ("invalid literal for", "could not convert", "not enough values", "too many values", "math domain", "cannot convert")
_MUST = {
    "a whole number": ("int_type", "int_parsing", "int_from_float"),
    "a number": ("float_type", "float_parsing", "decimal_type", "decimal_parsing", "fraction_type", "fraction_parsing", "complex_type"),
    "a finite number": ("finite_number",),
    "true or false": ("bool_type", "bool_parsing"),
    "text": ("string_type", "bytes_type", "path_type"),
    "text that can be written as UTF-8": ("string_unicode", "bytes_invalid_encoding"),
    "text of plain English letters, digits and signs": ("string_not_ascii",),
    "a list": ("list_type", "tuple_type", "set_type", "frozen_set_type", "deque_type", "iterable_type", "iteration_error"),
    "an object of names and values": (
        "dict_type",
        "frozen_dict_type",
        "ordered_dict_type",
        "counter_type",
        "mapping_type",
        "model_type",
        "model_attributes_type",
        "dataclass_type",
        "dataclass_exact_type",
        "named_tuple_type",
    ),
    "JSON": ("json_type", "json_invalid"),
    "left empty": ("none_required",),
    "a day such as 2026-01-31": ("date_type", "date_parsing", "date_from_datetime_parsing", "date_from_datetime_inexact"),
    "a time such as 12:30:00": ("time_type", "time_parsing"),
    "a day and time such as 2026-01-31T12:30:00Z": (
        "datetime_type",
        "datetime_parsing",
        "datetime_object_invalid",
        "datetime_from_date_parsing",
        "timezone_naive",
        "timezone_aware",
        "timezone_offset",
    ),
    "in the past": ("date_past", "datetime_past"),
    "in the future": ("date_future", "datetime_future"),
    "a length of time such as PT1H30M": ("time_delta_type", "time_delta_parsing"),
    "an address such as http://127.0.0.1:7860": ("url_type", "url_parsing", "url_syntax_violation"),
    "an id such as 3f2504e0-4f89-41d3-9a0c-0305e82c3301": ("uuid_type", "uuid_parsing", "uuid_version"),
    "a complex number such as 1+2j": ("complex_str_parsing",),
}
_MUST_BE = {kind: what for what, kinds in _MUST.items() for kind in kinds}
_WHOLE_SENTENCES = {
    "missing": "{label} is missing.",
    "int_parsing_size": "{label} has more digits than a number may have.",
    "frozen_field": "{label} cannot be changed.",
    "frozen_instance": "{label} cannot be changed.",
    "recursion_loop": "{label} contains itself.",
    "recursion_depth_exceeded": "{label} is nested too deeply.",
    "extra_forbidden": "There is no field named {label}.",
    "invalid_key": "{label} has a name that is no text.",
    "set_item_not_hashable": "{label} has an entry that is no plain value.",
    "string_pattern_mismatch": "{label} is not written as it must be.",
}
_LENGTHS = {
    "string_too_short": ("min_length", "characters"),
    "string_too_long": ("max_length", "characters"),
    "bytes_too_short": ("min_length", "bytes"),
    "bytes_too_long": ("max_length", "bytes"),
    "url_too_long": ("max_length", "characters"),
    "too_short": ("min_length", "entries"),
    "too_long": ("max_length", "entries"),
}
_RANGES = {"greater_than": "gt", "greater_than_equal": "ge", "less_than": "lt", "less_than_equal": "le"}
_RANGE_WORDS = {"gt": "more than", "ge": "at least", "lt": "less than", "le": "at most"}


def sentence(error: Mapping[str, Any], label: str, bounds: Bounds = (None, None)) -> str:
    """One entry of `ValidationError.errors()` in words; a sentence of our own, raised by a check of ours, stays as it is.

    `bounds` are both ends of the field's range, of which pydantic tells only the one that was passed.
    """
    kind, context = str(error["type"]), error.get("ctx") or {}
    if kind in ("value_error", "assertion_error"):
        return _own(context.get("error"), label)
    if kind in _WHOLE_SENTENCES:
        return _WHOLE_SENTENCES[kind].format(label=label)
    if kind in _MUST_BE:
        return f"{label} must be {_MUST_BE[kind]}."
    if kind in _RANGES:
        return f"{label} must be {_range(_RANGES[kind], context, bounds)}."
    if kind in _LENGTHS:
        return _length(kind, context, label, error.get("input"))
    if kind in ("literal_error", "enum") and context.get("expected"):
        return f"{label} must be one of {context['expected']}."
    if kind == "union_tag_invalid":
        return f"{label} must be of one of these kinds: {context.get('expected_tags')}."
    if kind == "union_tag_not_found":
        return f"{label} must say its {str(context.get('discriminator')).strip(chr(39))}."
    if kind == "multiple_of":
        return f"{label} must be a multiple of {number(context.get('multiple_of'))}."
    return f"{label} cannot be this value."


def either(errors: Iterable[Mapping[str, Any]], label: str) -> str:
    """What each of several types asks for, as one sentence; empty where that is not two or more plain types."""
    wanted = [_MUST_BE.get(str(each["type"]), "") for each in errors]
    known = list(dict.fromkeys(wanted))
    return f"{label} must be {' or '.join(known)}." if len(known) > 1 and all(known) else ""


def with_value(error: Mapping[str, Any], said: str) -> str:
    """The sentence and, where it is short enough to help, the value that it is about."""
    value = error.get("input")
    if (
        error["type"] in ("missing", "extra_forbidden")
        or not isinstance(value, str | int | float | None)
        or value in (inf, -inf)
        or value != value
    ):
        return said
    shown = (
        "empty"
        if value in (None, "")
        else repr(value)
        if isinstance(value, str)
        else str(value).lower()
        if isinstance(value, bool)
        else str(value)
    )
    return f"{said} It is {shown}." if len(shown) <= _MOST_SHOWN else said


def number(value: Any) -> str:
    """A bound as people write it: 4 rather than 4.0, and a large whole number with all its digits."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _own(error: object, label: str) -> str:
    """What a check said. The words of Python's own conversions are none for people."""
    said = str(error).strip() if type(error) in (ValueError, AssertionError) else ""
    if " " not in said or said.startswith(_OF_PYTHON):
        return f"{label} cannot be this value."
    return said if said.endswith((".", "!", "?", ")")) else f"{said}."


def _range(rule: str, context: Mapping[str, Any], bounds: Bounds) -> str:
    low, high = bounds
    if low is not None and high is not None:
        return f"between {number(low)} and {number(high)}"
    return f"{_RANGE_WORDS[rule]} {number(context.get(rule))}"


def _length(kind: str, context: Mapping[str, Any], label: str, value: object) -> str:
    rule, things = _LENGTHS[kind]
    bound = context.get(rule)
    said = (
        f"{label} {'must have at least' if rule == 'min_length' else 'may have at most'} {bound} {_ONE[things] if bound == 1 else things}"
    )
    if isinstance(value, str | bytes):
        return f"{said}; this one has {len(value)}."
    length = context.get("actual_length")
    return f"{said}; there are {'more' if length is None else length or 'none'}."


def in_words(error: BaseException) -> str:
    """What an unforeseen error says, to stand behind a sentence: `: no such file`. Empty where that is no more than a name.

    A KeyError says the key alone; the system's errors say what happened without their number.
    """
    told = error.strerror if isinstance(error, OSError) and error.strerror else "" if isinstance(error, KeyError) else str(error)
    said = " ".join(told.split()).rstrip(".")
    return f": {said}" if " " in said else ""
