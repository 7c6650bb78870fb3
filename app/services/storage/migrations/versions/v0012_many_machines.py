"""Many machines: what is urgent, what brings a job to a worker, the workers; on PostgreSQL the queue between them."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0008"

#: What procrastinate made, in the order in which it can be taken away.
_GONE = """
DO $$
DECLARE name text;
BEGIN
    FOR name IN SELECT format('%I', c.relname) FROM pg_class c
        WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r' AND c.relname LIKE 'procrastinate\\_%'
    LOOP EXECUTE 'DROP TABLE IF EXISTS ' || name || ' CASCADE'; END LOOP;
    FOR name IN SELECT p.oid::regprocedure::text FROM pg_proc p
        WHERE p.pronamespace = current_schema()::regnamespace AND p.proname LIKE 'procrastinate\\_%'
    LOOP EXECUTE 'DROP FUNCTION IF EXISTS ' || name || ' CASCADE'; END LOOP;
    FOR name IN SELECT format('%I', t.typname) FROM pg_type t
        WHERE t.typnamespace = current_schema()::regnamespace AND t.typname LIKE 'procrastinate\\_%'
    LOOP EXECUTE 'DROP TYPE IF EXISTS ' || name || ' CASCADE'; END LOOP;
END $$;
"""


def upgrade() -> None:
    """Make room for it; on SQLite nobody uses it."""
    op.add_column("tracks", sa.Column("priority", sa.Integer, nullable=False, server_default="0"))
    op.add_column("jobs", sa.Column("delivery", sa.BigInteger))
    op.add_column("jobs", sa.Column("vanished", sa.Integer, nullable=False, server_default="0"))
    op.create_table(
        "workers",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("host", sa.String(255), nullable=False),
        sa.Column("engines", sa.JSON, nullable=False),
        sa.Column("concurrency", sa.Integer, nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
    )
    if op.get_bind().dialect.name == "postgresql":
        from procrastinate.schema import SchemaManager

        _run(SchemaManager.get_schema())


def downgrade() -> None:
    """Take it away; tracks and waiting jobs stay."""
    if op.get_bind().dialect.name == "postgresql":
        _run(_GONE)
    op.drop_table("workers")
    op.drop_column("jobs", "vanished")
    op.drop_column("jobs", "delivery")
    op.drop_column("tracks", "priority")


def _run(script: str) -> None:
    # Many statements at once, and percent signs in them: only the driver itself takes that as it is.
    driver = op.get_bind().connection.driver_connection
    assert driver is not None  # noqa: S101 - it is open
    driver.execute(script)
