"""The flags that A1111 and Forge are started with, as their `webui-user` files write them: by a shell's rules, or by Windows'."""

import os
import re
import shlex
from collections.abc import Iterator

_SET = re.compile(r"(?:export\s{1,40}|@?set\s{1,40})?\"?([A-Za-z_]\w{0,60})\s{0,4}=(.*)", re.IGNORECASE)
_FLAG = re.compile(r"--([a-z0-9-]+)[ =]+(\"[^\"\n]+\"|'[^'\n]+'|[^\s\"'-][^\s\"']*)")
_VARIABLE = re.compile(r"%(\w{1,60})%|\$\{(\w{1,60})\}|\$(\w{1,60})")
_LONGEST = 10_000


def flags_in(text: str, is_batch: bool) -> Iterator[tuple[str, str]]:
    """The flags that have a value, with it, in their order; `is_batch` says that the text is of a .bat file.

    Variables are those that the text has set before, else the environment's. Lines that are commented out or broken give nothing.
    """
    known: dict[str, str] = {}
    joined = text.replace("\r\n", "\n").replace("^\n" if is_batch else "\\\n", " ")
    for line in joined.splitlines():
        if len(line) > _LONGEST or line.lstrip().lower().startswith(("#", "rem ", "::", "@rem ")):
            continue
        line = _filled(line, known)
        if found := _SET.match(line.lstrip()):
            known[found[1].upper() if is_batch else found[1]] = _value(found[2], is_batch)
        yield from _of_batch(line) if is_batch else _of_shell(line)


def _of_batch(line: str) -> Iterator[tuple[str, str]]:
    """Windows knows no escapes: a backslash is a part of a path."""
    yield from ((name, value.strip("\"'")) for name, value in _FLAG.findall(line))


def _of_shell(line: str) -> Iterator[tuple[str, str]]:
    """What stands in a variable is split once more, as the program does that it is for."""
    words: list[str] = []
    for outer in _split(line):
        name, is_set, value = outer.partition("=")
        words += _split(value) if is_set and not outer.startswith("-") and name.isidentifier() else [outer]
    for word, after in zip(words, [*words[1:], ""], strict=False):
        name, has_value, value = word.removeprefix("--").partition("=")
        if word.startswith("--") and (has_value or not after.startswith("-")):
            yield name, value if has_value else after


def _split(text: str) -> list[str]:
    try:
        return shlex.split(text, comments=True)
    except ValueError:  # a quote that is closed on another line, or nowhere
        return [word.strip("\"'") for word in text.split()]


def _value(text: str, is_batch: bool) -> str:
    return text.strip().removesuffix('"') if is_batch else "".join(_split(text)[:1])


def _filled(line: str, known: dict[str, str]) -> str:
    def value(found: re.Match[str]) -> str:
        name = found[1] or found[2] or found[3]
        return known.get(name.upper() if found[1] else name) or os.environ.get(name) or ("" if found[1] else found[0])

    return _VARIABLE.sub(value, line)
