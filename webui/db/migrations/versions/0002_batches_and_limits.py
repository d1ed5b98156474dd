"""What jobs have in common with those that may share their batch, and the engine's time that each has had"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    with op.batch_alter_table("jobs", schema=None) as batch_op:
        batch_op.add_column(sa.Column("together", sa.String(length=16), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("engine_seconds", sa.Float(), nullable=False, server_default="0"))
        batch_op.create_index("ix_jobs_used", ["owner", "created"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("jobs", schema=None) as batch_op:
        batch_op.drop_index("ix_jobs_used")
        batch_op.drop_column("engine_seconds")
        batch_op.drop_column("together")
