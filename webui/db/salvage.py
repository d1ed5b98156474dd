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

FORMERLY = {"settings_kv": "facts", "batch_key": "together", "trashed": "binned"}
"""What tables and columns were called before; a broken file may be an old one."""


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
    present = {name for (name,) in source.execute("SELECT name FROM sqlite_master")} if _is_listed(source) else {table.name}
    name = table.name if table.name in present else FORMERLY.get(table.name, table.name)
    with suppress(sqlite3.Error):
        for row in source.execute(f'SELECT rowid AS "the rowid", * FROM {name} ORDER BY rowid {order}'):  # noqa: S608
            yield row["the rowid"], _known(table, row)


def _is_listed(source: sqlite3.Connection) -> bool:
    """Whether the list of tables can be read."""
    try:
        source.execute("SELECT name FROM sqlite_master").fetchall()
    except sqlite3.Error:
        return False
    return True


def _known(table: Table, row: sqlite3.Row) -> dict[str, Any]:
    """The row's values by the names of today's columns."""
    names = {name: name if name in row.keys() else FORMERLY.get(name, name) for name in table.columns.keys()}  # noqa: SIM118
    return {name: row[stored] for name, stored in names.items() if stored in row.keys()}  # noqa: SIM118


def _inserted(table: Table, row: dict[str, Any], into: Engine) -> bool:
    try:
        with into.begin() as connection:
            connection.execute(insert(table).values(row))
    except SQLAlchemyError:
        return False
    return True
