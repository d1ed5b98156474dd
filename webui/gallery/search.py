"""A query of the gallery as conditions of the database."""

import operator
from typing import Any

from sqlalchemy import ColumnElement, Float, and_, cast, exists, false, func, not_, or_

from webui.db.full_text import in_prompt
from webui.db.letters import holds, same
from webui.db.tables import collection_images, collections, images
from webui.gallery.query import ImageQuery, Term

_COMPARE = {"=": operator.eq, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
_NUMBERS = {
    "steps": images.c.steps,
    "cfg": images.c.guidance,
    "width": images.c.width,
    "height": images.c.height,
    "strength": images.c.strength,
    "clipskip": images.c.clip_skip,
    "rated": images.c.rating,
    "session": images.c.session,
}
_PROMPT = {"word": "{}", "lora": "<lora:{}", "emb": "{}"}
"""What a prompt must have for it."""
_TEXTS = {"model": images.c.checkpoint, "sampler": images.c.sampler, "schedule": images.c.schedule}
_SAME = ("prompt", "mode", "checkpoint", "sampler", "schedule", "steps", "guidance", "strength", "width", "height")


def conditions(query: ImageQuery, full_text: bool) -> list[ColumnElement[bool]]:
    """What a picture's row must meet. `full_text`: the database has an index of the prompts' words."""
    words = [_PROMPT[term.key].format(term.text) for term in query.terms if term.key in _PROMPT and not term.negated]
    others = [term for term in query.terms if term.key not in _PROMPT or term.negated]
    met = [not_(func.coalesce(_met(term, full_text), false())) if term.negated else _met(term, full_text) for term in others]
    return [in_prompt(words, full_text), *met] if words else met


def _met(term: Term, full_text: bool) -> ColumnElement[bool]:
    if term.key in _PROMPT:
        return in_prompt([_PROMPT[term.key].format(term.text)], full_text)
    if term.key in _NUMBERS:
        return _COMPARE[term.operator](_NUMBERS[term.key], term.number)  # type: ignore[no-any-return]
    if term.key in _TEXTS:
        return holds(_TEXTS[term.key], term.text)
    condition: ColumnElement[bool] = _OTHERS[term.key](term)
    return condition


def _mark(term: Term) -> ColumnElement[bool]:
    known = {
        "kept": images.c.flag == 1,
        "rejected": images.c.flag == -1,
        "unrated": and_(images.c.rating == 0, images.c.flag == 0),
        "hires": images.c.hires.is_(True),
    }
    return known.get(term.text, images.c.mode == term.text)


def _shape(term: Term) -> ColumnElement[bool]:
    return {
        "portrait": images.c.height > images.c.width,
        "landscape": images.c.width > images.c.height,
        "square": images.c.width == images.c.height,
    }[term.text]


def _in_collection(term: Term) -> ColumnElement[bool]:
    """In a collection of the picture's owner."""
    return exists().where(
        collections.c.owner == images.c.owner,
        same(collections.c.name, term.text),
        collection_images.c.collection == collections.c.number,
        collection_images.c.image_id == images.c.id,
    )


def _like(term: Term) -> ColumnElement[bool]:
    """Made with the same prompt and settings, whatever the seed."""
    other = images.alias("other")
    alike = [or_(images.c[name] == other.c[name], and_(images.c[name].is_(None), other.c[name].is_(None))) for name in _SAME]
    return exists().where(other.c.id == term.text, other.c.kind == "result", other.c.owner == images.c.owner, *alike)


_OTHERS: dict[str, Any] = {
    "mark": _mark,
    "shape": _shape,
    "size": lambda term: and_(images.c.width == int(term.low), images.c.height == int(term.high)),
    "made": lambda term: and_(images.c.created >= term.low, images.c.created < term.high),
    "seed": lambda term: images.c.seed == term.text if term.operator == "=" else _COMPARE[term.operator](_seed(), term.number),
    "mode": lambda term: images.c.mode == term.text.lower(),
    "by": lambda term: images.c.owner == term.text,
    "collection": _in_collection,
    "like": _like,
}


def _seed() -> ColumnElement[float]:
    """Seeds are texts, as whole numbers of 64 bits are in no column of every database; compared as numbers they may be off by a few."""
    return cast(images.c.seed, Float)
