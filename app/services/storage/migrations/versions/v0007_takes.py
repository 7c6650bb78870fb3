"""What is known of a model's take: whether its seed was asked for, and what is wrong with it."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0005"


def upgrade() -> None:
    """Make room for both; of tracks accepted before nobody knows who chose the seed."""
    op.add_column("tracks", sa.Column("seed_named", sa.Boolean, nullable=False, server_default=sa.false()))
    op.add_column("tracks", sa.Column("warnings", sa.JSON))


def downgrade() -> None:
    """Forget both."""
    op.drop_column("tracks", "warnings")
    op.drop_column("tracks", "seed_named")
