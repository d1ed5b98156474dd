"""Which prompts are templates, `{a|b}` and `__wildcard__`, and which only look like it: no brace of an ordinary prompt may get lost."""

import re
from collections.abc import Iterator

_BASE = 0xF4000
"""Where the stand-ins begin, in a private plane of Unicode that no prompt uses."""
_GUARDED = "{}$%#/_"
STAND_INS = {letter: chr(_BASE + place) for place, letter in enumerate(_GUARDED)}
_BACK = {ord(stand_in): letter for letter, stand_in in STAND_INS.items()}
_NAME = r"(?:\$\{[^{}|]*\}|(?!__)[^\s{}|#$()<>,:\"'])"
REFERENCE = re.compile(rf"__[~@!]?({_NAME}(?:(?:{_NAME}|[ ])*{_NAME})?)(?:\([^()]*\))?__")
"""A wildcard as it is written; its name is the first group."""
_VARIABLE = re.compile(r"\$\{\s*([A-Za-z_-][\w-]*)\s*(?:(\})|:|=|\?=)")
_SET = re.compile(r"\$\{\s*([A-Za-z_-][\w-]*)\s*\??=")


def is_template(text: str) -> bool:
    """Whether a prompt asks for something to be chosen: `{a|b}`, `{2$$a|b}`, `${name=value}`, `__wildcard__`."""
    if "{" not in text and "__" not in text:
        return False
    guarded = guard(text)
    return "{" in guarded or "__" in guarded


def guard(text: str, variables: bool = False) -> str:
    """The text with a stand-in for every letter that the template language would take and that is none of its own here.

    Braces that are not closed, or that hold no `|` and no `$$` (NovelAI's emphasis), stay braces; so do `100%`, `$5`, `#` and `//`.
    `${name}` is a variable where the text sets it; a wildcard's line (`variables`) may use what is set elsewhere.
    """
    letters = list(text)
    own = set(_own_braces(text, None if variables else set(_SET.findall(text))))
    named = {place for match in REFERENCE.finditer(text) for place in (match.start(), match.start() + 1, match.end() - 2, match.end() - 1)}
    for place, letter in enumerate(text):
        if letter not in STAND_INS or (place in own if letter in "{}$%" else place in named):
            continue
        if letter == "_" and not _is_double(text, place):
            continue
        if letter == "/" and text[place + 1 : place + 2] not in ("/", "*"):
            continue
        letters[place] = STAND_INS[letter]
    return "".join(letters)


def unguard(text: str) -> str:
    """The text with the letters again that `guard` took out."""
    return text.translate(_BACK)


def _is_double(text: str, place: int) -> bool:
    return "_" in (text[place + 1 : place + 2], text[place - 1 : place] if place else "")


def _own_braces(text: str, known: set[str] | None) -> Iterator[int]:
    """Places of the braces, and of the `$` and `%` beside them, that belong to the template language. `known` variables; None: any."""
    opened: list[tuple[int, list[int]]] = []
    for place, letter in enumerate(text):
        escaped = place > 0 and text[place - 1] == "\\"
        if letter == "{" and not escaped:
            opened.append((place, []))
        elif letter == "}" and not escaped and opened:
            start, marks = opened.pop()
            variable = _VARIABLE.match(text, start - 1) if start else None
            if variable is not None and (known is None or not variable[2] or variable[1] in known):
                yield start - 1
                marks.append(start)
            elif text[start - 1 : start] == "%" and any(text[mark] == "$" for mark in marks):
                yield start - 1
            dollars = [each for mark in marks if text[mark] == "$" for each in (mark, mark + 1)]
            yield from (start, place, *dollars) if marks else ()
        elif opened and (letter == "|" or (letter == "$" and text[place + 1 : place + 2] == "$")):
            opened[-1][1].append(place)
