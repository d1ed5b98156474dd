"""Words in prompts: by the index of SQLite where there is one, else row by row."""

from sqlalchemy import ColumnElement, Text, bindparam, literal_column, select, table

from webui.db.tables import images

_LETTERS = 3
"""The index knows every three letters of a prompt, so it finds words that have as many."""


def in_prompt(words: str, full_text: bool) -> ColumnElement[bool]:
    """The prompt has these letters, in any case."""
    if not full_text or len(words) < _LETTERS or "\0" in words:
        return images.c.prompt.icontains(words, autoescape=True)
    quoted = '"' + words.replace('"', '""') + '"'
    matching = literal_column("images_text", Text).op("MATCH", is_comparison=True)(bindparam(None, quoted, unique=True))
    return images.c.number.in_(select(literal_column("rowid")).select_from(table("images_text")).where(matching))
