"""Scenes in words. As with `captions`, what training says and what the bench asks are different sets of sentences."""

from collections.abc import Sequence

import torch

from webui.core.request import FrozenModel
from webui.train.default_model.bank import HUES
from webui.train.default_model.captions import article
from webui.train.default_model.compose import COLOURS
from webui.train.default_model.concepts import Concept
from webui.train.default_model.scenes import ABOVE, KINDS, PLACES, Scenes

_DRAWS = 8
_NAMED, _OTHER_WORD, _FILLER, _LOWER, _UNNAMED_WHITE = 85, 12, 10, 85, 80
_FILLERS = tuple("high quality,masterpiece,cute,beautiful,simple,best quality,colorful,digital art,illustration,detailed".split(","))
_IRREGULAR = {"mouse": "mice", "goose": "geese", "ox": "oxen", "leaf": "leaves", "loaf": "loaves", "knife": "knives", "person": "people"}
_SAME = ("sheep", "fish", "shrimp", "squid", "sushi", "bread", "rice")


class Wording(FrozenModel):
    """Phrases for what is shown, by kind, and frames that put it in a style and on a background."""

    plain: tuple[str, ...]
    small: tuple[str, ...]
    large: tuple[str, ...]
    corner: tuple[str, ...]
    edge: tuple[str, ...]
    count: tuple[str, ...]
    beside: tuple[str, ...]
    above: tuple[str, ...]
    hue: tuple[str, ...]
    bare: tuple[str, ...]
    bare_styled: tuple[str, ...]
    grounded: tuple[str, ...]
    styled: tuple[str, ...]


TAUGHT = Wording(
    plain=("{a}", "{a}", "{n}", "one {n}"),
    small=("a small {n}", "a small {n}", "a tiny {n}", "small {n}"),
    large=("a large {n}", "a large {n}", "a big {n}", "large {n}"),
    corner=("{a} in the {w}", "{n} in the {w}", "{n}, {w}"),
    edge=("{a} at the {w}", "{a} on the {w} side", "{n}, {w} side"),
    count=("{k} {p}", "{k} {p}", "{d} {p}"),
    beside=("{a} to the left of {b}", "{a} and {b}", "{b} to the right of {a}", "{a} on the left, {b} on the right", "{a} next to {b}"),
    above=("{a} above {b}", "{b} below {a}", "{b} under {a}"),
    hue=("a {h} {n}", "a {h} {n}", "{h} {n}"),
    bare=("{x}", "{x}", "a picture of {x}", "a drawing of {x}"),
    bare_styled=("{x}, {s}", "a {s} of {x}", "{s}, {x}", "{s} of {x}"),
    grounded=("{x} on {o} background", "{x}, {c} background", "{c} background, {x}", "{x} in front of {o} wall", "{x} on {c}"),
    styled=(
        "{x} on {o} background, {s}",
        "a {s} of {x} on {o} background",
        "{x}, {s}, {c} background",
        "{s}, {x}, {c} background",
        "a {s} of {x} on {c}",
    ),
)
UNSEEN = Wording(
    plain=("{a}", "{n}"),
    small=("a little, small {n}",),
    large=("a big, large {n}",),
    corner=("{a} right in the {w}",),
    edge=("{a} at the very {w}",),
    count=("exactly {k} {p}",),
    beside=("{a} left of {b}", "on the left {a} and to the right {b}"),
    above=("{a} over {b}", "{a} on top, {b} below"),
    hue=("one {h} {n}", "{n}, coloured {h}"),
    bare=("picture of {x}", "{x}, simple drawing"),
    bare_styled=("picture of {x} as a {s}", "{x}, drawn as {s}"),
    grounded=("{x} against {o} background", "{c} background with {x}"),
    styled=("{x} against {o} background, as a {s}", "{s} picture: {x}, on {o} background", "{c} background with a {s} of {x}"),
)


def plural(noun: str) -> str:
    """Several of them, by English spelling; a label that is a plural already stays."""
    *before, last = noun.split()
    if article(noun) == noun or last in _SAME:
        return noun
    if last in _IRREGULAR:
        many = _IRREGULAR[last]
    elif last.endswith(("s", "x", "ch", "sh")):
        many = last + "es"
    elif last.endswith("y") and last[-2:-1] not in "aeiou":
        many = last[:-1] + "ies"
    else:
        many = last + "s"
    return " ".join([*before, many])


def uncoloured(noun: str) -> str:
    """Without colour words, for an object that gets another colour: "red apple" → "apple"."""
    return " ".join(word for word in noun.split() if word.lower() not in COLOURS) or noun


def captions(scenes: Scenes, concepts: Sequence[Concept], styles: Sequence[str], source: torch.Generator, empty: int = 10) -> list[str]:
    """Training captions; `empty` percent of them say nothing, for guidance."""
    luck = torch.randint(100, (len(scenes), 2), generator=source).tolist()
    told = sentences(TAUGHT, scenes, concepts, styles, source)
    return ["" if nothing < empty else _ornate(text, other) for text, (nothing, other) in zip(told, luck, strict=True)]


def _ornate(text: str, luck: int) -> str:
    if luck < _FILLER:
        text = f"{text}, {_FILLERS[luck % len(_FILLERS)]}"
    return text if luck < _LOWER else text.capitalize()


def sentences(
    wording: Wording, scenes: Scenes, concepts: Sequence[Concept], styles: Sequence[str], source: torch.Generator, *, named: bool = False
) -> list[str]:
    """One sentence per scene; `named` names every style and background, and each thing by its label."""
    luck = torch.randint(1 << 20, (len(scenes), _DRAWS), generator=source).tolist()
    columns = [getattr(scenes, name).tolist() for name in ("kind", "style", "ground", "detail", "hue", "what")]
    made = []
    for draws, kind, style, ground, detail, hue, what in zip(luck, *columns, strict=True):
        nouns = [_noun(concepts[number], draws[5 + place % 2], named) for place, number in enumerate(what[:2]) if number >= 0]
        subject = _subject(wording, KINDS[kind], nouns, detail, hue, draws[0])
        says_style = named or draws[1] % 100 < _NAMED
        says_ground = named or ground != 0 or draws[2] % 100 >= _UNNAMED_WHITE
        frames = (wording.bare, wording.bare_styled, wording.grounded, wording.styled)[2 * says_ground + says_style]
        colour = _COLOUR_NAMES[ground]
        made.append(frames[draws[3] % len(frames)].format(x=subject, s=styles[style], c=colour, o=article(colour)))
    return made


_COLOUR_NAMES = tuple(COLOURS)
_HUE_NAMES, _PLACE_NAMES = tuple(HUES), tuple(PLACES)


def _noun(concept: Concept, luck: int, named: bool) -> str:
    others = concept.words[1:]
    return others[luck // 100 % len(others)] if others and not named and luck % 100 < _OTHER_WORD else concept.label


def _subject(wording: Wording, kind: str, nouns: list[str], detail: int, hue: int, luck: int) -> str:
    """The phrase for what is shown, without style and background."""
    noun = uncoloured(nouns[0]) if kind == "hue" else nouns[0]
    words = {"a": article(noun), "n": noun}
    if kind == "size":
        phrases = wording.large if detail else wording.small
    elif kind == "place":
        phrases = wording.corner if "corner" in _PLACE_NAMES[detail] else wording.edge
        words["w"] = _PLACE_NAMES[detail]
    elif kind == "count":
        phrases, words["k"], words["d"], words["p"] = wording.count, ("two", "three")[detail - 2], str(detail), plural(noun)
    elif kind == "pair":
        phrases, words["b"] = (wording.above if detail == ABOVE else wording.beside), article(nouns[1])
    elif kind == "hue":
        phrases, words["h"] = wording.hue, _HUE_NAMES[hue]
    else:
        phrases = wording.plain
    text = phrases[luck % len(phrases)].format(**words)
    return article(text[2:]) if kind in ("size", "hue") and text.startswith("a ") else text
