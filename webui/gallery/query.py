"""The gallery's query language: words, fields, dates and marks in one line of text, as a value.

`owl model:photon steps>20 size:portrait kept -sketch "red apple" 2026-11` finds what has all of it; what stands behind a minus must not be.
"""

import difflib
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Literal

from webui.core.request import MAX_SEED, FrozenModel
from webui.errors import RequestError

MAX_QUERY, MAX_TERMS = 2_000, 50
Operator = Literal["=", "<", "<=", ">", ">="]

TEXT_KEYS = ("model", "sampler", "schedule", "lora", "emb", "mode", "collection", "by")
NUMBER_KEYS = ("steps", "cfg", "width", "height", "seed", "strength", "clipskip", "rated")
KEYS = (*TEXT_KEYS, *NUMBER_KEYS, "size", "like", "session")
MARKS = ("kept", "rejected", "unrated", "txt2img", "img2img", "inpaint", "hires")
DAYS = ("today", "yesterday", "week")
SHAPES = ("portrait", "landscape", "square")

_TOKEN = re.compile(
    r'(?P<minus>-?)(?:(?P<key>[A-Za-z_]{2,20})(?P<operator><=|>=|[:=<>])(?P<value>"[^"]*"|\S*)|"(?P<quoted>[^"]*)"|(?P<word>\S+))'
)
_SIZE = re.compile(r"(\d{1,5})[x×](\d{1,5})")  # noqa: RUF001
_DAY = re.compile(r"(\d{4})(?:-(\d\d?)(?:-(\d\d?))?)?")


class Term(FrozenModel):
    """One condition: `key` is a field's name, `word` for the prompt, `mark`, `shape` or `made` (then `low` ≤ time < `high`, in seconds)."""

    key: str
    text: str = ""
    operator: Operator = "="
    number: float = 0.0
    low: float = 0.0
    high: float = 0.0
    negated: bool = False
    source: str = ""


class ImageQuery(FrozenModel):
    """All conditions that a picture must meet."""

    terms: tuple[Term, ...] = ()

    @property
    def text(self) -> str:
        """The line again."""
        return " ".join(term.source for term in self.terms)

    def without(self, term: Term) -> "ImageQuery":
        """The query that asks for one thing less."""
        return ImageQuery(terms=tuple(each for each in self.terms if each is not term))


def parse_query(text: str, now: Callable[[], datetime] = lambda: datetime.now(UTC).astimezone()) -> ImageQuery:
    """Read a line. Days are those of `now`'s time zone. Raises `RequestError` on `q` for what is no field or no value of it."""
    if len(text) > MAX_QUERY:
        raise RequestError("q", f"A query has at most {MAX_QUERY:,} letters.")
    found = [_term(match, now) for match in _TOKEN.finditer(text)]
    terms = tuple(term for term in found if term is not None)
    if len(terms) > MAX_TERMS:
        raise RequestError("q", f"A query has at most {MAX_TERMS} parts; this has {len(terms)}.")
    return ImageQuery(terms=terms)


def _term(match: re.Match[str], now: Callable[[], datetime]) -> Term | None:
    negated, source = bool(match["minus"]), match[0]
    if match["key"] is None:
        plain = match["quoted"] if match["quoted"] is not None else match["word"]
        if not plain or plain == "-":
            return None
        known = None if match["quoted"] is not None else _named(plain.lower(), now)
        return (known or Term(key="word", text=plain)).model_copy(update={"negated": negated, "source": source})
    key, value = match["key"].lower(), match["value"].strip('"')
    if key not in KEYS:
        near = " or ".join(f"{name}:" for name in difflib.get_close_matches(key, KEYS, 2))
        meant = f" Did you mean {near}?" if near else ""
        raise RequestError("q", f"There is no field named {key}.{meant} Put quotes around words to search for.")
    operator: Operator = "=" if match["operator"] == ":" else match["operator"]  # type: ignore[assignment]
    if not value:
        raise RequestError("q", f"{key}{match['operator']} needs a value behind it, without a space.")
    return _valued(key, operator, value).model_copy(update={"negated": negated, "source": source})


def _named(word: str, now: Callable[[], datetime]) -> Term | None:
    if word in MARKS:
        return Term(key="mark", text=word)
    return _time(word, now)


def _valued(key: str, operator: Operator, value: str) -> Term:
    if key == "size":
        return _size(operator, value)
    if key in (*TEXT_KEYS, "like"):
        if operator != "=":
            raise RequestError("q", f"{key} is a text: write {key}:{value}.")
        return Term(key=key, text=value)
    try:
        number = float(value)
    except ValueError:
        number = float("nan")
    if not -1 <= number <= float(MAX_SEED):
        raise RequestError("q", f"{key} is a number; {value[:40]!r} is none.")
    return Term(key=key, text=value, operator=operator, number=number)


def _size(operator: Operator, value: str) -> Term:
    if operator == "=" and value.lower() in SHAPES:
        return Term(key="shape", text=value.lower())
    found = _SIZE.fullmatch(value.lower())
    if found is None or operator != "=":
        raise RequestError("q", "size is portrait, landscape, square, or like 512x768.")
    return Term(key="size", low=int(found[1]), high=int(found[2]))


def _time(word: str, now: Callable[[], datetime]) -> Term | None:
    """A day, a month, a year, or a range of them."""
    today = now()
    start = today.replace(hour=0, minute=0, second=0, microsecond=0)
    if word in DAYS:
        low = {"today": start, "yesterday": start - timedelta(days=1), "week": start - timedelta(days=6)}[word]
        high = start if word == "yesterday" else start + timedelta(days=1)
        return Term(key="made", low=low.timestamp(), high=high.timestamp())
    first, dots, last = word.partition("..")
    spans = [_span(part) for part in ((first, last) if dots else (first,))]
    if not all(spans):
        return None
    ends = [(span[0], span[1]) for span in spans if span]
    from_day, to_day = (datetime(day.year, day.month, day.day, tzinfo=today.tzinfo) for day in (ends[0][0], ends[-1][1]))
    return Term(key="made", low=from_day.timestamp(), high=to_day.timestamp())


def _span(text: str) -> tuple[date, date] | None:
    """The first day of a day, month or year, and the first behind it; None for what is none."""
    found = _DAY.fullmatch(text)
    if found is None or (found[2] is None and not 1990 <= int(found[1]) < 2100):
        return None
    year, month, day = int(found[1]), int(found[2] or 1), int(found[3] or 1)
    try:
        first = date(year, month, day)
        if found[3]:
            return first, first + timedelta(days=1)
        return first, date(year + (month == 12 or found[2] is None), month % 12 + 1 if found[2] else 1, 1)
    except (ValueError, OverflowError):
        return None
