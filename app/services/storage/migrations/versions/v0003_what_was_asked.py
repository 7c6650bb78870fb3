"""What was asked for beside the prompt: explicit fields, a plan."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make room for it; tracks accepted before asked for nothing more."""
    op.add_column("tracks", sa.Column("asked", sa.JSON))


def downgrade() -> None:
    """Forget it."""
    op.drop_column("tracks", "asked")
