"""The contact sheet: pictures by a query and in an order, where each lies, and what changed within a session."""

import struct
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import chain
from typing import Any, Literal, cast, get_args

import numpy as np
from sqlalchemy import BigInteger, ColumnElement, Select, and_, asc, desc, func, or_, select
from sqlalchemy import cast as sql_cast

from webui.core.record import ImageRecord
from webui.core.request import FrozenModel
from webui.db.database import Database
from webui.db.letters import holds
from webui.db.mapping import image_from
from webui.db.sessions import phrases
from webui.db.tables import collections, images
from webui.gallery.index import IndexedImage, indexed
from webui.gallery.kept import Kept
from webui.gallery.query import DAYS, KEYS, MARKS, SHAPES, ImageQuery
from webui.gallery.search import conditions

Sort = Literal["newest", "oldest", "rating", "largest"]
SORTS: tuple[Sort, ...] = get_args(Sort)
Place = Literal["pictures", "bin"]
MOST_CHANGES = 7
_SESSION_ROWS = 400
_AT_ONCE = 500
_HOUR = 3600
_COMPARED = {
    "checkpoint": "model",
    "sampler": "sampler",
    "schedule": "schedule",
    "steps": "steps",
    "guidance": "CFG",
    "strength": "strength",
    "clip_skip": "clip skip",
}


class Wanted(FrozenModel):
    """Whose pictures (None: everybody's), which, in which order, and whether those in the bin."""

    owner: str | None = None
    query: ImageQuery = ImageQuery()
    sort: Sort = "newest"
    place: Place = "pictures"


class Session(FrozenModel):
    """Pictures made in one go: how many are there, when, around which prompt, and what changed among them ("CFG 5 → 7", "seed")."""

    number: int
    count: int
    first: float
    last: float
    prompt: str
    changed: tuple[str, ...]


class Month(FrozenModel):
    """A month ("2026-11", in the server's time) in which so many pictures were made."""

    month: str
    count: int


class Suggestion(FrozenModel):
    """A part of a query that could be meant, and how many pictures have it."""

    text: str
    count: int | None = None


class Nearest(FrozenModel):
    """For a query without a picture: the same without one of its parts, and how many pictures that finds."""

    without: str
    query: str
    count: int


class ContactSheet:
    """Reads what is wanted from the database."""

    def __init__(self, database: Database) -> None:
        self._db = database
        self._totals: Kept[int] = Kept(database, 256)
        self._layouts: Kept[bytes] = Kept(database, 8)
        self._months: Kept[tuple[Month, ...]] = Kept(database, 32)

    def find(self, wanted: Wanted, after: str, limit: int) -> list[IndexedImage]:
        """Pictures that match, in their order, behind the one with the id `after`."""
        query = _ordered(select(images).where(*self._matching(wanted)), wanted).limit(limit)
        if after:
            query = query.where(_behind(wanted, after))
        with self._db.read() as connection:
            return [indexed(row) for row in connection.execute(query)]

    def total(self, wanted: Wanted) -> int:
        """How many match."""
        return self._totals.get(wanted.model_copy(update={"sort": "newest"}), lambda: self._counted(wanted))

    def _counted(self, wanted: Wanted) -> int:
        with self._db.read() as connection:
            return int(connection.execute(select(func.count()).select_from(images).where(*self._matching(wanted))).scalar_one())

    def numbered(self, owner: str | None, numbers: Sequence[int]) -> list[IndexedImage]:
        """The pictures with these numbers that are there, in the order of the numbers."""
        query = select(images).where(images.c.number.in_(numbers))  # alone: with more to go by, SQLite reads all results instead
        with self._db.read() as connection:
            rows = [row for row in connection.execute(query) if row.kind == "result" and owner in (None, row.owner)]
        found = {row.number: indexed(row) for row in rows}
        return [found[number] for number in numbers if number in found]

    def ids(self, wanted: Wanted) -> list[str]:
        """The ids of all that match."""
        with self._db.read() as connection:
            return list(connection.execute(select(images.c.id).where(*self._matching(wanted))).scalars())

    def records(self, owner: str | None, ids: Sequence[str]) -> Iterator[ImageRecord]:
        """The records of pictures that are there, a few at a time."""
        for start in range(0, len(ids), _AT_ONCE):
            query = select(images).where(images.c.kind == "result", images.c.id.in_(ids[start : start + _AT_ONCE]), *_of(owner))
            with self._db.read() as connection:
                rows = connection.execute(query).all()
            yield from (image_from(row) for row in rows)

    def count_of_others(self, owner: str, ids: Sequence[str]) -> int:
        """How many of these pictures are somebody else's, in the bin or not."""
        others = select(func.count()).where(images.c.kind == "result", images.c.owner != owner)
        with self._db.read() as connection:
            parts = (ids[start : start + _AT_ONCE] for start in range(0, len(ids), _AT_ONCE))
            return sum(connection.execute(others.where(images.c.id.in_(part))).scalar() or 0 for part in parts)

    def layout(self, wanted: Wanted) -> bytes:
        """Where every match stands: count (uint32), then numbers (int32 each, as the difference from the one before), then
        width : height in thousandths (uint16 each), then whether a session begins (uint8 each). Little endian.
        """
        return self._layouts.get(wanted, lambda: self._laid_out(wanted))

    def _laid_out(self, wanted: Wanted) -> bytes:
        columns = select(images.c.number, images.c.width, images.c.height, images.c.session)
        with self._db.read() as connection:
            found = connection.execute(_ordered(columns.where(*self._matching(wanted)), wanted))
            rows = cast(Iterable[Sequence[int]], found.cursor)  # the driver's: a third of the time of SQLAlchemy's
            values = np.fromiter(chain.from_iterable(rows), np.int64).reshape(-1, 4)
        number, width, height, session = values.T
        ratios = np.clip(np.rint(1000 * width / np.maximum(height, 1)), 1, 65_535)
        begins = np.diff(session, prepend=0) != 0
        parts = ((np.diff(number, prepend=0), "<i4"), (ratios, "<u2"), (begins, "u1"))
        return struct.pack("<I", len(values)) + b"".join(part.astype(kind).tobytes() for part, kind in parts)

    def months(self, wanted: Wanted) -> tuple[Month, ...]:
        """The months of what matches, newest first."""
        return self._months.get(wanted.model_copy(update={"sort": "newest"}), lambda: self._by_month(wanted))

    def _by_month(self, wanted: Wanted) -> tuple[Month, ...]:
        hour = sql_cast(images.c.created, BigInteger) // _HOUR  # no database says months as the others do
        query = select(hour, func.count()).where(*self._matching(wanted)).group_by(hour)
        counts: Counter[str] = Counter()
        with self._db.read() as connection:
            for since, count in connection.execute(query):
                counts[datetime.fromtimestamp(int(since) * _HOUR, UTC).astimezone().strftime("%Y-%m")] += count
        return tuple(Month(month=month, count=counts[month]) for month in sorted(counts, reverse=True))

    def sessions(self, owner: str | None, numbers: Sequence[int]) -> list[Session]:
        """These sessions, as far as something of them is there."""
        found = []
        with self._db.read() as connection:
            for number in numbers:
                there = [images.c.session == number, *_there("pictures"), *_of(owner)]
                rows = connection.execute(select(images).where(*there).order_by(images.c.number).limit(_SESSION_ROWS)).all()
                if rows:
                    counted = connection.execute(select(func.count()).select_from(images).where(*there)).scalar_one()
                    found.append(_session(number, rows, int(counted)))
        return found

    def suggest(self, owner: str | None, text: str) -> list[Suggestion]:
        """What the last part of a query may become: fields, marks, and the values that there are, with how often."""
        last = text.rpartition(" ")[2].lstrip("-")
        key, colon, begun = last.partition(":")
        if colon and key.lower() in _TEXT_COLUMNS:
            return self._values(owner, key.lower(), begun.strip('"').lower())
        if colon and key.lower() == "collection":
            return self._collections(owner, begun.strip('"').lower())
        if colon and key.lower() == "size":
            return [Suggestion(text=f"size:{shape}") for shape in SHAPES if shape.startswith(begun.lower())]
        if not last:
            return []
        words = [*MARKS, *DAYS, *(f"{name}:" for name in KEYS)]
        return [Suggestion(text=word) for word in words if word.startswith(last.lower()) and word != last]

    def nearest(self, wanted: Wanted) -> Nearest | None:
        """For a query that finds nothing: leaving out which part finds most."""
        query = wanted.query
        less = [(term.source, query.without(term)) for term in query.terms[:12]]
        tried = [(self.total(wanted.model_copy(update={"query": left})), source, left.text) for source, left in less]
        best = max(tried, default=(0, "", ""))
        return Nearest(without=best[1], query=best[2], count=best[0]) if best[0] else None

    def _values(self, owner: str | None, key: str, begun: str) -> list[Suggestion]:
        column = _TEXT_COLUMNS[key]
        query = (
            select(column, func.count()).where(*_there("pictures"), column != "").group_by(column).order_by(desc(func.count())).limit(30)
        )
        if owner is not None:
            query = query.where(images.c.owner == owner)
        if begun:
            query = query.where(holds(column, begun))
        with self._db.read() as connection:
            rows = connection.execute(query).all()
        return [Suggestion(text=f'{key}:"{value}"' if " " in value else f"{key}:{value}", count=count) for value, count in rows]

    def _collections(self, owner: str | None, begun: str) -> list[Suggestion]:
        query = select(collections.c.name).where(holds(collections.c.name, begun)).limit(30)
        if owner is not None:
            query = query.where(collections.c.owner == owner)
        with self._db.read() as connection:
            names = connection.execute(query).scalars().all()
        return [Suggestion(text=f'collection:"{name}"' if " " in name else f"collection:{name}") for name in names]

    def _matching(self, wanted: Wanted) -> list[ColumnElement[bool]]:
        return [*_there(wanted.place), *_of(wanted.owner), *conditions(wanted.query, self._db.full_text)]


def _ordered(query: Select[Any], wanted: Wanted) -> Select[Any]:
    if wanted.place == "pictures" and wanted.sort == "oldest":
        return query.order_by(asc(images.c.number))
    value = _sorted_by(wanted, images)
    return query.order_by(*([] if value is None else [desc(value)]), desc(images.c.number))


_TEXT_COLUMNS = {"model": images.c.checkpoint, "sampler": images.c.sampler, "schedule": images.c.schedule, "by": images.c.owner}


def _of(owner: str | None) -> list[ColumnElement[bool]]:
    return [] if owner is None else [images.c.owner == owner]


def _there(place: Place) -> list[ColumnElement[bool]]:
    trashed = images.c.trashed.is_(place == "bin")
    return [images.c.kind == "result", trashed] if place == "bin" else [images.c.kind == "result", trashed, images.c.missing.is_(False)]


def _sorted_by(wanted: Wanted, rows: Any) -> ColumnElement[Any] | None:
    """The column that the order is by, before the number; None where that is all."""
    if wanted.place == "bin":
        return rows.c.trashed_at  # type: ignore[no-any-return]
    return {"rating": rows.c.rating, "largest": rows.c.width * rows.c.height}.get(wanted.sort)


def _behind(wanted: Wanted, after: str) -> ColumnElement[bool]:
    """The pictures behind one in the order; none behind one that is not known."""
    last = images.alias("last")

    def of_last(column: ColumnElement[Any]) -> Any:
        return select(column).where(last.c.id == after, last.c.kind == "result").scalar_subquery()

    number, last_number = images.c.number, of_last(last.c.number)
    if wanted.place == "pictures" and wanted.sort == "oldest":
        return cast(ColumnElement[bool], number > last_number)
    value, last_value = _sorted_by(wanted, images), _sorted_by(wanted, last)
    if value is None or last_value is None:
        return cast(ColumnElement[bool], number < last_number)
    return or_(value < of_last(last_value), and_(value == of_last(last_value), number < last_number))


def _session(number: int, rows: Sequence[Any], count: int) -> Session:
    return Session(
        number=number,
        count=count,
        first=min(row.created for row in rows),
        last=max(row.created for row in rows),
        prompt=Counter(row.prompt for row in rows).most_common(1)[0][0],
        changed=_changes(rows),
    )


def _changes(rows: Sequence[Any]) -> tuple[str, ...]:
    """What differs among a session's pictures, the words of prompts first."""
    changes = []
    words = [phrases(row.prompt) for row in rows]
    common = frozenset.intersection(*words)
    gone, come = sorted(words[0] - common), sorted(words[-1] - common)
    if len(gone) == len(come) == 1 and gone != come:
        changes.append(f"{_cut(gone[0])} → {_cut(come[0])}")
    elif any(each != common for each in words):
        changes += [f"+ {_cut(word)}" for word in (come or sorted(frozenset.union(*words) - common))[:2]]
    for column, label in _COMPARED.items():
        values = list(dict.fromkeys(_plain(getattr(row, column)) for row in rows))
        if len(values) > 1:
            changes.append(f"{label} {values[0]} → {values[-1]}")
    if len({(row.width, row.height) for row in rows}) > 1:
        changes.append("size")
    if len({row.seed for row in rows}) > 1:
        changes.append("seed")
    return tuple(changes[:MOST_CHANGES])


def _plain(value: Any) -> str:
    return "–" if value in (None, "") else f"{value:g}" if isinstance(value, float) else str(value)  # noqa: RUF001


def _cut(word: str) -> str:
    return word if len(word) <= 30 else f"{word[:29]}…"
