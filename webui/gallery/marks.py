"""Stars, flags, the bin and collections, for many pictures at once, each change with a way back."""

import secrets
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from webui.core.request import FrozenModel
from webui.db.database import Database
from webui.db.letters import same
from webui.db.mapping import image_from
from webui.db.tables import collection_images, collections, images
from webui.errors import Conflict, NotFound, RequestError, StorageError
from webui.images.store import ImageStore

MOST_AT_ONCE = 100_000
MOST_COLLECTIONS = 500
UNDO_S = 600
_MOST_UNDOS = 200
_AT_ONCE = 500


class Changes(FrozenModel):
    """What is to become of some pictures; None leaves a thing as it is."""

    rating: int | None = None
    flag: int | None = None
    trashed: bool | None = None
    collection: str | None = None
    """Put them into the collection with this name; "" is none."""
    leave: str | None = None
    """Take them out of the collection with this name."""


class Changed(FrozenModel):
    """The pictures that were changed, the token that takes it back, and what could not be changed, in words."""

    ids: tuple[str, ...]
    undo: str
    left_out: tuple[str, ...] = ()


class Collection(FrozenModel):
    """Pictures that somebody put together; with a query, those that it finds."""

    number: int
    name: str
    query: str
    count: int


class _Undo(FrozenModel):
    owner: str | None
    until: float
    before: tuple[tuple[str, int, int, bool], ...]
    added: tuple[int, tuple[str, ...]] | None = None
    taken: tuple[int, tuple[str, ...]] | None = None


class ImageMarks:
    """Changes what is known of pictures. `owner` is whose pictures may be changed; None means anybody's."""

    def __init__(self, database: Database, store: ImageStore) -> None:
        self._db, self._store = database, store
        self._lock = threading.Lock()
        self._undos: dict[str, _Undo] = {}

    def change(self, owner: str | None, ids: Sequence[str], changes: Changes, keeper: str) -> Changed:
        """Change pictures; those that are not there (any more) are passed over. `keeper` owns the collection. Raises `RequestError`."""
        if len(ids) > MOST_AT_ONCE:
            raise RequestError("ids", f"At most {MOST_AT_ONCE:,} pictures are changed at once.")
        _check(changes)
        self._check_collections(keeper, changes)
        rows = [row for part in batched(dict.fromkeys(ids), _AT_ONCE) for row in self._rows(owner, part)]
        moved, left_out = self._move(rows, changes.trashed)
        values: dict[str, Any] = {name: value for name, value in (("rating", changes.rating), ("flag", changes.flag)) if value is not None}
        if changes.trashed is not None:
            values |= {"trashed": changes.trashed, "trashed_at": time.time() if changes.trashed else None}
        with self._db.write() as connection:
            for part in batched([row.id for row in moved], _AT_ONCE) if values else ():
                connection.execute(update(images).where(images.c.id.in_(part), images.c.kind == "result").values(values))
            added = self._put(connection, keeper, changes.collection, [row.id for row in moved])
            taken = self._take(connection, keeper, changes.leave, [row.id for row in moved])
        before = tuple((row.id, row.rating, row.flag, row.trashed) for row in moved) if values else ()
        token = self._remember(_Undo(owner=owner, until=time.monotonic() + UNDO_S, before=before, added=added, taken=taken))
        return Changed(ids=tuple(row.id for row in moved), undo=token, left_out=tuple(left_out))

    def undo(self, owner: str | None, token: str) -> Changed:
        """Take a change back, once. Raises `NotFound` where it is too long ago."""
        with self._lock:
            undo = self._undos.get(token)
            if undo is None or undo.owner != owner or undo.until < time.monotonic():
                raise NotFound("This cannot be taken back any more: that is possible for ten minutes, and once.")
            del self._undos[token]
        left_out: list[str] = []
        rows = {row.id: row for part in batched([entry[0] for entry in undo.before], _AT_ONCE) for row in self._rows(owner, part)}
        for trashed in (False, True):
            wrong = [rows[entry[0]] for entry in undo.before if entry[3] is trashed and entry[0] in rows]
            left_out += self._move([row for row in wrong if row.trashed != trashed], trashed)[1]
        with self._db.write() as connection:
            for (rating, flag, trashed), alike in _alike(undo.before).items():
                values = {"rating": rating, "flag": flag, "trashed": trashed, "trashed_at": time.time() if trashed else None}
                for part in batched(alike, _AT_ONCE):
                    connection.execute(update(images).where(images.c.id.in_(part), images.c.kind == "result").values(values))
            if undo.added:
                _leave(connection, *undo.added)
            if undo.taken:
                _enter(connection, *undo.taken)
        ids = dict.fromkeys([*(entry[0] for entry in undo.before), *(undo.added or (0, ()))[1], *(undo.taken or (0, ()))[1]])
        return Changed(ids=tuple(ids), undo="", left_out=tuple(left_out))

    def purge(self, owner: str | None, ids: Sequence[str]) -> Changed:
        """Delete pictures that lie in the bin for good. Those that do not lie there are left alone."""
        gone = []
        for part in batched(dict.fromkeys(ids), _AT_ONCE):
            rows = [row for row in self._rows(owner, part) if row.trashed]
            for row in rows:
                self._store.purge(image_from(row))
            gone += [row.id for row in rows]
            with self._db.write() as connection:
                chosen = [row.number for row in rows]
                connection.execute(delete(images).where(images.c.number.in_(chosen)))
                connection.execute(delete(collection_images).where(collection_images.c.image_id.in_([row.id for row in rows])))
        return Changed(ids=tuple(gone), undo="")

    # Collections ------------------------------------------------------------------------------------------------------------------------

    def collections(self, owner: str) -> list[Collection]:
        """Somebody's collections, by name."""
        held = (
            select(func.count())
            .select_from(collection_images.join(images, images.c.id == collection_images.c.image_id))
            .where(collection_images.c.collection == collections.c.number, images.c.kind == "result", images.c.trashed.is_(False))
            .scalar_subquery()
        )
        query = select(collections, held.label("held")).where(collections.c.owner == owner).order_by(func.lower(collections.c.name))
        with self._db.read() as connection:
            return [Collection(number=row.number, name=row.name, query=row.query, count=row.held) for row in connection.execute(query)]

    def name_collection(self, owner: str, number: int, name: str) -> None:
        """Call a collection otherwise. Raises `NotFound`, `Conflict` for a name that is taken, `RequestError`."""
        name = _checked_name(name)
        with self._db.write() as connection:
            taken = connection.execute(select(collections.c.number).where(*_named(owner, name), collections.c.number != number)).first()
            if taken is not None:
                raise Conflict(f"There is a collection named {name} already.")
            own = (collections.c.number == number, collections.c.owner == owner)
            if not connection.execute(update(collections).where(*own).values(name=name)).rowcount:
                raise NotFound("There is no such collection of yours.")

    def save_query(self, owner: str, name: str, query: str) -> None:
        """Keep a query as a collection that fills itself. Raises `RequestError`, `Conflict` for a name that is taken."""
        with self._db.write() as connection:
            if connection.execute(select(collections.c.number).where(*_named(owner, _checked_name(name)))).first() is not None:
                raise Conflict(f"There is a collection named {name} already.")
            _made(connection, owner, name, query)

    def remove_collection(self, owner: str, number: int) -> None:
        """Forget a collection; its pictures stay. Raises `NotFound`."""
        with self._db.write() as connection:
            gone = connection.execute(delete(collections).where(collections.c.number == number, collections.c.owner == owner))
            if not gone.rowcount:
                raise NotFound("There is no such collection of yours.")
            connection.execute(delete(collection_images).where(collection_images.c.collection == number))

    # Steps ------------------------------------------------------------------------------------------------------------------------------

    def _check_collections(self, owner: str, changes: Changes) -> None:
        """Before anything is moved."""
        for name in filter(None, (changes.collection, changes.leave)):
            with self._db.read() as connection:
                found = connection.execute(select(collections.c.query).where(*_named(owner, name))).first()
            if found is None and name == changes.leave:
                raise NotFound(f"There is no collection {name} of yours.")
            if found is not None and found.query:
                raise Conflict(f"{name} is a saved search: what it finds is in it, nothing else.")

    def _rows(self, owner: str | None, ids: Sequence[str]) -> Sequence[Any]:
        query = select(images).where(images.c.kind == "result", images.c.id.in_(ids))
        if owner is not None:
            query = query.where(images.c.owner == owner)
        with self._db.read() as connection:
            found = {row.id: row for row in connection.execute(query)}
        return [found[each] for each in ids if each in found]

    def _move(self, rows: Sequence[Any], trashed: bool | None) -> tuple[list[Any], list[str]]:
        """Move files into the bin or out of it; gives the rows whose file lies where it should, and sentences for the others."""
        if trashed is None:
            return list(rows), []
        moved, left_out = [], []
        for row in rows:
            record = image_from(row)
            try:
                if row.trashed != trashed:
                    (self._store.trash if trashed else self._store.restore)(record)
                moved.append(row)
            except (NotFound, StorageError) as error:
                left_out.append(str(error))
        return moved, left_out

    def _put(self, connection: Connection, owner: str, name: str | None, ids: Sequence[str]) -> tuple[int, tuple[str, ...]] | None:
        if not name:
            return None
        found = connection.execute(select(collections.c.number).where(*_named(owner, name))).first()
        number = found.number if found is not None else _made(connection, owner, name, "")
        return number, _enter(connection, number, ids)

    def _take(self, connection: Connection, owner: str, name: str | None, ids: Sequence[str]) -> tuple[int, tuple[str, ...]] | None:
        if not name:
            return None
        found = connection.execute(select(collections.c.number).where(*_named(owner, name))).first()
        if found is None:
            return None
        inside = _inside(connection, found.number, ids)
        _leave(connection, found.number, inside)
        return found.number, inside

    def _remember(self, undo: _Undo) -> str:
        token = secrets.token_urlsafe(12)
        with self._lock:
            now = time.monotonic()
            self._undos = {key: each for key, each in list(self._undos.items())[-_MOST_UNDOS:] if each.until > now}
            self._undos[token] = undo
        return token


def _alike(before: Iterable[tuple[str, int, int, bool]]) -> dict[tuple[int, int, bool], list[str]]:
    """Ids of pictures by their marks."""
    found: dict[tuple[int, int, bool], list[str]] = {}
    for image_id, rating, flag, trashed in before:
        found.setdefault((rating, flag, trashed), []).append(image_id)
    return found


def batched(ids: Iterable[str], size: int) -> Iterator[list[str]]:
    """Yield ids in parts that fit one statement."""
    whole = list(ids)
    for start in range(0, len(whole), size):
        yield whole[start : start + size]


def _check(changes: Changes) -> None:
    if changes.rating is not None and not 0 <= changes.rating <= 5:
        raise RequestError("rating", "A rating is 0 to 5 stars.")
    if changes.flag not in (None, -1, 0, 1):
        raise RequestError("flag", "A flag is 1 (keep), -1 (reject) or 0.")
    if changes.collection:
        _checked_name(changes.collection)
    if changes == Changes():
        raise RequestError("rating", "Nothing is to be changed: give rating, flag, trashed, collection or leave.")


def _checked_name(name: str) -> str:
    if not name.strip() or len(name) > 120 or '"' in name or not name.isprintable():
        raise RequestError("collection", "A collection's name has 1 to 120 letters, and no \".")
    return name.strip()


def _named(owner: str, name: str) -> tuple[Any, ...]:
    return collections.c.owner == owner, same(collections.c.name, name.strip())


def _made(connection: Connection, owner: str, name: str, query: str) -> int:
    count = select(func.count()).select_from(collections).where(collections.c.owner == owner)
    if connection.execute(count).scalar_one() >= MOST_COLLECTIONS:
        raise Conflict(f"There are {MOST_COLLECTIONS} collections already; remove one first.")
    made = connection.execute(insert(collections).values(owner=owner, name=_checked_name(name), query=query, created=time.time()))
    return int(made.inserted_primary_key[0]) if made.inserted_primary_key else 0


def _inside(connection: Connection, number: int, ids: Sequence[str]) -> tuple[str, ...]:
    found: set[str] = set()
    for part in batched(ids, _AT_ONCE):
        where = collection_images.c.collection == number, collection_images.c.image_id.in_(part)
        found |= set(connection.execute(select(collection_images.c.image_id).where(*where)).scalars())
    return tuple(each for each in ids if each in found)


def _enter(connection: Connection, number: int, ids: Sequence[str]) -> tuple[str, ...]:
    inside = set(_inside(connection, number, ids))
    new = tuple(each for each in ids if each not in inside)
    if new:
        connection.execute(insert(collection_images), [{"collection": number, "image_id": each} for each in new])
    return new


def _leave(connection: Connection, number: int, ids: Sequence[str]) -> None:
    for part in batched(ids, _AT_ONCE):
        where = collection_images.c.collection == number, collection_images.c.image_id.in_(part)
        connection.execute(delete(collection_images).where(*where))
