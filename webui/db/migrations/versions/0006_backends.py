"""Where a job is made, what was sent there, what it cost"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    with op.batch_alter_table("jobs", schema=None) as batch_op:
        batch_op.add_column(sa.Column("backend", sa.String(255), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("remote", sa.Text, nullable=False, server_default="[]"))
        batch_op.add_column(sa.Column("cost", sa.Float, nullable=False, server_default="0"))


def downgrade() -> None:
    with op.batch_alter_table("jobs", schema=None) as batch_op:
        batch_op.drop_column("cost")
        batch_op.drop_column("remote")
        batch_op.drop_column("backend")
