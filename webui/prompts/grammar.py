"""The prompt language, without torch: emphasis, AND, tags and comments. Prompt editing is in `editing`.

The rules are those that A1111's users know, forgiving in all things: whatever cannot be read as syntax is text.
"""

import math
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import numpy as np

Span = tuple[str, float]
BREAK: Span = ("BREAK", -1.0)

ROUND = 1.1
SQUARE = 1 / 1.1
HEAVIEST = 1e30
"""Thousands of brackets would overflow: the picture is beyond hope by then, the job is not."""
DEEPEST = 1000
"""Brackets in one another that have an effect: 1.1 to that power is far beyond `HEAVIEST`. What is bounded is the time to multiply."""

_TOKEN = re.compile(
    r"""
      \\[()\[\]\\#]                             # an escaped bracket, backslash or number sign
    | \\                                        # a lone backslash
    | [(\[\])]
    | :\s*(?P<weight>[+-]?[.\d]+)\s*\)          # the end of (words:1.3)
    | :
    | [^\\()\[\]:]+                             # words
    """,
    re.VERBOSE,
)
_BREAK = re.compile(r"\bBREAK\b")
_AND = re.compile(r"\bAND\b")
_AND_WEIGHT = re.compile(r"[-+]?(?:\d+\.?|\d*\.\d+)")
_TAG = re.compile(r"<(\w+):([^<>]+)>")
_COMMENT = re.compile(r"(?P<kept><\w+:[^<>\n]+>|\\[\\#])|(?:^|(?<=\n))#[^\n]*(?:\n|$)|#[^\n]*")
_SIGN = re.compile(r"<\w+:[^<>\n]+>|\\[\\#]|#")


def parse_attention(text: str) -> list[list[str | float]]:
    """`read_attention` as plain lists, the shape that JSON has."""
    return [list(span) for span in read_attention(text)]


def read_attention(text: str) -> list[Span]:
    """Split `text` into (words, weight). `BREAK` between chunks is ("BREAK", -1); unclosed brackets reach to the end.

    A number that is none, as in `(a:1.2.3)`, leaves the words with the weight of plain brackets.
    """
    words: list[Span] = []
    closed: list[tuple[int, int, float]] = []
    opened: dict[str, list[int]] = {"(": [], "[": []}

    def close(bracket: str, factor: float) -> None:
        start = opened[bracket].pop()
        if len(opened[bracket]) < DEEPEST:
            closed.append((start, len(words), factor))

    for match in _TOKEN.finditer(text):
        token, weight = match[0], match["weight"]
        if token in opened:
            opened[token].append(len(words))
        elif (weight is not None or token == ")") and opened["("]:
            close("(", ROUND if weight is None or (number := _number(weight)) is None else number)
        elif token == "]" and opened["["]:
            close("[", SQUARE)
        elif len(token) > 1 and token[0] == "\\":
            words.append((token[1], 1.0))
        else:
            words.extend(_at_breaks(token))
    for bracket, factor in (("(", ROUND), ("[", SQUARE)):
        closed += [(start, len(words), factor) for start in opened[bracket][:DEEPEST]]
    return _merge(words, closed)


def _at_breaks(text: str) -> list[Span]:
    """Words with a BREAK between them; white space around it goes."""
    first, *others = _BREAK.split(text)
    if not others:
        return [(text, 1.0)]
    parts = [first.rstrip(), *(part.strip() for part in others[:-1]), others[-1].lstrip()]
    return [span for part in parts for span in (BREAK, (part, 1.0))][1:]


def _merge(words: list[Span], closed: list[tuple[int, int, float]]) -> list[Span]:
    """Multiply the weights of what stood in brackets, inner brackets first, and join neighbours of equal weight."""
    weights = np.array([weight for _, weight in words])
    for start, end, factor in closed:
        weights[start:end] = np.clip(weights[start:end] * factor, -HEAVIEST, HEAVIEST)
    merged: list[tuple[list[str], float]] = []
    for (text, _), weight in zip(words, weights.tolist(), strict=True):
        if merged and merged[-1][1] == weight:
            merged[-1][0].append(text)
        else:
            merged.append(([text], weight))
    return [("".join(texts), weight) for texts, weight in merged] or [("", 1.0)]


def _number(text: str) -> float | None:
    """The number that a text is; None for none, and for those that are not finite."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def split_and(text: str) -> list[list[str | float]]:
    """`read_and` as plain lists, the shape that JSON has."""
    return [list(part) for part in read_and(text)]


def read_and(text: str) -> list[Span]:
    """Split at `AND` into (prompt, weight); `a :0.5 AND b` weighs the first 0.5. White space after each part goes."""
    return [_and_part(part) for part in _AND.split(text)]


def _and_part(part: str) -> Span:
    body = part.rstrip()
    before, colon, last = body.rpartition(":")
    if colon and _AND_WEIGHT.fullmatch(last.strip()):
        return before.rstrip(), float(last)
    return body, 1.0


@dataclass(frozen=True)
class Tag:
    """`<kind:args>` taken out of a prompt: `<lora:style:0.5:0.7>` or `<lora:style:te=0.5:unet=0.7>`."""

    kind: str
    args: tuple[str, ...]
    named: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The file it names."""
        return self.args[0].strip() if self.args else ""

    @property
    def te_weight(self) -> float:
        """Weight for the text encoder; 1 when not given or no number."""
        return self._weight("te", 1, 1.0)

    @property
    def unet_weight(self) -> float:
        """Weight for the UNet; the text encoder's when not given."""
        return self._weight("unet", 2, self.te_weight)

    @property
    def block_weights(self) -> str:
        """Weights by block: `lbw=…`, or what stands behind the weight and is no number."""
        behind = next((part for part in self.args[2:4] if not _is_number(part)), "")
        return self.named.get("lbw", behind).strip()

    @property
    def steps(self) -> tuple[str, str]:
        """The steps that it is for, from and to: `start=`, `stop=`, `step=from-to`; empty where it does not say."""
        first, dash, last = self.named.get("step", "").partition("-")
        start, stop = (first, last) if dash else (self.named.get("start", ""), self.named.get("stop", ""))
        return start.strip(), stop.strip()

    @property
    def unread_weights(self) -> tuple[str, ...]:
        """What stands where a weight belongs and is no number."""
        return tuple(text for key, place in (("te", 1), ("unet", 2)) if (text := self._said(key, place)) and _number(text) is None)

    def _weight(self, key: str, place: int, otherwise: float) -> float:
        value = _number(self._said(key, place))
        return otherwise if value is None else value

    def _said(self, key: str, place: int) -> str:
        """What stands for a weight; behind the first one what is no number is a preset of block weights."""
        behind = self.args[place] if len(self.args) > place else ""
        return self.named.get(key, "" if place == 2 and not _is_number(behind) else behind).strip()


def strip_tags(text: str) -> tuple[str, tuple[Tag, ...]]:
    """Take `<kind:name:args>` tags out of a prompt."""
    tags = tuple(_tag(kind, args) for kind, args in _TAG.findall(text))
    return _TAG.sub("", text), tags


def _tag(kind: str, args: str) -> Tag:
    """What stands first is the name, whatever is in it; with what follows up to a weight, for `a:b` is a file's name too."""
    first, *parts = args.split(":")
    ends = next((place for place, part in enumerate(parts) if "=" in part or _is_number(part)), 0)
    name, parts = ":".join((first, *parts[:ends])), parts[ends:]
    named = dict(part.split("=", 1) for part in parts if "=" in part)
    return Tag(kind, (name, *(part for part in parts if "=" not in part)), named)


def _is_number(text: str) -> bool:
    try:
        float(text or "1")
    except ValueError:
        return False
    return True


def without_tags(text: str, names: Collection[str], kinds: Collection[str] = ("lora", "lyco")) -> str:
    """A prompt without the tags of these kinds with these names."""

    def left(match: re.Match[str]) -> str:
        tag = _tag(match[1], match[2])
        return "" if tag.kind in kinds and tag.name in names else match[0]

    return _TAG.sub(left, text)


def strip_comments(text: str) -> str:
    r"""Take out `# …` to the end of the line; a line that holds nothing else goes whole. In a tag `#` belongs to a name; `\#` is a word."""
    return _COMMENT.sub(lambda match: match["kept"] or "", text)


def as_no_comment(text: str) -> str:
    """The same prompt with each `#` outside tags as a word."""
    return _SIGN.sub(lambda match: "\\#" if match[0] == "#" else match[0], text)
