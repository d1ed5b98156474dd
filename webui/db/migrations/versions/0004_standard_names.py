"""Columns and a table get the names that the code uses: batch_key, trashed, settings_kv"""

from alembic import op

revision = "0004"
down_revision = "0003"
COLUMNS = (("jobs", "together", "batch_key"), ("images", "binned", "trashed"))


def upgrade() -> None:
    for table, old, new in COLUMNS:
        op.execute(f"ALTER TABLE {table} RENAME COLUMN {old} TO {new}")
    op.rename_table("facts", "settings_kv")


def downgrade() -> None:
    op.rename_table("settings_kv", "facts")
    for table, old, new in COLUMNS:
        op.execute(f"ALTER TABLE {table} RENAME COLUMN {new} TO {old}")
