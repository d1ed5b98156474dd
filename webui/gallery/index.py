"""The image index: what the gallery lists, deletes and restores."""

import time
from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, and_, delete, desc, func, insert, or_, select, update

from webui.core.record import ImageRecord
from webui.core.request import GenerationRequest
from webui.db.database import Database
from webui.db.mapping import image_from, image_values, request_from
from webui.db.sessions import Latest, continues
from webui.db.tables import images, upload_owners
from webui.errors import NotFound


class Marks(NamedTuple):
    """What is known of a picture beside its file: its number, stars (0 to 5), flag (1 kept, -1 rejected, 0 neither), session."""

    number: int = 0
    rating: int = 0
    flag: int = 0
    session: int = 0


class IndexedImage(NamedTuple):
    """A picture, the request it was made from, if that is known, and its marks."""

    record: ImageRecord
    request: GenerationRequest | None
    marks: Marks = Marks()


class ImageIndex:
    """Rows of pictures. The files are the truth; this is what finds them."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def find(self, owner: str | None = None, after: str = "", limit: int = 30) -> list[IndexedImage]:
        """Results, newest first, of one owner or all; the bin and missing files left out."""
        query = self._results(owner).order_by(desc(images.c.number)).limit(limit)
        if after:
            number = select(images.c.number).where(images.c.id == after, images.c.kind == "result").scalar_subquery()
            query = query.where(images.c.number < number)
        with self._db.read() as connection:
            return [indexed(row) for row in connection.execute(query)]

    def total(self, owner: str | None = None) -> int:
        """How many results there are."""
        with self._db.read() as connection:
            return int(connection.execute(select(func.count()).select_from(self._results(owner).subquery())).scalar_one())

    def get(self, image_id: str, *, trashed: bool = False) -> IndexedImage:
        """A picture by its id: a result before an upload of the same bytes. Raises `NotFound`."""
        query = select(images).where(images.c.id == image_id).order_by(images.c.kind).limit(1)
        with self._db.read() as connection:
            row = connection.execute(query).first()
        if row is None or (row.trashed and not trashed):
            raise NotFound(f"There is no picture {image_id}.")
        return indexed(row)

    def add_upload(self, record: ImageRecord, size: int = 0) -> bool:
        """Index an upload of so many bytes, once per content, and note whose it is: it may be several people's. Whether that is new."""
        mine = and_(upload_owners.c.image_id == record.id, upload_owners.c.owner == record.owner)
        with self._db.write() as connection:
            is_new = connection.execute(select(upload_owners.c.number).where(mine)).first() is None
            if is_new:
                sent = {"image_id": record.id, "owner": record.owner, "created": record.created.timestamp(), "bytes": size}
                connection.execute(insert(upload_owners).values(sent))
            if connection.execute(select(images.c.number).where(images.c.id == record.id, images.c.kind == "upload")).first() is None:
                connection.execute(images.insert().values(image_values(record, None)))
        return is_new

    def is_upload_of(self, image_id: str, owner: str) -> bool:
        """Whether this owner has uploaded this content."""
        mine = and_(upload_owners.c.image_id == image_id, upload_owners.c.owner == owner)
        with self._db.read() as connection:
            return connection.execute(select(upload_owners.c.number).where(mine)).first() is not None

    def disown(self, image_id: str, owner: str) -> bool:
        """Note that an owner no longer has an upload; whether somebody else still has it."""
        same = upload_owners.c.image_id == image_id
        with self._db.write() as connection:
            connection.execute(delete(upload_owners).where(same, upload_owners.c.owner == owner))
            left = connection.execute(select(upload_owners.c.owner).where(same).order_by(upload_owners.c.number)).scalars().first()
            if left is not None:
                mine = and_(images.c.id == image_id, images.c.kind == "upload", images.c.owner == owner)
                connection.execute(update(images).where(mine).values(owner=left))
        return left is not None

    def set_trashed(self, image_id: str, trashed: bool) -> None:
        """Mark a picture as lying in the bin, or not."""
        with self._db.write() as connection:
            values = {"trashed": trashed, "trashed_at": time.time() if trashed else None, "missing": False}
            connection.execute(update(images).where(images.c.id == image_id, images.c.kind == "result").values(values))

    def files(self) -> list[tuple[str, str, bool]]:
        """(id, path, whether it is marked as missing) of all results outside the bin, for reconciling."""
        query = select(images.c.id, images.c.path, images.c.missing).where(images.c.kind == "result", images.c.trashed.is_(False))
        with self._db.read() as connection:
            return [(image_id, path, missing) for image_id, path, missing in connection.execute(query)]

    def mark_missing(self, image_ids: Sequence[str], missing: bool = True) -> None:
        """Note that files are gone (moved or deleted by hand), or back; rows that say so already are left alone."""
        with self._db.write() as connection:
            for start in range(0, len(image_ids), 500):
                part = images.c.id.in_(image_ids[start : start + 500])
                connection.execute(
                    update(images).where(part, images.c.kind == "result", images.c.missing.is_(not missing)).values(missing=missing)
                )

    @staticmethod
    def _results(owner: str | None):  # type: ignore[no-untyped-def]  # noqa: ANN205
        query = select(images).where(images.c.kind == "result", images.c.trashed.is_(False), images.c.missing.is_(False))
        if owner is not None:
            query = query.where(images.c.owner == owner)
        return query


def indexed(row) -> IndexedImage:  # type: ignore[no-untyped-def]  # noqa: ANN001
    """A picture from its row."""
    marks = Marks(row.number, row.rating, row.flag, row.session)
    return IndexedImage(image_from(row), request_from(row.request) if row.request else None, marks)


def insert_image(connection: Connection, record: ImageRecord, request: GenerationRequest | None) -> bool:
    """Add an image's row in the caller's transaction; returns False when it is there already."""
    places = [and_(images.c.id == record.id, images.c.kind == record.kind)]
    if record.job_id is not None:
        places.append(and_(images.c.job_id == record.job_id, images.c.index == record.index))
    known = select(images.c.number).where(or_(*places))
    if connection.execute(known).first() is not None:
        return False
    values = image_values(record, request)
    session = _session(connection, record, values) if record.kind == "result" else 0
    made = connection.execute(insert(images).values({**values, "session": session}))
    if record.kind == "result" and not session and made.inserted_primary_key:
        number = made.inserted_primary_key[0]
        connection.execute(update(images).where(images.c.number == number).values(session=number))
    return True


def _session(connection: Connection, record: ImageRecord, values: dict[str, object]) -> int:
    """The session that a picture goes on with; 0 where it begins one."""
    newest = (
        select(images.c.session, images.c.created, images.c.mode, images.c.prompt)
        .where(images.c.owner == record.owner, images.c.kind == "result")
        .order_by(desc(images.c.number))
        .limit(1)
    )
    row = connection.execute(newest).first()
    mode, prompt = str(values.get("mode", "")), str(values["prompt"])
    return row.session if row and continues(Latest(*row), record.created.timestamp(), mode, prompt) else 0
