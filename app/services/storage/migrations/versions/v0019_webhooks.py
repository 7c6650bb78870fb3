"""Webhooks: whom to tell of tracks and groups, what is to be told, and addresses that are gone."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    """Make room for them."""
    op.add_column("tracks", sa.Column("webhook_url", sa.Text))
    op.add_column("groups", sa.Column("webhook_url", sa.Text))
    op.create_table(
        "hook_messages",
        sa.Column("id", sa.String(80), primary_key=True),
        sa.Column("owner", sa.String(64)),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("event", sa.String(32), nullable=False),
        sa.Column("subject", sa.String(64), nullable=False),
        sa.Column("payload", sa.JSON, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("log", sa.JSON, nullable=False),
        sa.Column("claimed_until", sa.DateTime(timezone=True)),
    )
    op.create_index("hook_messages_due", "hook_messages", ["state", "next_at"])
    op.create_index("hook_messages_newest", "hook_messages", ["created_at", "id"])
    op.create_table(
        "gone_hooks",
        sa.Column("name", sa.String(160), primary_key=True),
        sa.Column("gone_at", sa.DateTime(timezone=True), nullable=False),
    )


def downgrade() -> None:
    """Take them away; what was not told by then is not told."""
    op.drop_table("gone_hooks")
    op.drop_table("hook_messages")
    op.drop_column("groups", "webhook_url")
    op.drop_column("tracks", "webhook_url")
