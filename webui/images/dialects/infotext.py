"""The `parameters` text taken apart: prompt, "Negative prompt:", a line of `key: value, …`, and lines that others put behind it."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

NEGATIVE = "Negative prompt:"
_KEY = re.compile(r"(?<!\s)\s*(\w[\w \-/+.]{0,80}?):[ \t]*")
_QUOTED = re.compile(r'"(?:\\.|[^\\"])*"')
_COMMA = re.compile(r"[+-]?\d{1,30}(?:,\d{1,30}){1,9}(?=\s{0,9}(?:,|$))")
"""A number with a decimal comma, or with commas between thousands."""
_FIRST = re.compile(r"(?<!\s)\s*Steps:\s*\d")
_BEHIND = re.compile(r"(?:Negative )?Template:")
_INSIDE = re.compile(r"(,)\s*Steps:\s*\d")
_ENOUGH = 3
_MOST_PAIRS, _LONGEST_LINE = 1000, 200_000
_JSON = json.JSONDecoder()

Pairs = list[tuple[str, str]]


@dataclass(frozen=True)
class Infotext:
    """A parameters text's parts; `behind` are whole lines that follow the line of pairs, and what in that line is no pair."""

    prompt: str
    negative: str
    pairs: tuple[tuple[str, str], ...]
    behind: tuple[str, ...] = ()


def read_infotext(text: str) -> Infotext:
    """Take a text apart. Where no line of pairs is found the whole text is prompt and negative prompt."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").strip().split("\n")
    number, prefix, pairs = _line_of_pairs(lines)
    body = "\n".join([*lines[:number], prefix])
    lost = _strays(lines[number][len(prefix) :]) if pairs else ()
    marker = re.search(rf"(?:^|\n){NEGATIVE}", body)
    prompt, negative = (body, "") if marker is None else (body[: marker.start()], body[marker.end() :])
    return Infotext(prompt.strip(), negative.strip(), tuple(pairs), (*lost, *_joined(lines[number + 1 :])))


def _line_of_pairs(lines: list[str]) -> tuple[int, str, Pairs]:
    """(the number of the line of pairs, what stands before them in it, the pairs).

    It is the last line that begins with "Steps: 20", before any "Template:"; where none does, the last line of all. A line with fewer
    than three pairs belongs to the prompt.
    """
    starts = {number: pairs for number, line in enumerate(lines) if _FIRST.match(line) and len(pairs := list(read_pairs(line))) >= _ENOUGH}
    if starts:
        begin = next(iter(starts))
        end = next((number for number in range(begin, len(lines)) if _BEHIND.match(lines[number])), len(lines))
        number = max(start for start in starts if start < end)
        return number, "", starts[number]
    last = lines[-1]
    inside = _INSIDE.search(last)
    head, tail = (last[: inside.start()], last[inside.end(1) :]) if inside else ("", last)
    pairs = list(read_pairs(tail))
    return (len(lines) - 1, head, pairs) if len(pairs) >= _ENOUGH else (len(lines), "", [])


def _joined(lines: list[str]) -> Iterator[str]:
    """Lines behind the pairs, one for each "key:"; a line without a key goes on with the one before."""
    entry = ""
    for line in lines:
        if _KEY.match(line) and entry:
            yield entry
            entry = line.strip()
        else:
            entry = f"{entry} {line.strip()}".strip()
    if entry:
        yield entry


def read_pairs(line: str) -> Iterator[tuple[str, str]]:
    """The pairs of a line, in order. A value in quotes or brackets is one value, whatever commas and colons it holds."""
    return ((key, value) for key, value in _pieces(line) if key)


def _strays(line: str) -> Iterator[str]:
    """What of a line of pairs is none, with the pair before it: the 5 of "CFG scale: 7, 5"; and that a line is too long to be read."""
    before = ""
    for key, value in _pieces(line):
        if key:
            before = f"{key}: {value}"
        elif value:
            yield f"{value} (behind {before!r})"
    if len(line) > _LONGEST_LINE:
        yield f"what is behind the first {_LONGEST_LINE} letters of the line of values"


def _pieces(line: str) -> Iterator[tuple[str, str]]:
    """Keys and values of a line; without a key what stands between two commas and is no pair."""
    position, count, line = 0, 0, line[:_LONGEST_LINE]
    while position < len(line) and count < _MOST_PAIRS:
        count += 1
        match = _KEY.match(line, position)
        if match is None:
            comma = line.find(",", position)
            end = comma if comma >= 0 else len(line)
            yield "", line[position:end].strip()
            position = end + 1
            continue
        value, position = _value(line, match.end())
        yield match[1].strip(), value


def _value(line: str, start: int) -> tuple[str, int]:
    """(a value, where the next pair begins)."""
    for read in (_quoted, _bracketed):
        end = read(line, start)
        if end and (not line[end:].strip() or line[end:].lstrip()[0] == ","):
            comma = line.find(",", end)
            return _unquote(line[start:end]), comma + 1 if comma >= 0 else len(line)
    number = _COMMA.match(line, start)
    comma = line.find(",", start if number is None else number.end())
    end = comma if comma >= 0 else len(line)
    return line[start:end].strip(), end + 1


def _quoted(line: str, start: int) -> int:
    """Where a text in quotes ends; 0 when there is none."""
    match = _QUOTED.match(line, start)
    return match.end() if match else 0


def _bracketed(line: str, start: int) -> int:
    """Where JSON's list or object ends; 0 when there is none."""
    if line[start : start + 1] not in ("[", "{"):
        return 0
    try:
        return _JSON.raw_decode(line, start)[1]
    except (ValueError, RecursionError):
        return 0


def _unquote(value: str) -> str:
    if value[:1] != '"':
        return value
    try:
        return str(json.loads(value))
    except ValueError:
        return value
