"""Letters in any case, of any alphabet: SQLite's lower case is ASCII's alone, PostgreSQL's as its locale has it."""

from typing import Any

from sqlalchemy import ColumnElement, Connection, func, text

NAME = "darkroom_lower"
"""A function that every database gets when it is opened."""
_COLLATIONS = ("und-x-icu", "pg_c_utf8", "C.utf8", "en_US.utf8")
"""Of PostgreSQL, the best first: ICU's, its own from version 17 on, the C library's."""


def holds(column: ColumnElement[Any], words: str) -> ColumnElement[bool]:
    """The text has these letters, in any case."""
    if words.isascii():
        return column.icontains(words, autoescape=True)
    return _lower(column).contains(words.lower(), autoescape=True)


def same(column: ColumnElement[Any], words: str) -> ColumnElement[bool]:
    """The text is this one, in any case."""
    return _lower(column) == words.lower()


def _lower(column: ColumnElement[Any]) -> ColumnElement[str]:
    lowered: ColumnElement[str] = getattr(func, NAME)(column, type_=column.type)
    return lowered


def add_to_sqlite(connection: Any) -> None:
    """Give a connection of the driver the function."""
    connection.create_function(NAME, 1, lambda words: None if words is None else str(words).lower(), deterministic=True)


def add_to_postgres(connection: Connection) -> None:
    """Give the database the function, where it has none yet."""
    if connection.execute(text("SELECT to_regproc(:name)"), {"name": NAME}).scalar() is not None:
        return
    there = set(connection.execute(text("SELECT collname FROM pg_collation")).scalars())
    best = next((f' COLLATE "{name}"' for name in _COLLATIONS if name in there), "")
    connection.exec_driver_sql(
        f"CREATE FUNCTION {NAME}(words text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT lower(words{best}) $$"
    )
