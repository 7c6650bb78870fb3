"""Access: keys, the secrets of an installation, what was done with keys; whose tracks are listed."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0013"


def upgrade() -> None:
    """Make room for it; nobody uses it until a server owner turns authentication on."""
    op.create_table(
        "api_keys",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("hashed", sa.String(64), nullable=False),
        sa.Column("scopes", sa.JSON, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True)),
        sa.Column("revoked_at", sa.DateTime(timezone=True)),
        sa.Column("last_used_at", sa.DateTime(timezone=True)),
    )
    op.create_table(
        "secret_values",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("value", sa.String(64), nullable=False),
    )
    op.create_table(
        "counters",
        sa.Column("name", sa.String(255), primary_key=True),
        sa.Column("amount", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.Float, nullable=False),
    )
    op.create_index("counters_oldest", "counters", ["expires_at"])
    op.create_table(
        "audit",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("event", sa.String(64), nullable=False),
        sa.Column("subject", sa.String(64), nullable=False),
        sa.Column("key_id", sa.String(64)),
        sa.Column("address", sa.String(64)),
        sa.Column("request_id", sa.String(64)),
    )
    op.create_index("audit_newest", "audit", ["at", "id"])
    op.create_index("tracks_newest_of_owner", "tracks", ["owner", "created_at", "id"])
    op.add_column("finetunes", sa.Column("shared", sa.Boolean, nullable=False, server_default=sa.false()))


def downgrade() -> None:
    """Take it away; what belonged to keys then belongs to everybody."""
    op.drop_column("finetunes", "shared")
    op.drop_index("tracks_newest_of_owner", "tracks")
    op.drop_table("audit")
    op.drop_table("counters")
    op.drop_table("secret_values")
    op.drop_table("api_keys")
