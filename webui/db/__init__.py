"""The database: jobs, events, pictures and a few facts. Opened by web alone, one web to a database."""

from webui.db.database import Database, open_database
from webui.db.lock import DataLock

__all__ = ["DataLock", "Database", "open_database"]
