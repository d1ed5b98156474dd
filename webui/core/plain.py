"""Data from outside as plain values: what can be stored, shown and sent on, whoever made it."""

import math
from collections.abc import Iterator
from typing import Any

from webui.core.names import printable
from webui.errors import RequestError

MAX_DEPTH, MAX_VALUES = 64, 400_000
MAX_WHOLE = 10**300


def check_plain(data: Any, name: str = "request") -> None:
    """Raise `RequestError`, naming the place, for what JSON can say and nothing here can keep.

    That is text that is no Unicode (lone surrogates), numbers that are not finite or that no float can hold, endless nesting.
    """
    path: list[str] = []
    levels: list[Iterator[tuple[Any, Any]]] = [iter([("", data)])]
    seen = 0
    while levels:
        entry = next(levels[-1], None)
        if entry is None:
            levels.pop()
            continue
        del path[len(levels) - 1 :]
        key, value = entry
        path.append(str(key))
        seen += 1
        problem = _problem(key) or _problem(value)
        if len(levels) > MAX_DEPTH:
            path, problem = path[:2], "is nested too deeply"
        if seen > MAX_VALUES:
            path, problem = [], f"holds more than {MAX_VALUES} values"
        if problem:
            where = printable(".".join(path[1:])) or name
            raise RequestError(where, f"{where if where != name else 'The ' + name} {problem}.")
        if isinstance(value, dict | list):
            levels.append(iter(value.items()) if isinstance(value, dict) else iter(enumerate(value)))


def _problem(value: Any) -> str:
    if isinstance(value, str) and not value.isascii() and any("\ud800" <= letter <= "\udfff" for letter in value):
        return "must be text that can be written as UTF-8"
    if isinstance(value, float) and not math.isfinite(value):
        return "must be a finite number"
    if isinstance(value, int) and abs(value) >= MAX_WHOLE:
        return "has more digits than a number may have"
    return ""
