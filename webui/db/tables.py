"""The tables. Values that only travel (requests, plans, events) are JSON text; what is searched or sorted has a column."""

from sqlalchemy import BigInteger, Boolean, Column, Float, Index, Integer, MetaData, String, Table, Text, UniqueConstraint

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)
_Big = BigInteger().with_variant(Integer, "sqlite")

jobs = Table(
    "jobs",
    metadata,
    Column("number", _Big, primary_key=True, autoincrement=True),
    Column("id", String(32), nullable=False, unique=True),
    Column("owner", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    Column("priority", Integer, nullable=False, default=0),
    Column("position", Float, nullable=False, default=0.0),
    Column("attempts", Integer, nullable=False, default=0),
    Column("checkpoint", Text, nullable=False, default=""),
    Column("batch_key", String(16), nullable=False, default="", server_default=""),
    Column("engine_seconds", Float, nullable=False, default=0.0, server_default="0"),
    Column("pixels", _Big, nullable=False, default=0, server_default="0"),
    Column("prompt", Text, nullable=False, default=""),
    Column("request", Text, nullable=False),
    Column("plan", Text),
    Column("idempotency_key", String(255)),
    Column("body_hash", String(64)),
    Column("created", Float, nullable=False),
    Column("started", Float),
    Column("finished", Float),
    Column("error", Text),
    Column("notes", Text, nullable=False, default="[]"),
    Column("place", Text),
    Column("backend", String(255), nullable=False, default="", server_default=""),
    Column("remote", Text, nullable=False, default="[]", server_default="[]"),
    Column("cost", Float, nullable=False, default=0.0, server_default="0"),
    UniqueConstraint("owner", "idempotency_key"),
    Index("ix_jobs_queue", "state", "owner", "priority", "position"),
    Index("ix_jobs_used", "owner", "created"),
)

events = Table(
    "events",
    metadata,
    Column("seq", _Big, primary_key=True, autoincrement=True),
    Column("job_id", String(32), nullable=False),
    Column("type", String(16), nullable=False),
    Column("body", Text, nullable=False),
    Column("at", Float, nullable=False),
    Index("ix_events_job", "job_id", "seq"),
    sqlite_autoincrement=True,
)

_ASKED = ("rating", "flag", "session", "created", "width", "height", "steps", "guidance", "strength", "clip_skip", "hires", "mode", "seed")
"""Columns that the gallery's queries ask for stand in its index: rows hold whole requests, and reading 100,000 of them takes half a second.
With SQLite those of texts do too (migration 0011).
"""
images = Table(
    "images",
    metadata,
    Column("number", _Big, primary_key=True, autoincrement=True),
    Column("id", String(64), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("path", Text, nullable=False),
    Column("job_id", String(32), nullable=True),
    Column("index", Integer, nullable=False, default=0),
    Column("owner", String(64), nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("seed", String(20)),
    Column("created", Float, nullable=False),
    Column("notes", Text, nullable=False, default="[]"),
    Column("prompt", Text, nullable=False, default=""),
    Column("request", Text),
    Column("trashed", Boolean, nullable=False, default=False),
    Column("missing", Boolean, nullable=False, default=False),
    Column("trashed_at", Float),
    Column("rating", Integer, nullable=False, default=0, server_default="0"),
    Column("flag", Integer, nullable=False, default=0, server_default="0"),
    Column("session", _Big, nullable=False, default=0, server_default="0"),
    Column("mode", String(16), nullable=False, default="", server_default=""),
    Column("checkpoint", Text, nullable=False, default="", server_default=""),
    Column("sampler", Text, nullable=False, default="", server_default=""),
    Column("schedule", Text, nullable=False, default="", server_default=""),
    Column("steps", Integer),
    Column("guidance", Float),
    Column("strength", Float),
    Column("clip_skip", Integer),
    Column("hires", Boolean, nullable=False, default=False, server_default="0"),
    Column("bytes", _Big, nullable=False, default=0, server_default="0"),
    UniqueConstraint("id", "kind"),
    UniqueConstraint("job_id", "index", name="uq_images_place"),
    Index("ix_images_gallery", "kind", "trashed", "missing", "number", "owner", *_ASKED),
    Index("ix_images_owner", "owner", "kind", "number"),
    Index("ix_images_session", "session"),
)

collections = Table(
    "collections",
    metadata,
    Column("number", _Big, primary_key=True, autoincrement=True),
    Column("owner", String(64), nullable=False),
    Column("name", String(120), nullable=False),
    Column("query", Text, nullable=False, default="", server_default=""),
    Column("created", Float, nullable=False),
    UniqueConstraint("owner", "name", name="uq_collections_name"),
)

collection_images = Table(
    "collection_images",
    metadata,
    Column("number", _Big, primary_key=True, autoincrement=True),
    Column("collection", _Big, nullable=False),
    Column("image_id", String(64), nullable=False),
    UniqueConstraint("collection", "image_id", name="uq_collection_images_image"),
)

upload_owners = Table(
    "upload_owners",
    metadata,
    Column("number", _Big, primary_key=True, autoincrement=True),
    Column("image_id", String(64), nullable=False),
    Column("owner", String(64), nullable=False),
    Column("created", Float, nullable=False),
    Column("bytes", _Big, nullable=False, default=0, server_default="0"),
    UniqueConstraint("image_id", "owner", name="uq_upload_owners_image"),
    Index("ix_upload_owners_owner", "owner", "created"),
)

audit = Table(
    "audit",
    metadata,
    Column("number", _Big, primary_key=True, autoincrement=True),
    Column("at", Float, nullable=False),
    Column("who", String(64), nullable=False),
    Column("did", Text, nullable=False),
)

settings_kv = Table("settings_kv", metadata, Column("key", String(128), primary_key=True), Column("value", Text, nullable=False))

model_notes = Table(
    "model_notes",
    metadata,
    Column("number", _Big, primary_key=True, autoincrement=True),
    Column("kind", String(32), nullable=False),
    Column("name", Text, nullable=False),
    Column("sha256", String(64), nullable=False, default="", server_default=""),
    Column("body", Text, nullable=False),
    Column("updated", Float, nullable=False),
    UniqueConstraint("kind", "name", name="uq_model_notes_name"),
)

grids = Table(
    "grids",
    metadata,
    Column("number", _Big, primary_key=True, autoincrement=True),
    Column("id", String(32), nullable=False, unique=True),
    Column("owner", String(64), nullable=False),
    Column("title", Text, nullable=False, default=""),
    Column("cancelled", Boolean, nullable=False, default=False),
    Column("priority", Integer, nullable=False, default=0),
    Column("plan", Text, nullable=False),
    Column("created", Float, nullable=False),
    Index("ix_grids_owner", "owner", "number"),
)

grid_cells = Table(
    "grid_cells",
    metadata,
    Column("place", _Big, primary_key=True, autoincrement=True),
    Column("grid_id", String(32), nullable=False),
    Column("number", Integer, nullable=False),
    Column("x", Integer, nullable=False),
    Column("y", Integer, nullable=False),
    Column("z", Integer, nullable=False),
    Column("job_id", String(32)),
    Column("error", Text, nullable=False, default=""),
    UniqueConstraint("grid_id", "number", name="uq_grid_cells_number"),
    Index("ix_grid_cells_job", "job_id"),
)

presets = Table(
    "presets",
    metadata,
    Column("number", _Big, primary_key=True, autoincrement=True),
    Column("owner", String(64), nullable=False),
    Column("name", Text, nullable=False),
    Column("request", Text, nullable=False),
    Column("updated", Float, nullable=False),
    UniqueConstraint("owner", "name", name="uq_presets_name"),
)

graphs = Table(
    "graphs",
    metadata,
    Column("number", _Big, primary_key=True, autoincrement=True),
    Column("job_id", String(64), nullable=False),
    Column("owner", String(64), nullable=False),
    Column("prompt_id", String(200), nullable=False),
    Column("body", Text, nullable=False),
    UniqueConstraint("job_id", name="uq_graphs_job"),
    Index("ix_graphs_prompt", "owner", "prompt_id"),
)
