"""The template language as the `dynamicprompts` library reads it, with its work counted.

The library's time grows with a template's choices, with the lines that wildcards hand it, and, where variables are made of variables, by
powers. So what it reads and what it draws are bounded before and while it works, by numbers that do not depend on the machine.
"""

import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from webui.core.options import MAX_PROMPT
from webui.core.templates import REFERENCE
from webui.errors import RequestError

if TYPE_CHECKING:
    from random import Random

    from dynamicprompts.commands import Command
    from dynamicprompts.samplers import Sampler
    from dynamicprompts.sampling_context import SamplingContext

MOST_PARTS, MOST_DEPTH, MOST_CHOICES = 200, 16, 1000
"""Of one template, or of one line of a wildcard: half a second of the library's parser."""
MOST_READ, MOST_DRAWN, MOST_OF_ONE = 20_000, 300_000, 20_000
"""Of all that one prompt's pictures need: choices that are read, in templates and lines, and words that are drawn; and for one picture."""
_DRAWN_AT_ONCE = 200
_ALL_OF_IT = "${x=!{a|b}}{2$$ $$0.5::a|1::b|c}{1-2$$a|b}${x}${x:y}__~a__ __${x:y}(b=c d)__%{a ...$$b}{~a|b}{@a|b}"


class Grammar:
    """The library's parser, for any number of threads at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ready = False

    def parse(self, text: str) -> "Command":
        """A template as the library's command. Raises what the library raises."""
        from dynamicprompts.parser.parse import parse

        if not self._ready:
            with self._lock:
                parse(_ALL_OF_IT)  # what the parser still changes in itself it changes at its first text
                self._ready = True
        return parse(text)


class Work:
    """What filling one prompt takes. Each method raises `RequestError` on the prompt's field when it is too much."""

    def __init__(self, field: str) -> None:
        self._field = field
        self._read = self._drawn = self._of_one = 0

    def template(self, guarded: str, times: int = 1) -> None:
        """A template is going to be parsed so many times."""
        depth = deepest = choices = 0
        for letter in guarded:
            depth += (letter == "{") - (letter == "}")
            deepest = max(deepest, depth)
            choices += letter == "|" and depth > 0
        parts = guarded.count("{") + guarded.count("__") // 2
        choices += sum(match[0].count(",") for match in REFERENCE.finditer(guarded))
        if parts > MOST_PARTS or deepest > MOST_DEPTH:
            said = f"It has {parts} parts to choose, {deepest} inside each other; {MOST_PARTS} and {MOST_DEPTH} are the most."
            raise RequestError(self._field, f"This template is too large. {said}")
        if choices > MOST_CHOICES:
            said = f"It has {choices} choices; {MOST_CHOICES} are the most. Put them into a wildcard, a line each."
            raise RequestError(self._field, f"This template is too large. {said}")
        self._read += (1 + parts + choices) * times
        if self._read > MOST_READ:
            said = f"its wildcards' lines have more than {MOST_READ} choices of their own"
            raise RequestError(self._field, f"This takes too long: {said}. Use simpler lines or fewer pictures.")

    def picture(self) -> None:
        """Another picture's words are going to be drawn."""
        self._of_one = 0

    def drawn(self, steps: int, text: str = "") -> None:
        """Words were drawn, in so many steps."""
        self._drawn, self._of_one = self._drawn + steps, self._of_one + steps
        if len(text) > MAX_PROMPT:
            raise RequestError(self._field, f"What it becomes has {len(text)} letters; a prompt may have {MAX_PROMPT}.")
        if self._drawn > MOST_DRAWN or self._of_one > MOST_OF_ONE:
            said = f"words would be drawn more than {MOST_OF_ONE} times for a picture, or {MOST_DRAWN} for all together"
            raise RequestError(self._field, f"This takes too long: {said}. Use fewer pictures, choices or variables made of variables.")

    def context(self, source: Any, rand: "Random") -> "SamplingContext":
        """What the library draws with: `source` gives wildcards, `rand` chooses."""
        from dynamicprompts.enums import SamplingMethod
        from dynamicprompts.sampling_context import SamplingContext

        return SamplingContext(SamplingMethod.RANDOM, source, rand=rand, samplers=_samplers(self))


def _samplers(work: Work) -> "dict[Any, Sampler]":
    """The library's samplers, which say what they do."""
    from dynamicprompts.commands import Command
    from dynamicprompts.enums import SamplingMethod
    from dynamicprompts.samplers import CombinatorialSampler, CyclicalSampler, RandomSampler
    from dynamicprompts.sampling_result import SamplingResult

    def told(results: Any) -> Iterator[SamplingResult]:
        for result in results:
            work.drawn(1, result.text)
            yield result

    class Drawing(RandomSampler):
        def generator_from_command(self, command: Command, context: "SamplingContext") -> Any:
            return told(super().generator_from_command(command, context))

        def _get_variant_choices(self, values: list[Command], weights: list[float], num_choices: int, rand: "Random") -> list[Command]:
            work.drawn(len(values) * num_choices // _DRAWN_AT_ONCE)
            return super()._get_variant_choices(values, weights, num_choices, rand)

    class Cycling(CyclicalSampler):
        def generator_from_command(self, command: Command, context: "SamplingContext") -> Any:
            return told(super().generator_from_command(command, context))

    return {
        SamplingMethod.RANDOM: Drawing(),
        SamplingMethod.CYCLICAL: Cycling(),
        SamplingMethod.COMBINATORIAL: CombinatorialSampler(),
    }
