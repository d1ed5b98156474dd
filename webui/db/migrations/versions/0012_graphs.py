"""Graphs of ComfyUI's clients: their history is told after a restart, too"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.create_table(
        "graphs",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
        sa.Column("job_id", sa.String(64), nullable=False),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("prompt_id", sa.String(200), nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.UniqueConstraint("job_id", name="uq_graphs_job"),
    )
    op.create_index("ix_graphs_prompt", "graphs", ["owner", "prompt_id"])


def downgrade() -> None:
    op.drop_table("graphs")
