"""TOML as people write it: a file's content, or in plain words what is wrong with it and in which line."""

import codecs
import re
import tomllib
from typing import Any

_WIDE = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_LINE = re.compile(r"at line (\d+), column \d+")
_MOST_LINES = 500
_HOW = 'it is not written as name = value, such as port = 7860 or host = "127.0.0.1"'
_SAID = (
    ("Cannot overwrite", "a name stands there that was given a value before"),
    ("Cannot declare", "a name stands there that was given a value before"),
    ("Unterminated string", "a text is not closed: it ends with the quotes that it begins with"),
    ('Expected "\'"', "a text is not closed: it ends with the quotes that it begins with"),
    ("Illegal character", "there is a character that cannot be typed"),
    ("Unclosed array", "a list is not closed: its last bracket ] is missing"),
    ("Unescaped", "a backslash stands in double quotes. Write the path in single quotes"),
    ("Invalid hex value", "a backslash stands in double quotes. Write the path in single quotes"),
    ("Invalid value", "there is no value behind the =, or a text without quotes"),
)
"""What the parser says, by a part of it, and what we say."""


def read_toml(data: bytes) -> dict[str, Any]:
    """The content of a TOML file. Raises ValueError with what is wrong and where, without a full stop."""
    text = _decoded(data)
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ValueError("its brackets are nested too deep") from None
    except tomllib.TOMLDecodeError as error:
        found = _LINE.search(str(error))
        line = int(found[1]) if found else _unfinished(text.split("\n"))
        said = next((ours for theirs, ours in _SAID if theirs in str(error)), _HOW)
        raise ValueError(f"in line {line} {said}") from None
    except ValueError:
        raise ValueError("a number in it has too many digits") from None


def _unfinished(lines: list[str]) -> int:
    """The line that begins what is not finished at the end: all before it can be read."""
    for count in range(min(len(lines), _MOST_LINES) - 1, 0, -1):
        try:
            tomllib.loads("\n".join(lines[:count]))
        except (ValueError, RecursionError):
            continue
        return count + 1
    return 1


def _decoded(data: bytes) -> str:
    """UTF-8, or what an editor wrote with its mark in front."""
    try:
        return data.decode("utf-16" if data.startswith(_WIDE) else "utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ValueError(f"in line {line} there are bytes that are no text in UTF-8. Save it as UTF-8") from None
