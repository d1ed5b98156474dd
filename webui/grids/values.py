"""An axis' values as they are typed: A1111's notation for numbers (`1-5`, `1-10 (+2)`, `1-10 [5]`), CSV with quotes for words."""

import csv
import io
import itertools
import math
import re
from collections.abc import Sequence
from typing import TypeVar

from webui.core.grid import MAX_CELLS, plain
from webui.errors import RequestError

Value = TypeVar("Value")
_DIGITS = r"(?:\d{1,18}(?:\.\d{0,18})?|\.\d{1,18})"
_NUMBER = rf"(?:[+-]\s{{0,9}})?{_DIGITS}"
_RANGE = re.compile(
    rf"({_NUMBER})\s{{0,9}}-\s{{0,9}}({_NUMBER})"
    rf"(?:\s{{0,9}}\(\s{{0,9}}([+-]\s{{0,9}}{_DIGITS})\s{{0,9}}\)|\s{{0,9}}\[\s{{0,9}}(\d{{1,18}})\s{{0,9}}\])?"
)
MAX_TEXT = 1_000_000


def words_of(text: str) -> list[str]:
    """Values between commas; one in quotes may hold commas and line breaks. Raises `RequestError`."""
    if len(text) > MAX_TEXT:
        raise RequestError("values", f"The values have {len(text)} letters; they may have {MAX_TEXT}.")
    try:
        rows = list(csv.reader(io.StringIO(text), skipinitialspace=True))
    except csv.Error as error:
        raise RequestError("values", f"These values cannot be read: {error}.") from None
    found = [word.strip() for row in rows for word in row]
    return bounded([word for word in found if word])


def numbers_of(text: str, whole: bool) -> list[int | float]:
    """Numbers and ranges of numbers between commas. Raises `RequestError` naming the part that is none."""
    found: list[int | float] = []
    for word in words_of(text):
        found += _range(word, whole) if _RANGE.fullmatch(word.strip()) else [_number(word, whole)]
        bounded(found)
    return found


def bounded(values: list[Value]) -> list[Value]:
    """The same values. Raises `RequestError` for more than any grid may have."""
    if len(values) > MAX_CELLS:
        raise RequestError("values", f"An axis may have {MAX_CELLS:,} values; this one has more.")
    return values


def _number(word: str, whole: bool) -> int | float:
    try:
        number = float(word) if "." in word or "e" in word.lower() else int(word)
    except ValueError:
        said = f"{word[:50]!r} is no number. Write numbers (20, 30) or ranges such as 10-30 (+5) or 1-10 [5]."
        raise RequestError("values", said) from None
    if not math.isfinite(number) or (whole and number != int(number)):
        raise RequestError("values", f"{word[:50]!r} is no {'whole ' if whole else ''}number.")
    return int(number) if whole else number


def _range(word: str, whole: bool) -> Sequence[int | float]:
    match = _RANGE.fullmatch(word.strip())
    if match is None:
        return ()
    start, end = (_number(re.sub(r"\s", "", part), whole) for part in match.group(1, 2))
    if match[4] is not None:
        return _spread(start, end, int(match[4]), whole)
    step = _number(re.sub(r"\s", "", match[3]), whole) if match[3] else 1 if end >= start else -1
    if step == 0 or (end - start) / step < 0:
        raise RequestError("values", f"{word!r} never gets from {plain(start)} to {plain(end)}. Change the sign of its step.")
    count = math.floor((end - start) / step + 1e-9) + 1
    if count > MAX_CELLS:
        raise RequestError("values", f"{word!r} has {count:,} values; an axis may have {MAX_CELLS:,}.")
    return [start + place * step if whole else round(start + place * step, 10) for place in range(count)]


def _spread(start: int | float, end: int | float, count: int, whole: bool) -> Sequence[int | float]:
    """So many numbers, evenly from the first to the last."""
    if not 1 <= count <= MAX_CELLS:
        raise RequestError("values", f"Between brackets stands how many values there are: 1 to {MAX_CELLS:,}.")
    steps = [start + (end - start) * place / max(count - 1, 1) for place in range(count)]
    return [int(step) for step in steps] if whole else [round(step, 10) for step in steps]


def permutations_of(words: Sequence[str]) -> list[tuple[str, ...]]:
    """All orders of some words, as A1111's "Prompt order" has them. Raises `RequestError` for too many."""
    if math.factorial(min(len(words), 20)) > MAX_CELLS:
        raise RequestError("values", f"{len(words)} words have more orders than a grid may have cells. Take 7 words or fewer.")
    return list(itertools.permutations(words))
