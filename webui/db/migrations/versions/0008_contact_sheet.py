"""What the gallery searches and sorts by: columns of the request, marks, sessions, collections, full text of prompts"""

import json
from typing import Any

import sqlalchemy as sa
from alembic import op

from webui.db.sessions import Sessions

revision = "0008"
down_revision = "0007"

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_FULL_TEXT = (
    "CREATE VIRTUAL TABLE images_text USING fts5(prompt, content='images', content_rowid='number', tokenize='trigram')",
    "CREATE TRIGGER images_text_insert AFTER INSERT ON images BEGIN"
    " INSERT INTO images_text(rowid, prompt) VALUES (new.number, new.prompt); END",
    "CREATE TRIGGER images_text_delete AFTER DELETE ON images BEGIN"
    " INSERT INTO images_text(images_text, rowid, prompt) VALUES ('delete', old.number, old.prompt); END",
    "CREATE TRIGGER images_text_update AFTER UPDATE OF prompt ON images BEGIN"
    " INSERT INTO images_text(images_text, rowid, prompt) VALUES ('delete', old.number, old.prompt);"
    " INSERT INTO images_text(rowid, prompt) VALUES (new.number, new.prompt); END",
    "INSERT INTO images_text(images_text) VALUES ('rebuild')",
)


def upgrade() -> None:
    for column in (
        sa.Column("trashed_at", sa.Float),
        sa.Column("rating", sa.Integer, nullable=False, server_default="0"),
        sa.Column("flag", sa.Integer, nullable=False, server_default="0"),
        sa.Column("session", _BIG, nullable=False, server_default="0"),
        sa.Column("mode", sa.String(16), nullable=False, server_default=""),
        sa.Column("checkpoint", sa.Text, nullable=False, server_default=""),
        sa.Column("sampler", sa.Text, nullable=False, server_default=""),
        sa.Column("schedule", sa.Text, nullable=False, server_default=""),
        sa.Column("steps", sa.Integer),
        sa.Column("guidance", sa.Float),
        sa.Column("strength", sa.Float),
        sa.Column("clip_skip", sa.Integer),
        sa.Column("hires", sa.Boolean, nullable=False, server_default=sa.false()),
    ):
        op.add_column("images", column)
    op.create_index("ix_images_owner", "images", ["owner", "kind", "number"])
    op.create_index("ix_images_session", "images", ["session"])
    op.create_table(
        "collections",
        sa.Column("number", _BIG, primary_key=True, autoincrement=True),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("query", sa.Text, nullable=False, server_default=""),
        sa.Column("created", sa.Float, nullable=False),
        sa.UniqueConstraint("owner", "name", name="uq_collections_name"),
    )
    op.create_table(
        "collection_images",
        sa.Column("number", _BIG, primary_key=True, autoincrement=True),
        sa.Column("collection", _BIG, nullable=False),
        sa.Column("image_id", sa.String(64), nullable=False),
        sa.UniqueConstraint("collection", "image_id", name="uq_collection_images_image"),
    )
    _fill()
    if _has_full_text():
        for line in _FULL_TEXT:
            op.execute(line)


def downgrade() -> None:
    if _has_full_text():
        for name in ("insert", "delete", "update"):
            op.execute(f"DROP TRIGGER IF EXISTS images_text_{name}")
        op.execute("DROP TABLE IF EXISTS images_text")
    op.drop_table("collection_images")
    op.drop_table("collections")
    op.drop_index("ix_images_session", "images")
    op.drop_index("ix_images_owner", "images")
    for name in "hires clip_skip strength guidance steps schedule sampler checkpoint mode session flag rating trashed_at".split():
        op.drop_column("images", name)


def _has_full_text() -> bool:
    """Whether this SQLite has FTS5 with trigrams; without it, and on other databases, words are looked for row by row."""
    connection = op.get_bind()
    if connection.dialect.name != "sqlite":
        return False
    try:
        with connection.begin_nested():
            connection.exec_driver_sql("CREATE VIRTUAL TABLE temp.can_fts USING fts5(a, tokenize='trigram')")
            connection.exec_driver_sql("DROP TABLE temp.can_fts")
    except sa.exc.DBAPIError:
        return False
    return True


def _fill() -> None:
    """Write the new columns of the pictures that there are, oldest first, so that sessions follow each other."""
    connection, sessions, number = op.get_bind(), Sessions(), 0
    while rows := connection.execute(_READ, {"number": number}).all():
        changes = []
        for row in rows:
            number, values = row.number, _values(row.request)
            session = sessions.of(row.owner, row.number, row.created, str(values["mode"]), row.prompt) if row.kind == "result" else 0
            changes.append({**values, "this": row.number, "session": session, "trashed_at": row.created if row.trashed else None})
        connection.execute(_WRITE, changes)


_READ = sa.text(
    "SELECT number, kind, owner, created, prompt, request, trashed FROM images WHERE number > :number ORDER BY number LIMIT 1000"
)
_WRITE = sa.text(
    "UPDATE images SET mode = :mode, checkpoint = :checkpoint, sampler = :sampler, schedule = :schedule, steps = :steps,"
    " guidance = :guidance, strength = :strength, clip_skip = :clip_skip, hires = :hires, session = :session, trashed_at = :trashed_at"
    " WHERE number = :this"
)


def _values(text: str | None) -> dict[str, Any]:
    try:
        request = json.loads(text or "{}")
    except ValueError:
        request = {}
    request = request if isinstance(request, dict) else {}
    words = {name: value if isinstance(value := request.get(name), str) else "" for name in ("mode", "checkpoint", "sampler", "schedule")}
    numbers = {
        name: value if isinstance(value := request.get(name), int | float) and not isinstance(value, bool) else None
        for name in ("steps", "guidance", "strength", "clip_skip")
    }
    if not request.get("init"):
        numbers["strength"] = None
    return {**words, **numbers, "mode": words["mode"][:16], "hires": bool(request.get("hires"))}
