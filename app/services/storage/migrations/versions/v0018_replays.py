"""Answers to requests that may be repeated."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    """Make room for them."""
    op.create_table(
        "replays",
        sa.Column("name", sa.String(400), primary_key=True),
        sa.Column("asked", sa.String(64), nullable=False),
        sa.Column("maker", sa.String(64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("track_id", sa.String(64)),
        sa.Column("status", sa.Integer),
        sa.Column("headers", sa.JSON),
        sa.Column("body", sa.Text),
    )
    op.create_index("replays_oldest", "replays", ["created_at"])


def downgrade() -> None:
    """Take them away; a repeated request then makes its music again."""
    op.drop_table("replays")
