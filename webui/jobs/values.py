"""Single values that are kept in the database: whether the queue is paused, what engines can do, keys, webhooks."""

import json
from collections.abc import Callable
from typing import Any

from sqlalchemy import insert, select, update

from webui.db.database import Database
from webui.db.tables import settings_kv


class KeptValues:
    """Values of JSON's types by name."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def get_value(self, key: str) -> Any:
        """A kept value; None when there is none."""
        with self.database.read() as connection:
            text = connection.execute(select(settings_kv.c.value).where(settings_kv.c.key == key)).scalar()
        return None if text is None else json.loads(text)

    def set_value(self, key: str, value: Any) -> None:
        """Keep a value."""
        self.change_value(key, lambda before: value)

    def change_value(self, key: str, change: Callable[[Any], Any]) -> Any:
        """Change a value by what `change` makes of it (None: there is none yet), and return the new one. Nobody writes in between."""
        with self.database.write() as connection:
            text = connection.execute(select(settings_kv.c.value).where(settings_kv.c.key == key)).scalar()
            value = change(None if text is None else json.loads(text))
            if text is None:
                connection.execute(insert(settings_kv).values(key=key, value=json.dumps(value)))
            else:
                connection.execute(update(settings_kv).where(settings_kv.c.key == key).values(value=json.dumps(value)))
        return value
