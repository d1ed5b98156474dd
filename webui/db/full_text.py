"""Words in prompts: by the index of SQLite where there is one, else row by row."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Integer, Text, and_, bindparam, literal_column, select, table

from webui.db.letters import holds
from webui.db.tables import images

_LETTERS = 3
"""The index knows every three letters of a prompt, so it finds words that have as many."""


def in_prompt(words: Sequence[str], full_text: bool) -> ColumnElement[bool]:
    """The prompt has each of these (at least one), in any case. The index is asked once for all: it joins them quicker itself."""
    indexed = [each for each in words if full_text and len(each) >= _LETTERS and "\0" not in each]
    conditions = [holds(images.c.prompt, each) for each in words if each not in indexed]
    if indexed:
        quoted = " AND ".join('"' + each.replace('"', '""') + '"' for each in indexed)
        matching = literal_column("images_text", Text).op("MATCH", is_comparison=True)(bindparam(None, quoted, unique=True))
        found = select(literal_column("rowid", Integer)).select_from(table("images_text")).where(matching)
        conditions.insert(0, images.c.number.in_(found))
    return and_(*conditions)
