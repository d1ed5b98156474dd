"""HTML written from top to bottom: what stands in it is escaped, and what a person reads is translated on the way."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import escape
from typing import Any

Words = Callable[[str], str]
"""Gives a text in the reader's language."""
Attribute = str | int | float | bool | None
_VOID = {"input", "link", "meta"}


def plain(value: Any) -> str:
    """A value as a box shows it; nothing for None."""
    return "" if value is None else f"{value:g}" if isinstance(value, float) and abs(value) < 1e6 else str(value)


class Markup:
    """A piece of HTML that grows at its end."""

    def __init__(self, words: Words) -> None:
        self.words = words
        self._parts: list[str] = []

    @contextmanager
    def within(self, tag: str, **attributes: Attribute) -> Iterator[None]:
        """What is written in the block stands inside this element. See `add` for the attributes."""
        self._open(tag, attributes)
        yield
        self._parts.append(f"</{tag}>")

    def add(self, tag: str, text: str = "", **attributes: Attribute) -> None:
        """An element with nothing but `text`, translated. `class_` is `class`, `data_host` is `data-host`.

        An attribute that is None or False is left out, one that is True has no value.
        """
        self._open(tag, attributes)
        if tag not in _VOID:
            self._parts.append(f"{escape(self.words(text), quote=False)}</{tag}>" if text else f"</{tag}>")

    def literal(self, text: str) -> None:
        """A text as it is, in every language."""
        self._parts.append(escape(text, quote=False))

    def raw(self, html: str) -> None:
        """HTML as it is."""
        self._parts.append(html)

    def undo_to(self, mark: int) -> None:
        """Take back all that was written since `mark` was the `length`."""
        del self._parts[mark:]

    @property
    def length(self) -> int:
        """How much was written, for `undo_to`."""
        return len(self._parts)

    @property
    def html(self) -> str:
        return "".join(self._parts)

    def _open(self, tag: str, attributes: dict[str, Attribute]) -> None:
        said = [
            f" {name.rstrip('_').replace('_', '-')}" + ("" if value is True else f'="{escape(plain(value))}"')
            for name, value in attributes.items()
            if value is not None and value is not False
        ]
        self._parts.append(f"<{tag}{''.join(said)}>")
