"""File names as text: what can be printed, stored as JSON and typed, and when two names mean the same."""

import os
import unicodedata

from webui.core.templates import is_template

_UNPRINTABLE = {"Cc", "Cs", "Zl", "Zp"}
_TURNS = frozenset("\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Marks that turn the direction of writing: invisible, and they can make a name look like another."""


_TAG_MARKS = frozenset("<>:#")
_TEMPLATE_MARKS = frozenset("{}|$_")


def printable(text: str) -> str:
    """A name or path from the disk as text: accents composed, and what cannot be shown as `%` and two hex digits for each byte.

    That is bytes that are no UTF-8 (Python hands them over as lone surrogates), control characters and line breaks.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(_shown(letter) for letter in unicodedata.normalize("NFC", text))


def _shown(letter: str) -> str:
    if letter not in _TURNS and unicodedata.category(letter) not in _UNPRINTABLE:
        return letter
    try:
        data = os.fsencode(letter)
    except UnicodeEncodeError:  # a surrogate that stands for no byte
        data = letter.encode("utf-8", "surrogatepass")
    return "".join(f"%{byte:02X}" for byte in data)


def encodable(text: str) -> str:
    """The text as it is, lone surrogates (they stand for bytes of a file's name) shown as `%` and digits."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return "".join(_shown(letter) if unicodedata.category(letter) == "Cs" else letter for letter in text)
    return text


def in_tag(text: str) -> str:
    """A printable name as it can stand inside `<lora:…>`: the marks that end a tag or its parts, or begin a comment, as `%` and digits.

    So are those of a template, where the name would be one: `{a|b}`, `__name__`.
    """
    marks = _TAG_MARKS | _TEMPLATE_MARKS if is_template(text) else _TAG_MARKS
    return "".join(f"%{ord(letter):02X}" if letter in marks else letter for letter in text)


def fold(text: str) -> str:
    """What two names for the same file have in common: case, how accents are written, and which slash are left out of account."""
    return unicodedata.normalize("NFC", printable(text).strip().casefold()).replace("\\", "/")
