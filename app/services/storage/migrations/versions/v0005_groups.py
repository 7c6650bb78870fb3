"""Tracks that belong together: groups, comparisons, and what was preferred."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make the tables; tracks accepted before belong to no group."""
    op.create_table(
        "groups",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("owner", sa.String(64)),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
    )
    op.create_table(
        "group_members",
        sa.Column("group_id", sa.String(64), sa.ForeignKey("groups.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("place", sa.Integer, primary_key=True),
        sa.Column("track_id", sa.String(64), sa.ForeignKey("tracks.id", ondelete="CASCADE"), nullable=False),
    )
    op.create_index("group_members_track", "group_members", ["track_id"])
    op.create_table(
        "comparisons",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("owner", sa.String(64)),
        sa.Column("group_id", sa.String(64), sa.ForeignKey("groups.id", ondelete="CASCADE"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("prompt", sa.Text, nullable=False),
        sa.Column("varied", sa.String(16), nullable=False),
        sa.Column("loudness_lufs", sa.Float, nullable=False),
        sa.Column("sides", sa.JSON, nullable=False),
        sa.Column("winner", sa.String(8)),
        sa.Column("voted_at", sa.DateTime(timezone=True)),
        sa.Column("votes", sa.Integer, nullable=False),
    )
    op.create_index("comparisons_group", "comparisons", ["group_id"])
    op.create_table(
        "votes",
        sa.Column("comparison_id", sa.String(64), primary_key=True),
        sa.Column("model", sa.String(64), primary_key=True),
        sa.Column("owner", sa.String(64)),
        sa.Column("won", sa.Boolean, nullable=False),
        sa.Column("voted_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("votes_by_model", "votes", ["model", "won"])


def downgrade() -> None:
    """Take them away; the tracks stay."""
    for table in ("votes", "comparisons", "group_members", "groups"):
        op.drop_table(table)
