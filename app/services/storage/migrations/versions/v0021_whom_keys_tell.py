"""Keys: whom their tracks tell that they are finished."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0019"


def upgrade() -> None:
    """Make room for it; keys that there are tell nobody."""
    op.add_column("api_keys", sa.Column("webhook_url", sa.Text))


def downgrade() -> None:
    """Take it away."""
    op.drop_column("api_keys", "webhook_url")
