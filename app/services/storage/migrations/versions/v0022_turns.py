"""Turns between owners: the round in which a track is made, also where many machines share the queue."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"

#: Rounds of one urgency, which the queue between machines counts within its priorities.
_ROUNDS = 2**26


def upgrade() -> None:
    """Make room for it; what waits is of the first round."""
    op.add_column("jobs", sa.Column("turn", sa.Integer, nullable=False, server_default="0"))
    if op.get_bind().dialect.name == "postgresql":
        op.execute(sa.text("UPDATE procrastinate_jobs SET priority = priority * :n").bindparams(n=_ROUNDS))


def downgrade() -> None:
    """Take it away; what waits is made in the order in which it came."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            sa.text("UPDATE procrastinate_jobs SET priority = ceil(priority::numeric / :n)").bindparams(n=_ROUNDS)
        )
    op.drop_column("jobs", "turn")
