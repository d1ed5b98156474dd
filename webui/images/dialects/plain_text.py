"""What is plain text to another program, or weighs otherwise there, and means something in a prompt here: it is said, never guessed."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from webui.images.dialects import short

_ROUND, _SQUARE = re.compile(r"(?<!\\)\("), re.compile(r"(?<!\\)\[")
_COMMENT = re.compile(r"(?:<\w+:[^<>\n]+>)|(#)")
_MARKS: Mapping[str, re.Pattern[str]] = {
    "round brackets": _ROUND,
    "square brackets": _SQUARE,
    "editing in square brackets": re.compile(r"(?<!\\)\[[^\[\]]{0,10000}[:|]"),
    "AND": re.compile(r"\bAND\b"),
    "BREAK": re.compile(r"\bBREAK\b"),
    "tags such as <lora:…>": re.compile(r"<\w+:[^<>]+>"),
}
_PROMPTS = {
    "prompt": "Prompt",
    "negative_prompt": "Negative prompt",
    "hires.prompt": "Hires prompt",
    "hires.negative_prompt": "Hires negative prompt",
}
_EMBEDDING = re.compile(r"\bembedding:(?:[^\s,()\[\]:]*[\\/])?([^\s,()\[\]:\\/]+)")
_FILE = re.compile(r"\.(?:safetensors|pt|bin)$")
_NUMBER_SIGN = "# (a comment here)"
_TAGS = "tags such as <lora:…>"
_PROMPT_ALONE = ("AND", _TAGS)
"""What means nothing in a negative prompt here either."""


@dataclass(frozen=True)
class OtherProgram:
    """A program's name, which of our marks are plain text to it, and what others are there."""

    name: str
    plain: tuple[str, ...]
    otherwise: Mapping[str, str] = field(default_factory=dict)

    def lines(self, text: object, what: str) -> Iterator[str]:
        """A line for what this prompt says otherwise here; `what` names the prompt, "Negative …" one of those."""
        if not isinstance(text, str) or not text:
            return
        negative = "negative" in what.lower()
        marks = [name for name in self.plain if not (negative and name in _PROMPT_ALONE) and _is_in(name, text)]
        if marks:
            yield short(f"{what}: plain text at {self.name} that means something here: {', '.join(marks)}", 300)
        for name, said in self.otherwise.items():
            if _is_in(name, text):
                yield f"{what}, at {self.name}: {name} {said}"

    def of(self, fields: Mapping[str, object]) -> Iterator[str]:
        """The lines for a request's prompts."""
        for key, what in _PROMPTS.items():
            yield from self.lines(fields.get(key), what)


def _is_in(name: str, text: str) -> bool:
    if name == _NUMBER_SIGN:
        return any(match[1] for match in _COMMENT.finditer(text))
    return _MARKS[name].search(text) is not None


def embeddings_by_name(text: str) -> tuple[str, tuple[str, ...]]:
    """A prompt with `embedding:name`, as ComfyUI and Fooocus write it, by the bare names; and these."""
    names = tuple(_FILE.sub("", match[1]) for match in _EMBEDDING.finditer(text))
    return _EMBEDDING.sub(lambda match: _FILE.sub("", match[1]), text), names


def bare_embeddings(fields: dict[str, Any]) -> tuple[str, ...]:
    """Put the bare names into a request's prompts; gives them."""
    found: list[str] = []
    for key in _PROMPTS:
        if isinstance(text := fields.get(key), str):
            fields[key], names = embeddings_by_name(text)
            found += names
    return tuple(dict.fromkeys(found))


_JOINED = ("AND", "BREAK", _NUMBER_SIGN)
_ALL = (*_JOINED, _TAGS)
_GROUPED = {"round brackets": "weigh nothing by themselves there; here they weigh words 1.1"}

COMFYUI = OtherProgram("ComfyUI", ("square brackets", *_ALL))
COMFYUIS_SAVERS = OtherProgram("ComfyUI", ("square brackets", *_JOINED))
DRAW_THINGS = OtherProgram("Draw Things", ("editing in square brackets", *_ALL))
EASY_DIFFUSION = OtherProgram("Easy Diffusion", ("square brackets", *_ALL), _GROUPED)
FOOOCUS = OtherProgram("Fooocus", ("square brackets", *_JOINED))
INVOKEAI = OtherProgram("InvokeAI", ("square brackets", *_ALL), _GROUPED)
NOVELAI = OtherProgram("NovelAI", ("round brackets", *_ALL), {"square brackets": "weigh words 1/1.05 there; here they weigh them 1/1.1"})
SWARMUI = OtherProgram("SwarmUI", ("square brackets", *_JOINED))
