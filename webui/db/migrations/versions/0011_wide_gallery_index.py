"""The gallery's index holds what queries ask for: with 100,000 pictures every look read all their rows, for half a second each"""

from alembic import op

revision = "0011"
down_revision = "0010"

_ORDERED = ("kind", "trashed", "missing", "number", "owner")
_ASKED = ("rating", "flag", "session", "created", "width", "height", "steps", "guidance", "strength", "clip_skip", "hires", "mode", "seed")
_LONG = ("sampler", "schedule", "checkpoint")


def upgrade() -> None:
    op.drop_index("ix_images_gallery", "images")
    long = _LONG if op.get_bind().dialect.name == "sqlite" else ()  # PostgreSQL's entries have at most 2,704 bytes
    op.create_index("ix_images_gallery", "images", [*_ORDERED, *_ASKED, *long])


def downgrade() -> None:
    op.drop_index("ix_images_gallery", "images")
    op.create_index("ix_images_gallery", "images", ["kind", "trashed", "owner", "number"])
