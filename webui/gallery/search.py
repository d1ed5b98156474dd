"""A query of the gallery as conditions of the database."""

import operator
from typing import Any

from sqlalchemy import ColumnElement, Float, and_, cast, exists, false, func, not_, or_

from webui.db.full_text import in_prompt
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
_TEXTS = {"model": images.c.checkpoint, "sampler": images.c.sampler, "schedule": images.c.schedule}
_SAME = ("prompt", "mode", "checkpoint", "sampler", "schedule", "steps", "guidance", "strength", "width", "height")


def conditions(query: ImageQuery, full_text: bool) -> list[ColumnElement[bool]]:
    """What a picture's row must meet. `full_text`: the database has an index of the prompts' words."""
    return [not_(func.coalesce(_met(term, full_text), false())) if term.negated else _met(term, full_text) for term in query.terms]


def _met(term: Term, full_text: bool) -> ColumnElement[bool]:
    if term.key == "word":
        return in_prompt(term.text, full_text)
    if term.key in _NUMBERS:
        return _COMPARE[term.operator](_NUMBERS[term.key], term.number)  # type: ignore[no-any-return]
    if term.key in _TEXTS:
        return _TEXTS[term.key].icontains(term.text, autoescape=True)
    condition: ColumnElement[bool] = _OTHERS[term.key](term, full_text)
    return condition


def _mark(term: Term, full_text: bool) -> ColumnElement[bool]:
    known = {
        "kept": images.c.flag == 1,
        "rejected": images.c.flag == -1,
        "unrated": and_(images.c.rating == 0, images.c.flag == 0),
        "hires": images.c.hires.is_(True),
    }
    return known.get(term.text, images.c.mode == term.text)


def _shape(term: Term, full_text: bool) -> ColumnElement[bool]:
    return {
        "portrait": images.c.height > images.c.width,
        "landscape": images.c.width > images.c.height,
        "square": images.c.width == images.c.height,
    }[term.text]


def _in_collection(term: Term, full_text: bool) -> ColumnElement[bool]:
    """In a collection of the picture's owner."""
    return exists().where(
        collections.c.owner == images.c.owner,
        func.lower(collections.c.name) == term.text.lower(),
        collection_images.c.collection == collections.c.number,
        collection_images.c.image_id == images.c.id,
    )


def _like(term: Term, full_text: bool) -> ColumnElement[bool]:
    """Made with the same prompt and settings, whatever the seed."""
    other = images.alias("other")
    alike = [or_(images.c[name] == other.c[name], and_(images.c[name].is_(None), other.c[name].is_(None))) for name in _SAME]
    return exists().where(other.c.id == term.text, other.c.kind == "result", other.c.owner == images.c.owner, *alike)


_OTHERS: dict[str, Any] = {
    "mark": _mark,
    "shape": _shape,
    "size": lambda term, full_text: and_(images.c.width == int(term.low), images.c.height == int(term.high)),
    "made": lambda term, full_text: and_(images.c.created >= term.low, images.c.created < term.high),
    "seed": lambda term, full_text: images.c.seed == term.text if term.operator == "=" else _COMPARE[term.operator](_seed(), term.number),
    "mode": lambda term, full_text: images.c.mode == term.text.lower(),
    "by": lambda term, full_text: images.c.owner == term.text,
    "lora": lambda term, full_text: in_prompt(f"<lora:{term.text}", full_text),
    "emb": lambda term, full_text: in_prompt(term.text, full_text),
    "collection": _in_collection,
    "like": _like,
}


def _seed() -> ColumnElement[float]:
    """Seeds are texts, as whole numbers of 64 bits are in no column of every database; compared as numbers they may be off by a few."""
    return cast(images.c.seed, Float)
