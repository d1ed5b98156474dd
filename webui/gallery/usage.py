"""What an owner keeps here: bytes of pictures, those in the bin too, and of uploads."""

from sqlalchemy import func, select, update

from webui.core.record import ImageRecord
from webui.db.database import Database
from webui.db.mapping import image_from
from webui.db.tables import images, upload_owners
from webui.errors import NotFound
from webui.images.store import ImageStore

GONE = -1
"""Instead of a size: the file was not there."""


class Usage:
    """Sizes are kept in the database, and read from the files for those that have none there yet."""

    def __init__(self, database: Database, store: ImageStore) -> None:
        self._database, self._store = database, store

    def stored(self, owner: str) -> int:
        """Bytes of all that an owner has here."""
        self._measure(owner)
        made = select(func.coalesce(func.sum(images.c.bytes), 0)).where(images.c.owner == owner, images.c.kind == "result")
        sent = select(func.coalesce(func.sum(upload_owners.c.bytes), 0)).where(upload_owners.c.owner == owner)
        queries = (made.where(images.c.bytes > 0), sent.where(upload_owners.c.bytes > 0))
        with self._database.read() as connection:
            return sum(int(connection.execute(query).scalar_one()) for query in queries)

    def uploaded_since(self, owner: str, moment: float) -> int:
        """Bytes of what an owner has uploaded since then."""
        sent = select(func.coalesce(func.sum(upload_owners.c.bytes), 0))
        mine = sent.where(upload_owners.c.owner == owner, upload_owners.c.created >= moment, upload_owners.c.bytes > 0)
        with self._database.read() as connection:
            return int(connection.execute(mine).scalar_one())

    def _measure(self, owner: str) -> None:
        unknown = select(images).where(images.c.owner == owner, images.c.kind == "result", images.c.bytes == 0)
        sent = select(upload_owners.c.number, upload_owners.c.image_id).where(upload_owners.c.owner == owner, upload_owners.c.bytes == 0)
        with self._database.read() as connection:
            made = [(row.number, self._size_of(image_from(row))) for row in connection.execute(unknown)]
            uploads = [(number, self._size_of_upload(image_id)) for number, image_id in connection.execute(sent)]
        if made or uploads:
            with self._database.write() as connection:
                for table, sizes in ((images, made), (upload_owners, uploads)):
                    for number, size in sizes:
                        connection.execute(update(table).where(table.c.number == number).values(bytes=size))

    def _size_of(self, record: ImageRecord) -> int:
        for find in (self._store.path, self._store.path_in_bin):
            try:
                return find(record).stat().st_size
            except (NotFound, OSError):
                continue
        return GONE

    def _size_of_upload(self, image_id: str) -> int:
        try:
            return self._store.upload_path(image_id).stat().st_size
        except (NotFound, OSError):
            return GONE
