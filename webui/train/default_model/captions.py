"""Sentences for pictures.

Those of training and those of the bench are different sets: a score on sentences seen in training would flatter.
"""

import torch

from webui.train.default_model.compose import chance, pick
from webui.train.default_model.concepts import Concept

STYLE = "flat icon"
PLAIN = "white"
"""A caption that names no background has this one."""

_BARE = ("{a}", "{a}", "{n}", "a {s} of {a}", "{n}, {s}", "a picture of {a}", "a drawing of {a}", "one {n}")
_COLOURED = (
    "{a} on a {c} background",
    "{a} on a {c} background",
    "{n}, {c} background",
    "{c} background, {n}",
    "a {s} of {a} on {c}",
    "{a} in front of a {c} wall",
    "{n} on {c}",
    "a {c} background with {a}",
    "{n}, {s}, {c} background",
)
UNSEEN = (
    "{a} against a {c} background",
    "a small picture: {n}, on a {c} background",
    "{c} background with {n}",
    "an icon of {a}, {c} background",
)
UNSEEN_BARE = ("an icon of {a}", "picture of {n}", "{a}, simple drawing")
_FILLERS = (
    "high quality",
    "masterpiece",
    "cute",
    "beautiful",
    "simple",
    "best quality",
    "colorful",
    "an icon",
    "digital art",
    "illustration",
    "photo",
    "detailed",
)
_PLURAL = ("s", "es")
_SINGULAR = ("cactus", "lotus", "hibiscus", "octopus", "bus", "glass", "compass", "cross")
_OTHER_WORD, _FILLER, _LOWER = 0.12, 0.12, 0.85


def article(noun: str) -> str:
    """The noun with "a" or "an", or without an article when it is a plural."""
    last = noun.split()[-1].lower()
    if last.endswith(_PLURAL) and last not in _SINGULAR and not last.endswith("ss"):
        return noun
    return f"{'an' if noun[0].lower() in 'aeiou' else 'a'} {noun}"


def fill(template: str, noun: str, colour: str) -> str:
    """One sentence from a template."""
    return template.format(a=article(noun), n=noun, c=colour, s=STYLE)


def caption(concept: Concept, colour: str, source: torch.Generator) -> str:
    """A training caption; only the plain background may go unnamed, and then mostly does."""
    others = concept.words[1:]
    noun = others[pick(len(others), source)] if others and chance(source) < _OTHER_WORD else concept.label
    bare = colour == PLAIN and chance(source) < 0.8
    templates = _BARE if bare else _COLOURED
    sentence = fill(templates[pick(len(templates), source)], noun, colour)
    if chance(source) < _FILLER:
        filler = _FILLERS[pick(len(_FILLERS), source)]
        sentence = f"{sentence}, {filler}" if chance(source) < 0.7 else f"{filler}, {sentence}"
    return sentence if chance(source) < _LOWER else sentence.capitalize()
