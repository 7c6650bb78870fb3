"""What was asked against what was measured."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make room for the report."""
    op.add_column("tracks", sa.Column("report", sa.JSON))


def downgrade() -> None:
    """Forget the reports."""
    op.drop_column("tracks", "report")
