"""What can still be read of a broken SQLite file is taken over into the new database."""

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, Table, insert
from sqlalchemy.exc import SQLAlchemyError

from webui.db.tables import metadata


def salvage(broken: Path, into: Engine) -> int:
    """Copy rows from both ends of every table up to the damage; gives how many. The broken file is left as it is."""
    with tempfile.TemporaryDirectory(dir=broken.parent) as folder:
        copy = Path(folder) / broken.name
        for suffix in ("", "-wal"):
            if (part := broken.with_name(broken.name + suffix)).exists():
                shutil.copyfile(part, copy.with_name(copy.name + suffix))
        with closing(sqlite3.connect(copy)) as source:
            source.row_factory = sqlite3.Row
            return sum(_copy(source, table, into) for table in metadata.sorted_tables)


def _copy(source: sqlite3.Connection, table: Table, into: Engine) -> int:
    rows: dict[int, dict[str, Any]] = {}
    for order in ("ASC", "DESC"):
        for key, row in _rows(source, table, order):
            if key in rows:
                break
            rows[key] = row
    return sum(_inserted(table, rows[key], into) for key in sorted(rows))


def _rows(source: sqlite3.Connection, table: Table, order: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Rows by number from one end, until one cannot be read."""
    with suppress(sqlite3.Error):
        for row in source.execute(f'SELECT rowid AS "the rowid", * FROM {table.name} ORDER BY rowid {order}'):  # noqa: S608
            yield row["the rowid"], {name: row[name] for name in row.keys() if name in table.columns}  # noqa: SIM118


def _inserted(table: Table, row: dict[str, Any], into: Engine) -> bool:
    try:
        with into.begin() as connection:
            connection.execute(insert(table).values(row))
    except SQLAlchemyError:
        return False
    return True
