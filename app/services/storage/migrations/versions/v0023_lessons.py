"""Fine-tunes that any of several machines may make: who has one, and which run of it that is."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    """Make room for it."""
    op.add_column("finetunes", sa.Column("run", sa.Integer, nullable=False, server_default="0"))
    op.add_column("finetunes", sa.Column("worker", sa.String(80)))


def downgrade() -> None:
    """Take it away."""
    op.drop_column("finetunes", "worker")
    op.drop_column("finetunes", "run")
