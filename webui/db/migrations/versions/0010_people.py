"""People: who did what to the machine, how large pictures are, whose an upload is that several have sent"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "audit",
        sa.Column("number", big, primary_key=True, autoincrement=True),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("who", sa.String(64), nullable=False),
        sa.Column("did", sa.Text, nullable=False),
    )
    op.create_table(
        "upload_owners",
        sa.Column("number", big, primary_key=True, autoincrement=True),
        sa.Column("image_id", sa.String(64), nullable=False),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("created", sa.Float, nullable=False),
        sa.Column("bytes", big, nullable=False, server_default="0"),
        sa.UniqueConstraint("image_id", "owner", name="uq_upload_owners_image"),
    )
    op.create_index("ix_upload_owners_owner", "upload_owners", ["owner", "created"])
    op.execute("INSERT INTO upload_owners (image_id, owner, created, bytes) SELECT id, owner, created, 0 FROM images WHERE kind = 'upload'")
    op.add_column("images", sa.Column("bytes", big, nullable=False, server_default="0"))


def downgrade() -> None:
    op.drop_column("images", "bytes")
    op.drop_index("ix_upload_owners_owner", "upload_owners")
    op.drop_table("upload_owners")
    op.drop_table("audit")
