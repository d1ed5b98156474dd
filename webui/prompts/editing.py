"""Prompt editing: `[from:to:when]` and `[a|b]`, as the texts that hold at each step.

One pass with a stack, so that a prompt of any length and depth is read in linear time. Brackets that make no sense are text;
a `|` outside of alternation, or a lone backslash at a line's end, makes the whole prompt text (that is what A1111's users know).
A1111 reads with an Earley parser; where editing touches several stray brackets (`[a::5]((`) that parser breaks the tie in a way
of its own, which we do not follow.
"""

import math
import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Union

_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_WHITE = " \t\n\r\f\v"
_TOKEN = re.compile(r"\\.|[^\\\[\]():|]+|[\[\]():|]|\\", re.DOTALL)
_CLOSES = {")": "(", "]": "["}


Piece = Union[str, "Swap", "Cycle", tuple[Any, ...]]
"""A tuple is emphasis: pieces that belong together, nested so that deep brackets are not copied at each level."""
Pieces = tuple[Piece, ...]


@dataclass(frozen=True)
class Swap:
    """`before` up to the step that `when` says, then `after`. The number stays text: a dot makes it a fraction of the steps."""

    before: Pieces
    after: Pieces
    when: str


@dataclass(frozen=True)
class Cycle:
    """Another option at each step."""

    options: tuple[Pieces, ...]


@dataclass
class _Bracket:
    """An open bracket: its parts so far and the separators between them."""

    opener: str
    parts: list[list[Piece]] = field(default_factory=lambda: [[]])
    separators: list[str] = field(default_factory=list)

    def as_text(self) -> list[Piece]:
        joints = [*([mark] for mark in self.separators), []]
        return [self.opener, *chain.from_iterable((*part, *mark) for part, mark in zip(self.parts, joints, strict=True))]


class _Unreadable(Exception):
    """No part of this prompt is editing syntax."""


def prompt_schedule(text: str, steps: int, second_pass_steps: int | None = None) -> list[list[int | str]]:
    """`read_schedule` as plain lists, the shape that JSON has."""
    return [list(entry) for entry in read_schedule(text, steps, second_pass_steps)]


def read_schedule(text: str, steps: int, second_pass_steps: int | None = None) -> list[tuple[int, str]]:
    """What the prompt says until which step: [(10, "a cat"), (20, "a dog")] for `a [cat:dog:0.5]` in 20 steps.

    With `second_pass_steps` the schedule is that of the second pass: whole numbers count on from the first pass's `steps`,
    and fractions from 1 (1.5 is the middle of the second pass).
    """
    schedule = Schedule.read(text, steps, second_pass_steps)
    texts = list(schedule.texts())
    return [(end, texts[place]) for end, place in zip(schedule.ends, schedule.places, strict=True)]


@dataclass(frozen=True)
class Schedule:
    """Which of a prompt's texts holds until which step.

    The texts are made when asked for: there may be one a step, each as long as the prompt.
    `places` are indexes into `texts()`, one for each of `ends`. Two of the texts may still be the same.
    """

    ends: tuple[int, ...]
    places: tuple[int, ...]
    pieces: "Pieces"
    clock: "_Clock"

    @classmethod
    def read(cls, text: str, steps: int, second_pass_steps: int | None = None) -> "Schedule":
        """In time that grows with the text and the steps, not with their product."""
        clock = _Clock(steps, 0, 0.0) if second_pass_steps is None else _Clock(second_pass_steps, steps, 1.0)
        try:
            pieces = _parse(text)
        except _Unreadable:
            pieces = (text,)
        swaps, period = clock.changes(pieces)
        ends = range(1, clock.steps + 1) if period > 1 else sorted({clock.steps, *swaps})
        seen: dict[tuple[int, int], int] = {}
        places = [seen.setdefault(((end - 1) % period, bisect_left(swaps, end)), len(seen)) for end in ends]
        return cls(tuple(ends), tuple(places), pieces, clock)

    @property
    def count(self) -> int:
        """How many texts there are."""
        return max(self.places) + 1

    def texts(self) -> Iterator[str]:
        """Each text once, in the order in which they begin to hold."""
        made = -1
        for end, place in zip(self.ends, self.places, strict=True):
            if place > made:
                made = place
                yield self.clock.text_at(end, self.pieces)


@dataclass(frozen=True)
class _Clock:
    """Reads `when` in a pass of `steps`, after `whole` steps or `fraction` passes have gone by."""

    steps: int
    whole: int
    fraction: float

    def when(self, number: str) -> int:
        value = (float(number) - self.fraction) * self.steps if "." in number else float(number) - self.whole
        return int(max(min(value, self.steps), -1))

    def changes(self, pieces: Pieces) -> tuple[list[int], int]:
        """The steps after which something is swapped, rising; and after how many steps the alternations begin anew."""
        found: set[int] = set()
        lengths: set[int] = set()
        waiting = list(pieces)
        while waiting:
            piece = waiting.pop()
            if isinstance(piece, Cycle):
                lengths.add(len(piece.options))
                waiting.extend(chain.from_iterable(piece.options))
            elif isinstance(piece, Swap):
                found.update({self.when(piece.when)} - {0, -1})
                waiting.extend((*piece.before, *piece.after))
            elif isinstance(piece, tuple):
                waiting.extend(piece)
        period = 1
        for length in lengths:
            period = min(math.lcm(period, length), max(self.steps, 1) + 1)
        return sorted(found), period

    def text_at(self, step: int, pieces: Pieces) -> str:
        words: list[str] = []
        waiting = list(reversed(pieces))
        while waiting:
            piece = waiting.pop()
            if isinstance(piece, str):
                words.append(piece)
            else:
                waiting.extend(reversed(self._choose(step, piece)))
        return "".join(words)

    def _choose(self, step: int, piece: Swap | Cycle | Pieces) -> Pieces:
        if isinstance(piece, tuple):
            return piece
        if isinstance(piece, Cycle):
            return piece.options[(step - 1) % len(piece.options)]
        return piece.before if step <= self.when(piece.when) else piece.after


def _parse(text: str) -> Pieces:
    done: list[Piece] = []
    stack: list[_Bracket] = []

    def here() -> list[Piece]:
        return stack[-1].parts[-1] if stack else done

    for token in _TOKEN.findall(text):
        if token in ("\\", "\\\n"):
            raise _Unreadable
        if token in "([":
            stack.append(_Bracket(token))
        elif token in _CLOSES:
            closed = _close(stack[-1]) if stack and stack[-1].opener == _CLOSES[token] else None
            if closed is None:
                _give_up(stack, done)
                done.append(token)
            else:
                stack.pop()
                here().append(closed)
        elif token in ":|" and stack:
            stack[-1].separators.append(token)
            stack[-1].parts.append([])
        elif token == "|":
            raise _Unreadable
        else:
            here().append(token)
    _give_up(stack, done)
    return tuple(done)


def _give_up(stack: list[_Bracket], done: list[Piece]) -> None:
    """The open brackets are text: nothing that holds a stray bracket can be syntax."""
    for bracket in stack:
        if "|" in bracket.separators:
            raise _Unreadable
        done.extend(bracket.as_text())
    stack.clear()


def _close(bracket: _Bracket) -> Piece | None:
    """What a closed bracket means; None when it is none of the forms."""
    kinds, count = set(bracket.separators), len(bracket.separators)
    if bracket.opener == "(":
        return (*bracket.as_text(), ")") if kinds <= {":"} and count <= 1 else None
    if not kinds:
        return (*bracket.as_text(), "]")
    if kinds == {"|"}:
        return Cycle(tuple(tuple(part) for part in bracket.parts))
    number = _NUMBER.fullmatch("".join(piece if isinstance(piece, str) else "|" for piece in bracket.parts[-1]).strip(_WHITE))
    if kinds == {":"} and count <= 2 and number:
        before = tuple(bracket.parts[0]) if count == 2 else ()
        return Swap(before, tuple(bracket.parts[-2]), number[0])
    return None
