"""How the music was chosen among its candidates."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Make room for the choice."""
    op.add_column("tracks", sa.Column("composition", sa.JSON))


def downgrade() -> None:
    """Forget the choices."""
    op.drop_column("tracks", "composition")
