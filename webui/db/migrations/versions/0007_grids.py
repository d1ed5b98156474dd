"""Grids: their plans, their cells and each cell's job; a job knows its place in one"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.add_column("jobs", sa.Column("place", sa.Text))
    op.create_table(
        "grids",
        sa.Column("number", number, primary_key=True, autoincrement=True),
        sa.Column("id", sa.String(32), nullable=False, unique=True),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("title", sa.Text, nullable=False, server_default=""),
        sa.Column("cancelled", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("priority", sa.Integer, nullable=False, server_default="0"),
        sa.Column("plan", sa.Text, nullable=False),
        sa.Column("created", sa.Float, nullable=False),
    )
    op.create_index("ix_grids_owner", "grids", ["owner", "number"])
    op.create_table(
        "grid_cells",
        sa.Column("place", number, primary_key=True, autoincrement=True),
        sa.Column("grid_id", sa.String(32), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("x", sa.Integer, nullable=False),
        sa.Column("y", sa.Integer, nullable=False),
        sa.Column("z", sa.Integer, nullable=False),
        sa.Column("job_id", sa.String(32)),
        sa.Column("error", sa.Text, nullable=False, server_default=""),
        sa.UniqueConstraint("grid_id", "number", name="uq_grid_cells_number"),
    )
    op.create_index("ix_grid_cells_job", "grid_cells", ["job_id"])


def downgrade() -> None:
    op.drop_table("grid_cells")
    op.drop_table("grids")
    op.drop_column("jobs", "place")
