"""Presets: whole requests that somebody keeps under a name. One that is called Default is what their form starts with."""

import json
import time
from typing import Any

from pydantic import Field, JsonValue
from sqlalchemy import delete, insert, select, update

from webui.core.frozen import FrozenModel
from webui.core.names import printable
from webui.core.request import parse_request
from webui.db.database import Database
from webui.db.tables import presets
from webui.errors import Conflict, NotFound, RequestError

DEFAULT = "Default"
MAX_NAME, MOST = 200, 500
_NOT_KEPT = ("mode", "init", "mask", "inputs", "templates")
"""What belongs to one picture."""


class Preset(FrozenModel):
    """Fields of a request under a name; what it does not say stays as it is by default."""

    name: str = Field(max_length=MAX_NAME)
    request: dict[str, JsonValue] = Field(default_factory=dict)


class PresetStore:
    """Everybody's presets in the database."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def all(self, owner: str) -> list[Preset]:
        """An owner's presets by name."""
        query = select(presets.c.name, presets.c.request).where(presets.c.owner == owner)
        with self._db.read() as connection:
            rows = connection.execute(query).all()
        return [Preset(name=row.name, request=json.loads(row.request)) for row in sorted(rows, key=lambda row: row.name.lower())]

    def save(self, owner: str, preset: Preset) -> Preset:
        """Keep a preset, in place of one of its name. Raises `RequestError` for fields that are none, `Conflict` for too many presets."""
        name = preset.name.strip()
        if not name or name != printable(name):
            raise RequestError("name", "A preset's name is a line of text that is not empty.")
        kept = Preset(name=name, request={key: value for key, value in preset.request.items() if key not in _NOT_KEPT})
        parse_request(dict(kept.request))
        values: dict[str, Any] = {"request": json.dumps(kept.request), "updated": time.time()}
        with self._db.write() as connection:
            one = (presets.c.owner == owner, presets.c.name == name)
            if not connection.execute(update(presets).where(*one).values(values)).rowcount:
                if len(connection.execute(select(presets.c.number).where(presets.c.owner == owner)).all()) >= MOST:
                    raise Conflict(f"You have {MOST} presets. Delete one first.")
                connection.execute(insert(presets).values({**values, "owner": owner, "name": name}))
        return kept

    def remove(self, owner: str, name: str) -> None:
        """Forget a preset. Raises `NotFound`."""
        with self._db.write() as connection:
            if not connection.execute(delete(presets).where(presets.c.owner == owner, presets.c.name == name)).rowcount:
                raise NotFound(f"There is no preset named {printable(name)[:100]!r}.")
