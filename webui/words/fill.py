"""Templates in prompts filled by each picture's seed: `{a|b}`, `{2$$a|b|c}`, `__wildcard__`, through the `dynamicprompts` library.

The same template, files and seed give the same words, and the words that A1111's Dynamic Prompts extension takes for that seed.
"""

import itertools
import re
from collections.abc import Iterator, Sequence
from random import Random
from typing import TYPE_CHECKING, Any, get_args

from webui.core.names import printable
from webui.core.options import FilledTemplate
from webui.core.pictures import image_seeds, text_of, with_text
from webui.core.request import MAX_FILLED, GenerationRequest, Request, TemplateField
from webui.core.templates import guard, is_template, unguard
from webui.errors import RequestError
from webui.words.files import Value
from webui.words.language import Work
from webui.words.wildcards import Wildcards

if TYPE_CHECKING:
    from dynamicprompts.commands import Command

FIELDS: tuple[TemplateField, ...] = get_args(TemplateField)
MOST_PICTURES = 1000
MOST_LOOKS, MOST_OF_ALL = 300, 200_000
"""Wildcards that one picture's prompt may ask for, and lines that all pictures' may look at."""
_FINITE = re.compile(r"(?<=\{)(\s*)!|(?<=__)!")
"""`!` asks for all combinations, which one picture cannot show."""

_UNSET = re.compile(r"Variable ([\w-]+) is not defined")


def fill_templates(request: Request, wildcards: Wildcards, anew: bool = False) -> Request:
    """The request with each picture's own words in place of its templates. Its seeds must be chosen.

    What was filled before stays (`anew`: is filled again from its template). Raises `RequestError` naming the prompt.
    """
    if not request.dynamic_prompts:
        return request.model_copy(update={"templates": {}}) if request.templates else request
    filled: dict[TemplateField, FilledTemplate] = {}
    for field in FIELDS:
        text, before = text_of(request, field), request.templates.get(field)
        if before is not None and before.filled and before.filled[0] == text:
            if not anew and len(before.filled) == request.count:
                filled[field] = before
                continue
            text = before.text
        if is_template(text):
            filled[field] = FilledTemplate(text=text, filled=fill(text, _seeds(request, field), wildcards, field))
            _check_letters(filled, field)
            request = with_text(request, field, filled[field].filled[0])
    return request.model_copy(update={"templates": filled})


def _seeds(request: GenerationRequest, field: TemplateField) -> list[int]:
    if request.count > MOST_PICTURES:
        said = f"A job whose prompt is a template makes {MOST_PICTURES} pictures at most; this one would make {request.count}."
        raise RequestError(field, f"{said} Submit several.")
    return [image_seeds(request, index)[0] for index in range(request.count)]


def _check_letters(filled: dict[TemplateField, FilledTemplate], field: TemplateField) -> None:
    if sum(len(text) for each in filled.values() for text in each.filled) > MAX_FILLED:
        raise RequestError(field, f"All pictures' prompts together have more than {MAX_FILLED} letters. Make fewer pictures at a time.")


def fill(template: str, seeds: Sequence[int], wildcards: Wildcards, field: str = "prompt") -> tuple[str, ...]:
    """A template's text for each seed. Raises `RequestError` about `field`."""
    return tuple(_Filling(wildcards, field).texts(template, seeds))


class _Filling:
    """One template being filled: the library's source of wildcards, which counts what is asked of it."""

    def __init__(self, wildcards: Wildcards, field: str) -> None:
        self._wildcards, self._field = wildcards, field
        self._work, self._lines = Work(field), dict[str, "Command"]()
        self._looks, self._all, self._last = 0, 0, ""

    def texts(self, template: str, seeds: Sequence[int]) -> Iterator[str]:
        """One text a seed."""
        rand = Random()
        try:
            command = self._wildcards.grammar.parse(self._checked(guard(template)))
            context = self._work.context(self, rand)
            for seed in seeds:
                self._looks = 0
                self._work.picture()
                rand.seed(seed)
                text = unguard(str(next(iter(context.generator_from_command(command)), "")))
                self._work.drawn(0, text)
                yield text
        except RecursionError:
            raise RequestError(self._field, self._endless()) from None
        except RequestError:
            raise
        except Exception as error:
            raise RequestError(self._field, self._unreadable(template, error)) from error

    def _unreadable(self, template: str, error: Exception) -> str:
        """Why a template gave no words, with the place where the parser stopped, if that is what it is."""
        text, place = unguard(getattr(error, "pstr", "")), getattr(error, "loc", 0)
        if (unset := _UNSET.search(str(error))) is not None:
            return f"This template uses the variable {unset[1]!r}, which nothing sets. Write ${{{unset[1]}=…}} before it."
        if not text:
            return "No words could be made of this template. Turn Dynamic prompts off to keep it as it is."
        own = text.replace("~", "!") == template.expandtabs().replace("~", "!")
        where = "This template" if own else f"A line of the wildcard {printable(self._last)[:100]!r}"
        line, letter = text.count("\n", 0, place) + 1, place - text.rfind("\n", 0, place)
        stopped = f"from {printable(text[place : place + 40])!r} on (line {line}, letter {letter})"
        how = "Choices are written {a|b}, two of them {2$$a|b|c}, one to two {1-2$$a|b|c}."
        return f"{where} cannot be read {stopped}. {how} Turn Dynamic prompts off to keep it as it is."

    def _checked(self, guarded: str, times: int = 1) -> str:
        """The text as the library reads it, if that ends in good time."""
        self._work.template(guarded, times)
        return _FINITE.sub(lambda match: f"{match[1] or ''}~", guarded)

    def get_values(self, wildcard: str) -> "_Words":
        """The library asks for a wildcard."""
        self._last = unguard(wildcard)
        self._looks += 1
        if self._looks > MOST_LOOKS:
            raise RequestError(self._field, self._endless())
        self.count(1)
        return _Words(self, self._wildcards.values(self._last, self._field))

    def count(self, lines: int) -> None:
        """Lines that are looked at. Raises `RequestError` when they are too many."""
        self._all += lines
        if self._all > MOST_OF_ALL:
            said = f"more than {MOST_OF_ALL} lines of wildcards would be read, {printable(self._last)[:100]!r} the last"
            raise RequestError(self._field, f"This takes too long: {said}. Use smaller wildcards or fewer pictures.")

    def line(self, value: Value) -> "Command":
        """One line of a wildcard, parsed if it is a template itself."""
        if (known := self._lines.get(value.text)) is None:
            known = self._lines[value.text] = self._parsed(value.text)
        return known

    def _parsed(self, text: str) -> "Command":
        from dynamicprompts.commands import LiteralCommand

        return self._wildcards.grammar.parse(self.words(text)) if _is_more(text) else LiteralCommand(text)

    def words(self, text: str, times: int = 1) -> str:
        """One line of a wildcard, for the library to parse so many times."""
        guarded = guard(text, variables=True)
        return self._checked(guarded, times) if _is_more(text) else guarded

    def _endless(self) -> str:
        name = printable(self._last)[:100]
        return f"The wildcard {name!r} includes itself, or asks for more than {MOST_LOOKS} others. Take it out of its own lines."


def _is_more(text: str) -> bool:
    return "{" in text or "__" in text


class _Words:
    """A wildcard's lines, as the library takes them."""

    def __init__(self, filling: _Filling, values: Sequence[Value]) -> None:
        self._filling, self._values = filling, values

    def __len__(self) -> int:
        return len(self._values)

    def get_weighted_random_generator(self, rand: Random) -> "Iterator[Command]":
        """Lines by chance, drawn as the library draws them."""
        weights = [value.weight for value in self._values] if len({value.weight for value in self._values}) > 1 else None
        while True:
            chosen = rand.choices(self._values, weights, k=10) if weights else [rand.choice(self._values)]
            yield from map(self._filling.line, chosen)

    def iterate_string_values_weighted(self) -> Iterator[Any]:
        """All lines in order, for `{2$$__name__}`."""
        self._filling.count(sum(max(1, int(value.weight)) for value in self._values) * 10)
        lines = [(self._filling.words(value.text, int(value.weight)), int(value.weight)) for value in self._values]
        for text, times in lines:
            yield from itertools.repeat(text, times)
